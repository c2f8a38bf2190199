//! Tasks that were sent to a worker while it runs another: they can be cancelled, and their time
//! has not begun.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use chiltepin::{AppFuture, Workflow, task};

use crate::crew::{Crew, note, notes, wait_for};
use crate::place::until;

#[task]
fn process() -> u32 {
    std::process::id()
}

#[task]
fn hold(begun: PathBuf, go: PathBuf) -> u64 {
    note(&begun, "begun");
    wait_for(&go);
    1
}

#[task]
fn mark(file: PathBuf) -> u64 {
    note(&file, "ran");
    2
}

fn hold_one(crew: &Crew, workflow: &Workflow) -> AppFuture<u64> {
    let begun = crew.place.path("begun");
    let future = hold(begun.clone(), crew.place.path("go")).submit(workflow);
    until("the first to run", || begun.exists());
    future
}

/// Has it known that tasks are short, so that several are sent ahead.
fn warm_up(workflow: &Workflow) {
    for future in workflow.map(0..500, |_| process()) {
        future.result().unwrap();
    }
}

#[chiltepin::test]
fn a_task_sent_ahead_is_cancelled_without_the_one_before_it() {
    let crew = Crew::new();
    let workflow = crew.open("max_workers_per_node = 1");
    warm_up(&workflow);
    let first = hold_one(&crew, &workflow);
    let [worker] = &crew.workers()[..] else {
        panic!("one worker")
    };
    let file = |name: &str| crew.place.path(name);
    let cancelled = workflow.map(0..5, |_| mark(file("cancelled")));
    let others = workflow.map(0..5, |_| mark(file("others")));
    for future in &cancelled {
        future.cancel();
    }
    for future in cancelled {
        assert!(future.result().unwrap_err().is_cancelled());
    }
    assert!(!first.done() && worker.runs());
    crew.place.write("go", "");
    assert_eq!(first.result().unwrap(), 1);
    for future in others {
        assert_eq!(future.result().unwrap(), 2);
    }
    assert_eq!(
        (
            notes(&file("cancelled")).len(),
            notes(&file("others")).len()
        ),
        (0, 5)
    );
    assert!(worker.runs());
}

#[chiltepin::test]
fn waiting_behind_a_long_task_does_not_count_against_a_timeout() {
    let crew = Crew::new();
    let workflow = crew.open("max_workers_per_node = 1");
    warm_up(&workflow);
    let first = hold_one(&crew, &workflow);
    let file = crew.place.path("ran");
    let timeout = Duration::from_secs(2);
    let behind = workflow.map(0..5, |_| mark(file.clone()).timeout(timeout));
    let begun = Instant::now();
    // It is this that they wait for, longer than each may take.
    until("more than the timeout to pass", || {
        begun.elapsed() > timeout * 2
    });
    crew.place.write("go", "");
    assert_eq!(first.result().unwrap(), 1);
    for future in behind {
        assert_eq!(future.result().unwrap(), 2);
    }
    assert_eq!(notes(&file).len(), 5);
}
