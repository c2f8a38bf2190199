//! Workers that are lost: what becomes of the tasks that ran in them, and of those that waited.

use std::hint::black_box;
use std::path::PathBuf;

use chiltepin::{AppFuture, ErrorKind, OnLoss, ProcessEnd, Workflow, task};
use rustix::process::{Signal, getpid, kill_process};
use serde::{Deserialize, Serialize};

use crate::crew::{Crew, note, notes, wait_for, wait_for_async};
use crate::place::until;

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Fate {
    Abort,
    Exit,
    Overflow,
    Fault,
    Memory,
}

/// Ends its process, after saying so.
#[task]
fn meet(fate: Fate, file: PathBuf) -> u64 {
    note(&file, "begun");
    eprintln!("the last words before {fate:?}");
    end(fate)
}

#[task]
async fn meet_later(fate: Fate, file: PathBuf) -> u64 {
    note(&file, "begun");
    tokio::task::yield_now().await;
    eprintln!("the last words before {fate:?}");
    end(fate)
}

fn end(fate: Fate) -> u64 {
    match fate {
        Fate::Abort => std::process::abort(),
        Fate::Exit => std::process::exit(7),
        Fate::Overflow => overflow(1),
        // The first is taken for the guard page's, and the next is not.
        Fate::Fault => loop {
            kill_process(getpid(), Signal::SEGV).unwrap();
        },
        Fate::Memory => black_box(vec![1_u8; 16 << 30])
            .iter()
            .map(|byte| u64::from(*byte))
            .sum(),
    }
}

fn overflow(depth: u64) -> u64 {
    let page = black_box([depth; 512]);
    if black_box(depth) == 0 {
        return 0;
    }
    overflow(depth + 1) + page[1]
}

/// What is said of the loss: how the process ended, its stderr, and how many were lost.
#[track_caller]
fn lost<T: chiltepin::Value + std::fmt::Debug>(future: &AppFuture<T>) -> (ProcessEnd, String, u32) {
    let error = future.result().unwrap_err();
    match error.kind() {
        ErrorKind::WorkerLost {
            worker,
            end,
            stderr,
            losses,
        } => {
            assert!(worker.starts_with("pool-"), "{error}");
            (*end, stderr.clone(), *losses)
        }
        other => panic!("{other:?}"),
    }
}

const FATES: [(Fate, ProcessEnd, &str); 5] = [
    (Fate::Abort, ProcessEnd::Signal(6), "before Abort"),
    (Fate::Exit, ProcessEnd::Code(7), "before Exit"),
    (
        Fate::Overflow,
        ProcessEnd::Signal(6),
        "overflowed its stack",
    ),
    (Fate::Fault, ProcessEnd::Signal(11), "before Fault"),
    (
        Fate::Memory,
        ProcessEnd::Signal(6),
        "memory allocation of 17179869184 bytes failed",
    ),
];

#[chiltepin::test]
fn a_body_that_ends_its_process_is_tried_up_to_the_crash_limit() {
    let crew = Crew::new();
    let workflow = crew.open_in(&["ulimit -v 8000000"], "crash_limit = 2");
    let futures = FATES.map(|(fate, ..)| {
        let file = crew.place.path(&format!("{fate:?}"));
        meet(fate, file).submit(&workflow)
    });
    for ((fate, end, words), future) in FATES.into_iter().zip(futures) {
        let (how, stderr, losses) = lost(&future);
        assert_eq!((how, losses), (end, 2), "{fate:?}");
        assert!(stderr.contains(words), "{fate:?}: {stderr}");
        assert_eq!(notes(&crew.place.path(&format!("{fate:?}"))).len(), 2);
    }
    workflow.close_blocking();
    crew.nobody_is_left();
}

#[chiltepin::test]
fn an_async_body_that_ends_its_process_is_tried_up_to_the_crash_limit() {
    let crew = Crew::new();
    let workflow = crew.open_in(&["ulimit -v 8000000"], "crash_limit = 2");
    // One by one: of the bodies of one worker, all that have begun count.
    for (fate, end, words) in FATES {
        let file = crew.place.path(&format!("{fate:?}"));
        let (how, stderr, losses) = lost(&meet_later(fate, file.clone()).submit(&workflow));
        assert_eq!((how, losses), (end, 2), "{fate:?}");
        assert!(stderr.contains(words), "{fate:?}: {stderr}");
        assert_eq!(notes(&file).len(), 2, "{fate:?}");
    }
}

/// Waits to be let go, then aborts.
#[task]
fn abort_when_told(begun: PathBuf, go: PathBuf) -> u64 {
    note(&begun, "begun");
    wait_for(&go);
    std::process::abort()
}

#[task]
fn echo(value: u64, file: PathBuf) -> u64 {
    note(&file, &value.to_string());
    value
}

/// Has so many short tasks run that workers are sent many ahead.
fn warm_up(crew: &Crew, workflow: &Workflow) {
    let file = crew.place.path("warm");
    let warm = workflow.map(0..500, |value| echo(value, file.clone()));
    for (value, future) in (0..).zip(warm) {
        assert_eq!(future.result().unwrap(), value);
    }
}

#[chiltepin::test]
fn tasks_that_waited_in_a_lost_worker_are_not_counted_and_run_once() {
    let crew = Crew::new();
    let workflow = crew.open("max_workers_per_node = 1\ncrash_limit = 1");
    warm_up(&crew, &workflow);
    let (begun, go) = (crew.place.path("begun"), crew.place.path("go"));
    let killer = abort_when_told(begun.clone(), go.clone()).submit(&workflow);
    let file = crew.place.path("innocent");
    let innocent = workflow.map(0..30, |value| {
        echo(value, file.clone()).on_loss(OnLoss::Fail)
    });
    until("the body to begin", || begun.exists());
    crew.place.write("go", "");
    let (end, _, losses) = lost(&killer);
    assert_eq!((end, losses), (ProcessEnd::Signal(6), 1));
    for (value, future) in (0..).zip(innocent) {
        assert_eq!(future.result().unwrap(), value);
        assert_eq!(future.report().unwrap().attempt, 1);
    }
    let mut ran = notes(&file);
    ran.sort_by_key(|line| line.parse::<u64>().unwrap());
    assert_eq!(
        ran,
        (0..30).map(|value| value.to_string()).collect::<Vec<_>>()
    );
}

#[chiltepin::test]
fn work_that_must_not_repeat_fails_at_once() {
    let crew = Crew::new();
    let workflow = crew.open("crash_limit = 5");
    for fate in [Fate::Abort, Fate::Exit] {
        let file = crew.place.path(&format!("{fate:?}"));
        let future = meet(fate, file.clone())
            .on_loss(OnLoss::Fail)
            .submit(&workflow);
        assert_eq!(lost(&future).2, 1);
        let later = crew.place.path(&format!("{fate:?}-later"));
        let future_later = meet_later(fate, later.clone())
            .on_loss(OnLoss::Fail)
            .submit(&workflow);
        assert_eq!(lost(&future_later).2, 1);
        assert_eq!((notes(&file).len(), notes(&later).len()), (1, 1));
    }
    let file = crew.place.path("after");
    assert_eq!(echo(3, file).submit(&workflow).result().unwrap(), 3);
}

/// Aborts the first time, once it is let go, and gives the value the next.
#[task]
fn abort_once(value: u64, file: PathBuf, go: PathBuf) -> u64 {
    note(&file, "begun");
    wait_for(&go);
    if notes(&file).len() == 1 {
        std::process::abort();
    }
    value
}

#[task]
fn companion(value: u64, file: PathBuf, go: PathBuf) -> u64 {
    note(&file, "begun");
    wait_for(&go);
    value
}

#[task]
async fn companion_later(value: u64, file: PathBuf, go: PathBuf) -> u64 {
    note(&file, "begun");
    wait_for_async(&go).await;
    value
}

#[chiltepin::test]
fn what_ran_beside_a_body_that_ended_the_process_runs_again() {
    let crew = Crew::new();
    let path = |name: &str| crew.place.path(name);
    let workflow = crew.open(
        "max_workers_per_node = 1\nthreads_per_worker = 3\ncores_per_worker = 3\n\
                   cores_per_node = 3",
    );
    let killer = abort_once(1, path("killer"), path("go")).submit(&workflow);
    let beside = companion(2, path("beside"), path("end")).submit(&workflow);
    let later = companion_later(3, path("later"), path("end")).submit(&workflow);
    until("all to run", || {
        ["killer", "beside", "later"]
            .iter()
            .all(|name| path(name).exists())
    });
    let [before] = &crew.workers()[..] else {
        panic!("one worker runs all three")
    };
    crew.place.write("go", "");
    assert_eq!(killer.result().unwrap(), 1);
    assert!(!before.runs());
    crew.place.write("end", "");
    assert_eq!((beside.result().unwrap(), later.result().unwrap()), (2, 3));
    for name in ["killer", "beside", "later"] {
        assert_eq!(notes(&path(name)).len(), 2, "{name}");
    }
    assert_ne!(killer.report().unwrap().process, before.id());
}
