//! Workflows opened, used and dropped in runtimes of the user's own, and in none.

use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use chiltepin::{AppFuture, Workflow, task};
use tokio::runtime::{Builder, Runtime};

use crate::place::{Place, shell};
use crate::support::only_on_threads;

#[task]
fn twice(x: u32) -> u32 {
    2 * x
}

#[task]
async fn slow_twice(x: u32) -> u32 {
    tokio::time::sleep(Duration::from_millis(1)).await;
    2 * x
}

fn runtimes() -> [Runtime; 3] {
    [
        Builder::new_current_thread().build().unwrap(),
        Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap(),
        Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap(),
    ]
}

/// Uses a workflow in every way there is, and leaves it with a command that runs.
async fn use_it(place: &Place, workflow: &Workflow) -> AppFuture<i32> {
    let eight = twice(slow_twice(twice(1).submit(workflow)).submit(workflow)).submit(workflow);
    assert_eq!(eight.clone().await.unwrap(), 8);
    assert_eq!(eight.result().unwrap(), 8, "waiting by blocking works too");
    let command = shell("echo $$ > shell; sleep 1000")
        .directory(place.root())
        .submit(workflow);
    place.process("shell");
    command
}

async fn open_and_drop() {
    let place = Place::new();
    let workflow = place.workflow();
    let command = use_it(&place, &workflow).await;
    let process = place.process("shell");
    drop(workflow);
    assert!(!process.runs());
    assert!(command.await.is_err());
}

async fn open_and_close() {
    let place = Place::new();
    let workflow = place.workflow();
    let command = use_it(&place, &workflow).await;
    command.cancel();
    workflow.close().await;
    assert!(command.done());
    drop(workflow);

    let workflow = place.workflow();
    let four = twice(2).submit(&workflow);
    workflow.close_blocking();
    assert_eq!(four.await.unwrap(), 4);
}

#[chiltepin::test]
fn in_a_runtime_s_main_task() {
    for runtime in runtimes() {
        runtime.block_on(open_and_drop());
        runtime.block_on(open_and_close());
    }
}

#[chiltepin::test]
fn in_a_task_of_a_runtime() {
    for runtime in runtimes() {
        runtime.block_on(async {
            tokio::spawn(open_and_drop()).await.unwrap();
            tokio::spawn(open_and_close()).await.unwrap();
        });
    }
}

#[chiltepin::test]
fn in_a_local_set_and_where_blocking_is_allowed() {
    for runtime in runtimes() {
        tokio::task::LocalSet::new().block_on(&runtime, async {
            tokio::task::spawn_local(open_and_drop()).await.unwrap();
        });
        let handle = runtime.handle().clone();
        runtime
            .block_on(runtime.spawn_blocking(move || handle.block_on(open_and_close())))
            .unwrap();
    }
}

#[chiltepin::test]
fn in_no_runtime() {
    futures::executor::block_on(open_and_drop());
    std::thread::spawn(|| futures::executor::block_on(open_and_close()))
        .join()
        .unwrap();
}

#[chiltepin::test]
fn in_a_thread_local_that_is_dropped_with_its_thread() {
    thread_local! {
        static KEPT: std::cell::RefCell<Option<Workflow>> = const { std::cell::RefCell::new(None) };
    }
    let place = Place::new();
    let workflow = place.workflow();
    let command = shell("echo $$ > shell; sleep 1000")
        .directory(place.root())
        .submit(&workflow);
    let process = place.process("shell");
    std::thread::spawn(move || KEPT.replace(Some(workflow)).is_none())
        .join()
        .unwrap();
    assert!(command.result().is_err());
    assert!(!process.runs());
}

static KEPT: Mutex<Option<Workflow>> = Mutex::new(None);

/// Drops the last handle of the workflow it runs in.
#[task]
async fn drop_own_workflow() -> u32 {
    drop(KEPT.lock().unwrap().take());
    3
}

#[chiltepin::test]
fn in_a_body_of_its_own() {
    if only_on_threads("a worker's body cannot have a handle of the workflow it runs in") {
        return;
    }
    let place = Place::new();
    let workflow = place.workflow();
    let command = shell("echo $$ > shell; sleep 1000")
        .directory(place.root())
        .submit(&workflow);
    let process = place.process("shell");
    *KEPT.lock().unwrap() = Some(workflow.clone());
    let gate = slow_twice(1).submit(&workflow);
    let dropper = drop_own_workflow().inputs(gate).submit(&workflow);
    drop(workflow);
    let ended = dropper.result_timeout(Duration::from_secs(40));
    assert!(ended.is_some(), "its future ends");
    assert!(command.result().is_err());
    assert!(!process.runs());
}

#[chiltepin::test]
fn opening_and_closing_leaves_no_thread_and_no_descriptor() {
    for how in ["close", "drop"] {
        let output = Command::new(env!("CARGO_BIN_EXE_programs"))
            .args(["cycles", how])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}{errors}");
    }
}
