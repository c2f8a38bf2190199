use std::time::Duration;

use super::super::job::JobEnd;
use super::super::lost::Begun;
use super::check::cores;
use super::model::{Ended, World, attempt};
use super::settings;
use crate::{Demand, LossRule, LostWorker, ProcessEnd, TaskKind};

/// A world with one worker that is connected, and a job that it has begun.
fn one_that_runs(on_loss: LossRule) -> World {
    let mut world = World::new(settings(1));
    world.arrive(TaskKind::Function, cores(1), on_loss);
    let worker = world.workers()[0];
    world.step(worker, 1);
    world.step(worker, 1);
    assert_eq!(world.begun.get(&1), Some(&1));
    world
}

fn lost(losses: u32) -> Ended {
    Ended::Other(JobEnd::Lost(LostWorker {
        worker: "compute-0".to_owned(),
        end: ProcessEnd::Signal(9),
        stderr: String::new(),
        losses,
    }))
}

#[test]
fn a_job_that_keeps_losing_workers_is_given_up() {
    let mut world = one_that_runs(LossRule::Repeat);
    for round in 1..=3 {
        assert_eq!(world.ended.get(&1), None, "round {round}");
        let worker = world.workers()[0];
        world.kill(worker);
        if let Some(&worker) = world.workers().first() {
            world.step(worker, 1);
            world.step(worker, 1);
        }
    }
    assert_eq!(world.ended.get(&1), Some(&lost(3)));
    assert_eq!(world.begun.get(&1), Some(&3));
}

#[test]
fn work_that_must_not_repeat_fails_with_its_first_worker() {
    let mut world = one_that_runs(LossRule::Fail);
    let worker = world.workers()[0];
    world.kill(worker);
    assert_eq!(world.ended.get(&1), Some(&lost(1)));
}

#[test]
fn a_loss_that_is_to_be_reported_is_told_with_the_first_worker() {
    let mut world = one_that_runs(LossRule::Report);
    let worker = world.workers()[0];
    world.kill(worker);
    assert_eq!(world.ended.get(&1), Some(&lost(1)));
    // Of one that was killed for what it said, its signal says nothing.
    let mut world = one_that_runs(LossRule::Report);
    let worker = world.workers()[0];
    world.misspeak(worker);
    let Some(Ended::Other(JobEnd::Lost(lost))) = world.ended.get(&1) else {
        panic!("{:?}", world.ended);
    };
    assert_eq!(lost.end, ProcessEnd::GivenUp);
}

#[test]
fn what_was_sent_ahead_to_a_lost_worker_is_not_counted() {
    let mut world = one_that_runs(LossRule::Fail);
    world.arrive(TaskKind::Function, cores(1), LossRule::Fail);
    assert_eq!(world.state.sent_ahead, 1);
    let worker = world.workers()[0];
    world.kill(worker);
    assert_eq!(world.ended.get(&2), None);
    world.settle();
    assert_eq!(world.ended.get(&2), Some(&Ended::Value));
    assert_eq!(world.begun.get(&2), Some(&1));
}

#[test]
fn a_job_whose_result_is_lost_runs_again_without_being_counted() {
    for on_loss in [LossRule::Repeat, LossRule::Report] {
        let mut world = one_that_runs(on_loss);
        for _ in 0..5 {
            let worker = world.workers()[0];
            // Ends and is not reported.
            world.step(worker, 1);
            world.kill(worker);
            let worker = world.workers()[0];
            world.step(worker, 1);
            world.step(worker, 1);
        }
        world.settle();
        assert_eq!(world.ended.get(&1), Some(&Ended::Value));
    }
}

#[test]
fn an_idle_worker_gets_what_waits_at_a_busy_one() {
    let mut world = World::new(settings(2));
    for _ in 0..3 {
        world.arrive(TaskKind::Function, cores(1), LossRule::Repeat);
    }
    let workers = world.workers();
    assert_eq!(workers.len(), 2);
    // The first worker gets one to run and one ahead, and is stuck in the first.
    world.step(workers[0], 1);
    world.step(workers[0], 1);
    assert_eq!(world.state.sent_ahead, 1);
    world.step(workers[1], 1);
    for choice in [1, 1, 2] {
        world.step(workers[1], choice);
    }
    assert_eq!(world.ended.len(), 1);
    world.pass(Duration::from_millis(5));
    // The first worker's watcher gives it back.
    world.step(workers[0], 3);
    for choice in [1, 1, 2] {
        world.step(workers[1], choice);
    }
    assert_eq!(world.ended.len(), 2);
    assert_eq!(world.begun.len(), 3);
}

#[test]
fn idle_workers_go_down_to_the_least() {
    let mut settings = settings(3);
    settings.min_workers = 1;
    let mut world = World::new(settings);
    for _ in 0..6 {
        world.arrive(TaskKind::Function, cores(1), LossRule::Repeat);
    }
    world.settle();
    assert_eq!(world.workers().len(), 3);
    for _ in 0..5 {
        world.pass(Duration::from_secs(61));
        for worker in world.workers() {
            world.step(worker, 1);
        }
    }
    assert_eq!(world.workers().len(), 1);
}

#[test]
fn workers_that_do_not_start_are_not_started_for_ever() {
    let mut world = World::new(settings(1));
    world.arrive(TaskKind::Function, cores(1), LossRule::Repeat);
    for _ in 0..3 {
        let worker = world.workers()[0];
        world.kill(worker);
    }
    assert_eq!(world.workers(), []);
    let Some(Ended::Other(JobEnd::Unavailable(reason))) = world.ended.get(&1) else {
        panic!("{:?}", world.ended);
    };
    assert!(reason.contains("compute-0"), "{reason}");
    world.arrive(TaskKind::Function, cores(1), LossRule::Repeat);
    assert_eq!(world.ended.len(), 2);
}

#[test]
fn a_heavy_job_is_not_passed_for_ever() {
    let mut world = World::new(settings(2));
    world.arrive(TaskKind::Function, cores(1), LossRule::Repeat);
    world.arrive(TaskKind::Function, cores(2), LossRule::Repeat);
    for _ in 0..300 {
        world.arrive(TaskKind::Function, cores(1), LossRule::Repeat);
    }
    for round in 0..2000 {
        for worker in world.workers() {
            world.step(worker, round);
        }
        if world.ended.contains_key(&2) {
            break;
        }
    }
    assert!(world.ended.contains_key(&2));
    assert!(world.ended.len() < 200, "{} came first", world.ended.len());
}

#[test]
fn there_are_workers_for_all_async_calls_that_may_run() {
    let mut settings = settings(3);
    settings.max_async = 2;
    let mut world = World::new(settings);
    let place = Demand {
        async_bodies: 1,
        ..cores(0)
    };
    for (calls, workers) in [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (6, 3)] {
        world.arrive(TaskKind::AsyncFunction, place, LossRule::Repeat);
        assert_eq!(world.workers().len(), workers, "for {calls}");
    }
}

#[test]
fn an_async_call_waits_for_none_that_needs_room() {
    let mut world = one_that_runs(LossRule::Repeat);
    world.arrive(TaskKind::Command, cores(1), LossRule::Repeat);
    let place = Demand {
        async_bodies: 1,
        ..cores(0)
    };
    let body = world.arrive(TaskKind::AsyncFunction, place, LossRule::Repeat);
    assert_eq!(world.begun.get(&2), None);
    assert_eq!(world.begun.get(&body), Some(&1));
}

#[test]
fn a_stopped_body_ends_and_its_worker_with_it() {
    let mut world = one_that_runs(LossRule::Repeat);
    world.with(|state, now, commands| state.stop(attempt(1), now, commands));
    let worker = world.workers()[0];
    // It was told to end itself.
    world.step(worker, 1);
    assert_eq!(world.ended.get(&1), Some(&Ended::Other(JobEnd::Stopped)));
}

#[test]
fn a_command_follows_on_another_unless_there_is_room() {
    let mut world = World::new(settings(1));
    for _ in 0..3 {
        world.arrive(TaskKind::Command, cores(1), LossRule::Fail);
    }
    assert_eq!(world.state.following.len(), 1);
    assert_eq!(world.state.scripts.len(), 1);
    // The node begins the second before the pool hears of the end of the first.
    world.execute();
    assert_eq!(world.begun.len(), 2);
    assert_eq!(
        (world.state.following.len(), world.state.scripts.len()),
        (1, 0)
    );
    world.settle();
    assert_eq!(world.begun.len(), 3);
}

#[test]
fn a_command_does_not_wait_for_another_where_a_core_becomes_free() {
    let mut world = World::new(settings(2));
    for _ in 0..3 {
        world.arrive(TaskKind::Command, cores(1), LossRule::Fail);
    }
    assert_eq!(world.state.following.len(), 1);
    // The second ends; the third was to follow on the first.
    world.end_command(2);
    assert_eq!(world.state.following.len(), 0);
    assert_eq!(world.begun.get(&3), Some(&1));
    world.settle();
}

#[test]
fn a_job_begins_when_nothing_is_before_it_any_more() {
    let mut world = one_that_runs(LossRule::Repeat);
    world.arrive(TaskKind::Function, cores(1), LossRule::Repeat);
    assert_eq!(world.state.sent_ahead, 1);
    assert_eq!(world.told.keys().copied().collect::<Vec<_>>(), [1]);
    let worker = world.workers()[0];
    // The first ends, and that is reported.
    world.step(worker, 1);
    assert_eq!(world.told.len(), 1);
    world.settle();
    assert_eq!(world.told, world.begun);
    // What waits for a worker to start has not begun either, and what is executed has.
    let mut world = World::new(settings(1));
    world.arrive(TaskKind::Command, cores(1), LossRule::Fail);
    world.arrive(TaskKind::Function, cores(1), LossRule::Repeat);
    assert_eq!(world.told.keys().copied().collect::<Vec<_>>(), [1]);
}

#[test]
fn a_command_waits_for_a_core_and_for_no_worker() {
    let mut settings = settings(1);
    settings.cores = 4;
    let mut world = World::new(settings);
    for _ in 0..4 {
        world.arrive(TaskKind::Function, cores(1), LossRule::Repeat);
    }
    let command = world.arrive(TaskKind::Command, cores(1), LossRule::Fail);
    assert_eq!(world.begun.get(&command), Some(&1));
}

#[test]
fn a_call_is_not_taken_back_where_no_core_is_free() {
    let mut world = World::new(settings(2));
    for _ in 0..2 {
        world.arrive(TaskKind::Function, cores(1), LossRule::Repeat);
    }
    let workers = world.workers();
    for worker in &workers {
        world.step(*worker, 1);
        world.step(*worker, 1);
    }
    // The second worker is idle, and a command has its core.
    world.step(workers[1], 1);
    world.arrive(TaskKind::Command, cores(1), LossRule::Fail);
    world.step(workers[1], 2);
    world.arrive(TaskKind::Function, cores(1), LossRule::Repeat);
    assert_eq!((world.state.sent_ahead, world.state.ready), (1, 2));
    world.pass(Duration::from_millis(5));
    assert!(
        world
            .state
            .workers
            .iter()
            .all(|(_, worker)| !worker.withdrawing)
    );
}

#[test]
fn who_runs_beside_a_call_that_is_killed_is_not_blamed() {
    for on_loss in [LossRule::Repeat, LossRule::Report] {
        let mut settings = settings(1);
        settings.crash_limit = 1;
        let mut world = World::new(settings);
        let body = Demand {
            async_bodies: 1,
            ..cores(0)
        };
        let beside = world.arrive(TaskKind::AsyncFunction, body, on_loss);
        let worker = world.workers()[0];
        world.step(worker, 1);
        let killed = world.arrive(TaskKind::Function, cores(1), LossRule::Repeat);
        world.step(worker, 1);
        world.with(|state, now, commands| state.stop(attempt(killed), now, commands));
        world.step(worker, 1);
        assert_eq!(
            world.ended.get(&killed),
            Some(&Ended::Other(JobEnd::Stopped))
        );
        assert_eq!(world.ended.get(&beside), None);
        world.settle();
        assert_eq!(world.ended.get(&beside), Some(&Ended::Value));
    }
}

#[test]
fn workers_that_never_begin_anything_are_not_started_for_ever() {
    let mut world = World::new(settings(1));
    world.arrive(TaskKind::Function, cores(1), LossRule::Repeat);
    for round in 0..20 {
        let Some(&worker) = world.workers().first() else {
            assert!(round > 3, "that may have been an accident");
            break;
        };
        world.step(worker, 1);
        world.kill_before_it_reads(worker);
    }
    assert!(matches!(
        world.ended.get(&1),
        Some(Ended::Other(JobEnd::Unavailable(_)))
    ));
}

#[test]
fn a_result_that_cannot_be_told_counts_as_a_loss() {
    let mut world = one_that_runs(LossRule::Repeat);
    for _ in 0..3 {
        let worker = world.workers()[0];
        // Ends, and what is said of it makes no sense.
        world.step(worker, 1);
        world.misspeak(worker);
        if let Some(&worker) = world.workers().first() {
            world.step(worker, 1);
            world.step(worker, 1);
        }
    }
    let Some(Ended::Other(JobEnd::Lost(lost))) = world.ended.get(&1) else {
        panic!("{:?}", world.ended);
    };
    assert_eq!((lost.losses, lost.end), (3, ProcessEnd::GivenUp));
}

#[test]
fn bodies_that_need_a_gpu_each_get_a_worker_each() {
    let mut settings = settings(2);
    settings.gpus = super::NodeGpus::granted(|_| None, Some(2));
    settings.gpus_per_worker = 1;
    let mut world = World::new(settings);
    let body = Demand {
        async_bodies: 1,
        gpus: 1,
        ..cores(0)
    };
    for _ in 0..2 {
        world.arrive(TaskKind::AsyncFunction, body, LossRule::Repeat);
    }
    for worker in world.workers() {
        world.step(worker, 1);
    }
    for worker in world.workers() {
        world.step(worker, 1);
    }
    assert_eq!(world.begun.len(), 2);
}

#[test]
fn a_command_that_the_node_never_got_is_not_lost_with_it() {
    let mut world = World::new(settings(1));
    let given = world.arrive(TaskKind::Command, cores(1), LossRule::Fail);
    let command = attempt(given);
    world.with(|state, _, commands| {
        state.give_up("no such file".to_owned(), commands);
        state.node_lost(false, |_| Begun::default(), commands);
    });
    assert_eq!(
        world.ended.get(&given),
        Some(&Ended::Other(JobEnd::Unavailable(
            "no such file".to_owned()
        )))
    );
    assert_eq!(world.state.find(command), None);
}

#[test]
fn a_few_accidents_among_many_that_start_do_no_harm() {
    let mut world = World::new(settings(8));
    for _ in 0..8 {
        world.arrive(TaskKind::Function, cores(1), LossRule::Repeat);
    }
    let workers = world.workers();
    assert_eq!(workers.len(), 8);
    for worker in &workers[..5] {
        world.kill(*worker);
    }
    world.settle();
    assert!(world.ended.values().all(|end| *end == Ended::Value));
}
