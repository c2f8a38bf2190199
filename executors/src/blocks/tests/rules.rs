use std::time::Duration;

use super::model::{CORES, World, node_name, seconds};
use super::{has_offers, world};
use crate::provider::{JobEnd, JobState, JobStatus};
use crate::transport::LinkEnd;

#[test]
fn nothing_is_asked_for_until_something_waits() {
    let mut world = world(|_| {});
    world.pass(seconds(600));
    assert!(world.submissions.is_empty() && world.polls.is_empty());
    assert_eq!(world.state.wake, None, "an idle executor sleeps");
    world.submit_calls(1);
    assert_eq!(world.submissions.len(), 1, "at once");
}

#[test]
fn blocks_scale_from_none_to_the_most_and_back() {
    let mut world = world(|_| {});
    world.call_time = 100;
    world.submit_calls(CORES * 2 * 3);
    assert!(world.until(seconds(20), |world| world.waiting == 0));
    assert_eq!(world.submissions.len(), 3);
    assert!(world.until(seconds(200), World::is_idle));
    assert!(world.until(seconds(70), |world| world.alive_jobs().is_empty()));
    assert_eq!(world.cancels, 0, "jobs end with their agents");
    assert_eq!(world.submissions.len(), 3);
    world.pass(seconds(30));
    let polls = world.polls.len();
    world.pass(seconds(600));
    assert_eq!(world.polls.len(), polls, "nothing is left to ask about");
}

#[test]
fn one_call_asks_for_one_block() {
    for nodes in 1..=2 {
        let mut world = world(|plan| plan.nodes = nodes);
        world.queue_time = 60;
        world.submit_calls(1);
        assert!(world.until(seconds(120), World::is_idle));
        world.pass(seconds(10));
        assert_eq!(world.submissions.len(), 1, "blocks of {nodes}");
    }
}

#[test]
fn running_blocks_are_not_polled() {
    let mut world = world(|plan| plan.max_idletime = seconds(10_000));
    world.submit_calls(1);
    world.pass(seconds(40));
    let polls = world.polls.len();
    assert!(polls <= 2, "{polls} polls");
    world.pass(seconds(300));
    assert_eq!(world.polls.len(), polls);
}

#[test]
fn pending_blocks_are_polled_once_each_interval_all_together() {
    let mut world = world(|_| {});
    world.queue_time = 1_000_000;
    world.submit_calls(100);
    world.pass(seconds(10));
    let polls = world.polls.len();
    assert!(polls <= 3);
    world.pass(seconds(300));
    assert_eq!(world.polls.len() - polls, 10);
}

#[test]
fn with_no_parallelism_one_block_comes_at_a_time() {
    let mut world = world(|plan| plan.parallelism = 0.0);
    (world.queue_time, world.call_time) = (30, 1_000);
    world.submit_calls(100);
    world.pass(Duration::from_secs(2));
    assert_eq!(world.submissions.len(), 1);
    assert!(world.until(seconds(120), |world| world.submissions.len() == 3));
}

#[test]
fn short_calls_do_not_ask_for_more_than_serves_them() {
    let mut world = world(|_| {});
    world.submit_calls(1);
    assert!(world.until(seconds(30), has_offers));
    assert!(world.until(seconds(30), World::is_idle));
    world.call_time = 0;
    for _ in 0..10 {
        world.submit_calls(CORES * 4);
        world.pass(seconds(1));
    }
    assert_eq!(world.submissions.len(), 1);
}

#[test]
fn initial_blocks_come_unasked_and_go_when_they_were_idle() {
    let mut world = world(|plan| (plan.init, plan.min) = (2, 1));
    world.queue_time = 40;
    world.pass(seconds(59));
    assert_eq!(
        world.alive_jobs().len(),
        2,
        "also those that wait for nodes"
    );
    world.pass(seconds(60));
    assert_eq!(world.alive_jobs().len(), 1, "the least is kept");
    assert_eq!(world.submissions.len(), 2);
}

#[test]
fn blocks_that_ran_well_are_replaced_for_ever() {
    let mut world = world(|plan| plan.max = 1);
    world.call_time = 1_000_000;
    world.submit_calls(1);
    for round in 1..20 {
        assert!(world.until(seconds(30), |world| world.waiting == 0));
        world.pass(seconds(100));
        let job = world.alive_jobs()[0].clone();
        world.end_job(&job, JobEnd::Cancelled);
        world.until(seconds(10), |world| world.warnings.len() == round);
        assert_eq!(world.warnings.len(), round, "{:#?}", world.warnings);
        assert!(world.was_warned("Over(Cancelled)"), "{:?}", world.warnings);
    }
    assert_eq!(world.broken, None);
}

#[test]
fn a_block_that_will_never_run_is_warned_about_and_waited_for() {
    let mut world = world(|_| {});
    (world.queue_time, world.health.hides_agents) = (1_000_000, true);
    world.submit_calls(1);
    world.pass(seconds(1));
    let job = world.alive_jobs()[0].clone();
    let status = JobStatus {
        state: JobState::Stuck,
        word: "PENDING".to_owned(),
        reason: Some("PartitionNodeLimit".to_owned()),
        nodes: Vec::new(),
        left: None,
        exit: None,
    };
    for _ in 0..3 {
        let told = Ok(vec![(job.clone(), status.clone())]);
        world.with(|state, now, commands| state.polled(told, now, commands));
    }
    assert_eq!(world.warnings.len(), 1, "{:?}", world.warnings);
    assert!(world.was_warned("PartitionNodeLimit"));
    assert_eq!((world.broken, world.waiting), (None, 1));
}

#[test]
fn a_job_whose_agents_do_not_call_is_warned_about_with_hints_and_its_output() {
    let mut world = world(|_| {});
    world.health.hides_agents = true;
    world.output = Some("cannot reach 10.0.0.1\n".to_owned());
    world.submit_calls(1);
    world.pass(seconds(50));
    assert!(world.warnings.is_empty());
    world.pass(seconds(60));
    assert_eq!(world.warnings.len(), 1);
    for part in [
        "firewall",
        "`address`",
        "run's folder",
        "cannot reach 10.0.0.1",
    ] {
        assert!(world.was_warned(part), "{:?}", world.warnings);
    }
}

#[test]
fn a_node_that_is_lost_time_and_again_is_set_aside() {
    let mut world = world(|plan| (plan.nodes, plan.max) = (1, 1));
    (world.call_time, world.queue_time) = (100_000, 1);
    // Every second job runs on the same machine.
    for _ in 0..6 {
        world.submit_calls(1);
        assert!(world.until(seconds(120), |world| !world.connected().is_empty()));
        world.pass(seconds(40));
        let node = world.connected()[0];
        world.lose(node, &LinkEnd::Gone);
        let job = world.alive_jobs()[0].clone();
        world.end_job(&job, JobEnd::NodeFailed);
        world.pass(seconds(3));
        world.waiting = 0;
        world.submit_calls(0);
        assert!(world.until(seconds(90), |world| world.state.is_empty()));
    }
    assert!(world.was_warned("set aside"), "{:?}", world.warnings);
    world.submit_calls(1);
    assert!(world.until(seconds(60), |world| world.submissions.len() >= 7));
    assert!(!world.excluded.is_empty());
}

#[test]
fn what_somebody_else_ended_is_no_fault_of_a_node() {
    let mut world = world(|plan| (plan.nodes, plan.max) = (1, 1));
    world.call_time = 100_000;
    for _ in 0..12 {
        world.submit_calls(1);
        assert!(world.until(seconds(120), |world| !world.connected().is_empty()));
        world.pass(seconds(40));
        let job = world.alive_jobs()[0].clone();
        world.end_job(&job, JobEnd::Cancelled);
        world.pass(seconds(3));
        world.waiting = 0;
        world.submit_calls(0);
        assert!(world.until(seconds(90), |world| world.state.is_empty()));
    }
    assert!(!world.was_warned("set aside"));
}

#[test]
fn a_silent_node_is_sent_nothing_until_it_is_back() {
    let mut world = world(|plan| plan.nodes = 1);
    world.call_time = 1_000;
    world.submit_calls(1);
    assert!(world.until(seconds(30), has_offers));
    let node = world.connected()[0];
    world.with(|state, now, commands| state.silent(node, now, commands));
    assert!(!world.hosts[&node].is_offered);
    world.with(|state, now, commands| state.back(node, now, commands));
    assert!(world.hosts[&node].is_offered);
}

#[test]
fn a_silent_node_that_its_job_no_longer_has_is_lost_at_once() {
    let mut world = world(|_| {});
    world.call_time = 100_000;
    world.submit_calls(8);
    assert!(world.until(seconds(30), |world| world.connected().len() == 2));
    let job = world.alive_jobs()[0].clone();
    let node = world.connected()[0];
    let name = world.state.nodes[&node].name.clone();
    let told = |world: &mut World, nodes: Vec<String>| {
        let status = JobStatus {
            state: JobState::Running,
            word: "RUNNING".to_owned(),
            reason: None,
            nodes,
            left: None,
            exit: None,
        };
        let told = Ok(vec![(job.clone(), status)]);
        world.with(|state, now, commands| state.polled(told, now, commands));
    };
    let names: Vec<_> = (0..2).map(|number| node_name(&job, number)).collect();
    told(&mut world, names.clone());
    world.with(|state, now, commands| state.silent(node, now, commands));
    told(
        &mut world,
        names.iter().filter(|it| **it != name).cloned().collect(),
    );
    world.pass(seconds(1));
    assert!(!world.connected().contains(&node));
    assert_eq!(world.connected().len(), 1);
    assert!(world.was_warned("is silent, and Slurm has taken it from its job"));
}

#[test]
fn agents_that_are_not_wanted_are_told_why() {
    let mut world = world(|plan| plan.nodes = 1);
    world.submit_calls(1);
    assert!(world.until(seconds(30), has_offers));
    let joining = |block, name: &str| super::super::joining::Joining {
        block: super::super::block::BlockId(block),
        name: name.to_owned(),
        capacity: crate::Capacity::UNBOUNDED,
        age: None,
    };
    let mut refused = |joining| {
        world
            .with(|state, now, commands| state.joined(joining, now, commands))
            .unwrap_err()
    };
    assert!(refused(joining(9, "n1")).contains("no block 9"));
    assert!(refused(joining(1, "other")).contains("all nodes of block 1"));
    world.with(|state, now, commands| state.close(seconds(1), now, commands));
    let mut refused = |joining| {
        world
            .with(|state, now, commands| state.joined(joining, now, commands))
            .unwrap_err()
    };
    assert!(refused(joining(1, "n1")).contains("closing"));
}

#[test]
fn the_largest_room_is_told_when_a_block_is_there() {
    let mut world = world(|_| {});
    world.pass(seconds(1));
    assert_eq!(world.largest.map(|largest| largest.memory), Some(u64::MAX));
    assert_eq!(world.largest.map(|largest| largest.cores), Some(CORES));
    world.submit_calls(1);
    assert!(world.until(seconds(60), World::is_idle));
    assert_eq!(world.largest.map(|largest| largest.memory), Some(1 << 30));
}
