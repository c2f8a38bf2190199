use std::time::Duration;

use proptest::prelude::*;

use super::model::{Health, World, seconds};
use super::plan;
use crate::provider::JobEnd;
use crate::transport::LinkEnd;

#[derive(Clone, Debug)]
enum Step {
    Calls(u32),
    Pass(u64),
    Kill(usize),
    EndJob(usize, JobEnd),
    Silence(usize),
    Break(usize),
    Health(Health),
}

fn step() -> impl Strategy<Value = Step> {
    let end = prop_oneof![
        Just(JobEnd::Cancelled),
        Just(JobEnd::Preempted),
        Just(JobEnd::NodeFailed),
        Just(JobEnd::TimedOut),
        Just(JobEnd::Failed),
    ];
    let health = prop_oneof![
        3 => Just(Health::default()),
        1 => Just(Health { is_unreachable: true, ..Health::default() }),
        1 => Just(Health { is_deaf: true, ..Health::default() }),
        1 => Just(Health { is_lying: true, ..Health::default() }),
        1 => Just(Health { is_full: true, ..Health::default() }),
        1 => Just(Health { fails_jobs: true, ..Health::default() }),
        1 => Just(Health { hides_agents: true, ..Health::default() }),
    ];
    prop_oneof![
        6 => (1_u32..60).prop_map(Step::Calls),
        6 => (1_u64..5_000).prop_map(Step::Pass),
        4 => (5_000_u64..200_000).prop_map(Step::Pass),
        2 => (0_usize..8).prop_map(Step::Kill),
        2 => ((0_usize..8), end).prop_map(|(at, end)| Step::EndJob(at, end)),
        2 => (0_usize..8).prop_map(Step::Silence),
        1 => (0_usize..8).prop_map(Step::Break),
        2 => health.prop_map(Step::Health),
    ]
}

fn pick<T: Clone>(all: &[T], at: usize) -> Option<T> {
    (!all.is_empty()).then(|| all[at % all.len()].clone())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn work_finds_nodes_whatever_happens_and_nothing_is_left(
        seed in any::<u64>(),
        (init, min, max) in (0_u32..3, 0_u32..3, 1_u32..5),
        nodes in 1_u32..4,
        parallelism in prop_oneof![Just(0.0), Just(0.5), Just(1.0)],
        queue_time in 0_u64..100,
        call_time in 1_u64..60,
        has_timeout in prop::bool::ANY,
        steps in prop::collection::vec(step(), 1..40),
        closes_early in prop::bool::weighted(0.2),
    ) {
        let mut plan = plan();
        (plan.init, plan.min, plan.max) = (init.min(max), min.min(max), max);
        (plan.nodes, plan.parallelism) = (nodes, parallelism);
        let longest = plan.longest_timeout();
        let mut world = World::new(plan, seed);
        (world.queue_time, world.call_time) = (queue_time, call_time);
        world.timeout = has_timeout.then_some(longest);
        for step in steps {
            match step {
                Step::Calls(calls) => world.submit_calls(calls),
                Step::Pass(millis) => world.pass(Duration::from_millis(millis)),
                Step::Kill(at) => if let Some(node) = pick(&world.connected(), at) {
                    world.lose(node, &LinkEnd::Gone);
                },
                Step::EndJob(at, end) => if let Some(job) = pick(&world.alive_jobs(), at) {
                    world.end_job(&job, end);
                },
                Step::Silence(at) => if let Some(node) = pick(&world.connected(), at) {
                    world.silence(node);
                },
                Step::Break(at) => if let Some(node) = pick(&world.connected(), at) {
                    world.with(|state, now, commands| {
                        state.node_broken(node, "no shell", now, commands);
                    });
                },
                Step::Health(health) => world.health = health,
            }
        }
        world.health = Health::default();
        if !closes_early {
            world.submit_calls(1);
            // Broken jobs of before may take their whole time, one after the other.
            let is_done = world.until(seconds(4 * 3600), World::is_idle);
            prop_assert!(is_done, "work waits for ever: {:#?}", world.state);
        }
        let elapsed = (world.now - world.begun).as_secs() as usize;
        prop_assert!(world.submissions.len() <= 5 + elapsed);
        prop_assert!(world.polls.len() <= 1 + elapsed);
        world.with(|state, now, commands| state.close(seconds(1), now, commands));
        let is_over = world.until(seconds(120), |world| {
            world.state.is_empty() && world.alive_jobs().is_empty()
        });
        prop_assert!(is_over, "left behind: {:#?} {:#?}", world.state, world.jobs);
    }
}
