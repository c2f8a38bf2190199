//! Corners where a call is handed over, ends or is dropped at an awkward moment.

use std::time::{Duration, Instant};

use chiltepin::{AppFuture, ErrorKind, TaskError, Workflow, join_task, task};
use serde::{Deserialize, Serialize};

use crate::support::Stage;

#[task]
async fn fail() -> Result<u64, String> {
    Err("no".to_owned())
}

#[task]
async fn pass(number: u64) -> u64 {
    number
}

#[task]
async fn run(stage: Stage) {
    drop(stage.enter());
}

#[chiltepin::test]
async fn a_call_refused_in_a_batch_refuses_those_behind_it(workflow: Workflow) {
    let stage = Stage::new();
    let failed = fail().submit(&workflow);
    assert!(failed.clone().await.is_err());
    // All of them are handed over at once, and each waits for the one before.
    let mut last = failed.clone();
    let ends = workflow.map(0..200, |_| {
        let call = run(stage).inputs(&last);
        last = failed.map(|number| *number);
        call
    });
    let middle = workflow.map(0..200, |_| pass(&failed));
    let behind = workflow.map(&middle, |before| run(stage).inputs(before));
    for end in ends.into_iter().chain(behind) {
        let error: TaskError = end.await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::DependencyFailed { .. }));
    }
    assert_eq!(stage.entered(), 0);
}

/// Panics where user code is run outside of bodies.
#[derive(Serialize, Deserialize)]
struct Fragile;

impl Clone for Fragile {
    fn clone(&self) -> Self {
        panic!("cannot be cloned")
    }
}

#[task(retries = 1)]
fn take(_fragile: Fragile) {}

#[task(retries = 1)]
async fn take_async(_fragile: Fragile) {}

#[chiltepin::test]
async fn an_argument_whose_clone_panics_fails_its_attempt(workflow: Workflow) {
    for _ in 0..20 {
        // The first attempt copies it, in vain; the last one takes it.
        let futures = [
            take(Fragile).submit(&workflow),
            take_async(Fragile).submit(&workflow),
        ];
        for future in futures {
            assert!(future.await.is_ok());
        }
    }
    assert_eq!(pass(1).submit(&workflow).await.unwrap(), 1);
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[task]
async fn hold_a_bomb() {
    let _bomb = Bomb;
    std::future::pending::<()>().await;
}

#[chiltepin::test]
async fn a_stopped_body_whose_drop_panics_has_still_ended(workflow: Workflow) {
    let futures: Vec<_> = (0..20)
        .map(|_| {
            hold_a_bomb()
                .timeout(Duration::from_millis(10))
                .submit(&workflow)
        })
        .collect();
    for future in futures {
        assert!(future.await.unwrap_err().is_timeout());
    }
    assert_eq!(pass(1).submit(&workflow).await.unwrap(), 1);
}

#[task]
fn quick() {}

#[chiltepin::test]
async fn many_calls_start_though_nobody_awaits(workflow: Workflow) {
    let futures = workflow.map(0..1000, |_| quick());
    let limit = Instant::now() + Duration::from_secs(60);
    // Not async, as a main that computes.
    while !futures.iter().all(AppFuture::done) {
        assert!(Instant::now() < limit, "nothing starts");
        std::thread::yield_now();
    }
}

#[join_task]
async fn descend(workflow: &Workflow, levels: u64) -> AppFuture<u64> {
    if levels == 0 {
        fail().submit(workflow)
    } else {
        descend(levels - 1).submit(workflow)
    }
}

#[chiltepin::test]
async fn an_error_from_deep_below_is_dropped_without_recursion(workflow: Workflow) {
    let error = descend(20_000).submit(&workflow).await.unwrap_err();
    assert_eq!(error.root().task(), "fail");
    workflow.close().await;
    drop(workflow);
    drop(error);
}

#[task]
fn heed(context: &chiltepin::TaskContext) {
    while !context.is_cancelled() {
        std::hint::spin_loop();
    }
}

#[chiltepin::test]
async fn a_body_that_heeds_its_timeout_has_timed_out(workflow: Workflow) {
    for _ in 0..50 {
        let future = heed().timeout(Duration::from_millis(2)).submit(&workflow);
        assert!(future.await.unwrap_err().is_timeout());
    }
}
