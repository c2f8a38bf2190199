use std::time::Duration;

use proptest::prelude::*;

use super::super::NodeGpus;
use super::check::cores;
use super::model::{World, attempt};
use super::settings;
use crate::{Demand, LossRule, TaskKind};

#[derive(Clone, Debug)]
enum Step {
    Arrive(TaskKind, Demand, LossRule),
    Work(usize, usize),
    Kill(usize),
    Execute,
    Stop(u64),
    Pass(u64),
}

fn demand() -> impl Strategy<Value = (TaskKind, Demand)> {
    let body = Demand {
        async_bodies: 1,
        ..cores(0)
    };
    let with_memory = Demand {
        memory: 1 << 29,
        ..cores(1)
    };
    let with_gpu = Demand {
        gpus: 1,
        ..cores(1)
    };
    prop_oneof![
        8 => Just((TaskKind::Function, cores(1))),
        2 => Just((TaskKind::Function, cores(2))),
        1 => Just((TaskKind::Function, with_memory)),
        1 => Just((TaskKind::Function, with_gpu)),
        3 => Just((TaskKind::AsyncFunction, body)),
        2 => Just((TaskKind::Command, cores(1))),
        1 => Just((TaskKind::Command, with_gpu)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let on_loss = prop_oneof![4 => Just(LossRule::Repeat), 1 => Just(LossRule::Fail)];
    prop_oneof![
        8 => (demand(), on_loss).prop_map(|((kind, demand), on_loss)| {
            Step::Arrive(kind, demand, on_loss)
        }),
        20 => (0_usize..8, 0_usize..30).prop_map(|(worker, choice)| Step::Work(worker, choice)),
        1 => (0_usize..8).prop_map(Step::Kill),
        2 => Just(Step::Execute),
        1 => (1_u64..200).prop_map(Step::Stop),
        1 => (0_u64..100).prop_map(Step::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_job_ends_once_whatever_happens_to_workers(
        workers in 1_u32..5,
        threads in 1_u32..4,
        per_worker in prop::bool::ANY,
        hurry in prop::bool::weighted(0.1),
        steps in prop::collection::vec(step(), 1..300),
    ) {
        let mut settings = settings(workers);
        settings.threads_per_worker = threads;
        settings.cores_per_worker = threads;
        settings.cores = (workers * threads).max(2);
        settings.gpus_per_worker = u32::from(per_worker);
        settings.gpus = NodeGpus::granted(|_| None, Some(workers));
        settings.max_idletime = Duration::from_millis(50);
        let mut world = World::new(settings);
        if hurry {
            world.with(|state, now, commands| state.hurry(now, commands));
        }
        for step in steps {
            let pick = |world: &World, at: usize| {
                let workers = world.workers();
                (!workers.is_empty()).then(|| workers[at % workers.len()])
            };
            match step {
                Step::Arrive(kind, demand, on_loss) => {
                    world.arrive(kind, demand, on_loss);
                }
                Step::Work(at, choice) => {
                    if let Some(worker) = pick(&world, at) {
                        world.step(worker, choice);
                    }
                }
                Step::Kill(at) => {
                    if let Some(worker) = pick(&world, at) {
                        world.kill(worker);
                    }
                }
                Step::Execute => world.execute(),
                Step::Stop(number) => {
                    world.with(|state, now, commands| state.stop(attempt(number), now, commands));
                }
                Step::Pass(millis) => world.pass(Duration::from_millis(millis)),
            }
        }
        world.settle();
    }
}
