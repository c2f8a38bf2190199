//! Timeouts and cancels of tasks in worker processes: they are stopped for real.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use chiltepin::{AppFuture, ErrorKind, TaskContext, Workflow, task};

use crate::crew::{Crew, note, notes};
use crate::place::until;
use crate::process::Process;

/// Computes for ever, beside children of its own.
#[task]
fn spin(folder: PathBuf) -> u64 {
    for (name, program) in [("child", "sleep"), ("left", "setsid")] {
        let mut command = Command::new(program);
        if program == "setsid" {
            command.arg("sleep");
        }
        #[expect(
            clippy::zombie_processes,
            reason = "that they are left is what this is about"
        )]
        let child = command.arg("1000").spawn().unwrap();
        note(&folder.join(name), &child.id().to_string());
    }
    note(&folder.join("worker"), &std::process::id().to_string());
    let mut count = 0_u64;
    loop {
        count = std::hint::black_box(count.wrapping_add(1));
    }
}

#[task]
fn process() -> u32 {
    std::process::id()
}

/// The processes of a body that spins.
fn family(crew: &Crew) -> [Process; 3] {
    ["worker", "child", "left"].map(|name| crew.place.process(name))
}

#[track_caller]
fn is_over(crew: &Crew, workflow: &Workflow, family: &[Process; 3]) {
    for (name, process) in ["worker", "child", "left"].iter().zip(family) {
        until(&format!("`{name}` to be gone"), || !process.runs());
    }
    let next = process().submit(workflow).result().unwrap();
    assert_ne!(next, family[0].id(), "the worker is another one");
    workflow.close_blocking();
    crew.nobody_is_left();
}

#[chiltepin::test]
fn a_body_that_loops_for_ever_is_stopped_by_its_timeout() {
    let crew = Crew::new();
    let workflow = crew.open("max_workers_per_node = 1");
    let timeout = Duration::from_secs(3);
    let begun = Instant::now();
    let future = spin(crew.place.root()).timeout(timeout).submit(&workflow);
    let family = family(&crew);
    let error = future.result().unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::TimedOut { timeout: told, abandoned: false } if *told == timeout),
        "{error}"
    );
    assert!(begun.elapsed() >= timeout);
    is_over(&crew, &workflow, &family);
}

#[chiltepin::test]
fn a_body_that_loops_for_ever_is_stopped_by_a_cancel() {
    let crew = Crew::new();
    let workflow = crew.open("max_workers_per_node = 1");
    let future = spin(crew.place.root()).submit(&workflow);
    let family = family(&crew);
    assert!(family.iter().all(Process::runs));
    let begun = Instant::now();
    future.cancel();
    let error = future.result().unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Cancelled { abandoned: false }),
        "{error}"
    );
    // It cannot learn of it, so it is given no time.
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
    is_over(&crew, &workflow, &family);
}

/// Notes that it is dropped.
struct Guard(PathBuf);

impl Drop for Guard {
    fn drop(&mut self) {
        note(&self.0, "dropped");
    }
}

#[task]
async fn wait_for_ever(folder: PathBuf) -> u64 {
    let _guard = Guard(folder.join("dropped"));
    note(&folder.join("worker"), &std::process::id().to_string());
    std::future::pending().await
}

#[chiltepin::test]
fn an_async_body_is_dropped_and_its_worker_stays() {
    for by_timeout in [false, true] {
        let crew = Crew::new();
        let workflow = crew.open("max_workers_per_node = 1");
        let before = process().submit(&workflow).result().unwrap();
        let call = wait_for_ever(crew.place.root());
        let call = if by_timeout {
            call.timeout(Duration::from_secs(1))
        } else {
            call
        };
        let future = call.submit(&workflow);
        assert_eq!(crew.place.process("worker").id(), before);
        if !by_timeout {
            future.cancel();
        }
        let error = future.result().unwrap_err();
        assert_eq!(
            (error.is_timeout(), error.is_cancelled()),
            (by_timeout, !by_timeout)
        );
        assert_eq!(crew.place.text("dropped"), "dropped\n");
        assert_eq!(process().submit(&workflow).result().unwrap(), before);
    }
}

/// Cannot be dropped without a panic.
struct Fragile(PathBuf);

impl Drop for Fragile {
    fn drop(&mut self) {
        note(&self.0, "dropped");
        panic!("dropped too early");
    }
}

#[task]
async fn wait_fragile(folder: PathBuf) -> u64 {
    let _guard = Fragile(folder.join("dropped"));
    note(&folder.join("worker"), &std::process::id().to_string());
    std::future::pending().await
}

#[chiltepin::test]
fn an_async_body_that_panics_when_it_is_dropped_is_stopped_all_the_same() {
    let crew = Crew::new();
    let workflow = crew.open("max_workers_per_node = 1\nkill_grace = \"1h\"");
    let future = wait_fragile(crew.place.root()).submit(&workflow);
    let worker = crew.place.process("worker");
    future.cancel();
    let ended = future.result_timeout(Duration::from_secs(60));
    let error = ended.expect("it ends").unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Cancelled { abandoned: false }),
        "{error}"
    );
    assert_eq!(notes(&crew.place.path("dropped")).len(), 1);
    // Nor does its worker take it for one that runs: it can be closed.
    assert_eq!(process().submit(&workflow).result().unwrap(), worker.id());
    workflow.close_blocking();
    crew.nobody_is_left();
}

/// Works until it is told to stop; then it cleans up, which takes a moment, or never ends.
#[task]
fn heed(context: &TaskContext, folder: PathBuf, is_deaf: bool) -> u64 {
    note(&folder.join("worker"), &std::process::id().to_string());
    while is_deaf || !context.is_cancelled() {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(300));
    note(&folder.join("cleaned"), "cleaned");
    1
}

#[chiltepin::test]
fn a_body_that_heeds_its_context_has_time_and_its_worker_stays() {
    let crew = Crew::new();
    let workflow = crew.open("max_workers_per_node = 1\nkill_grace = \"1h\"");
    let cancelled = heed(crew.place.root(), false).submit(&workflow);
    let worker = crew.place.process("worker");
    cancelled.cancel();
    let error = cancelled.result().unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    assert_eq!(notes(&crew.place.path("cleaned")).len(), 1);
    let timed_out = heed(crew.place.root(), false)
        .timeout(Duration::from_millis(500))
        .submit(&workflow);
    let error = timed_out.result().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(notes(&crew.place.path("cleaned")).len(), 2);
    assert_eq!(process().submit(&workflow).result().unwrap(), worker.id());
}

#[chiltepin::test]
fn a_body_that_could_heed_and_does_not_is_killed_after_the_grace() {
    let crew = Crew::new();
    let workflow = crew.open("max_workers_per_node = 1\nkill_grace = \"600ms\"");
    let future = heed(crew.place.root(), true).submit(&workflow);
    let worker = crew.place.process("worker");
    let begun = Instant::now();
    future.cancel();
    let error = future.result().unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    assert!(
        begun.elapsed() >= Duration::from_millis(600),
        "{:?}",
        begun.elapsed()
    );
    until("the worker to be gone", || !worker.runs());
    assert!(!crew.place.path("cleaned").exists());
    assert_ne!(process().submit(&workflow).result().unwrap(), worker.id());
}

/// Submits one call of each sort, of which none ends by itself, and some that wait.
fn endless(crew: &Crew, workflow: &Workflow) -> Vec<AppFuture<u64>> {
    let path = crew.place.root();
    let mut all = vec![
        spin(path).submit(workflow),
        wait_for_ever(path).submit(workflow),
    ];
    until("all to run", || {
        notes(&crew.place.path("worker")).len() == 2
    });
    all.extend(workflow.map(0..10, |_| spin(path)));
    all
}

#[chiltepin::test]
async fn a_workflow_that_is_cancelled_or_dropped_ends_all() {
    for drops in [false, true] {
        let crew = Crew::new();
        let workflow = crew.open("max_workers_per_node = 1");
        let all = endless(&crew, &workflow);
        if drops {
            drop(workflow);
        } else {
            workflow.cancel().await;
            assert!(all.iter().all(AppFuture::done));
        }
        for future in all {
            let error = future.await.unwrap_err();
            assert!(
                matches!(
                    error.kind(),
                    ErrorKind::Cancelled { abandoned: false } | ErrorKind::WorkflowClosed
                ),
                "{error}"
            );
        }
        crew.nobody_is_left();
    }
}

#[task]
fn mark(file: PathBuf) -> u64 {
    note(&file, "ran");
    2
}

#[chiltepin::test]
fn a_body_that_is_stopped_takes_none_with_it_that_waits_in_its_worker() {
    let crew = Crew::new();
    let workflow = crew.open("max_workers_per_node = 1\ncrash_limit = 1");
    for future in workflow.map(0..500, |_| process()) {
        future.result().unwrap();
    }
    let endless = spin(crew.place.root()).submit(&workflow);
    let family = family(&crew);
    let file = crew.place.path("ran");
    let behind = workflow.map(0..5, |_| mark(file.clone()));
    endless.cancel();
    assert!(endless.result().unwrap_err().is_cancelled());
    for future in behind {
        assert_eq!(future.result().unwrap(), 2);
    }
    assert_eq!(notes(&file).len(), 5);
    is_over(&crew, &workflow, &family);
}
