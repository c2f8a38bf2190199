//! From a workflow to what is told of its run.

mod database;
mod hours;
mod shown;
mod waiting;

use std::path::Path;
use std::time::Duration;

use chiltepin::{AppFuture, Workflow, task};

use super::*;

#[task]
fn double(x: i64) -> i64 {
    x * 2
}

#[task]
fn refuse(x: i64) -> Result<i64, String> {
    Err(format!("{x} is not to my taste"))
}

#[task]
fn burst() -> i64 {
    panic!("I burst")
}

fn workflow(place: &Path) -> Workflow {
    Workflow::builder().run_dir(place).open().unwrap()
}

/// The record of the only run below a folder.
fn record(place: &Path) -> (RunRecord, bool) {
    let read = read(&place.join("latest")).unwrap();
    assert!(read.damages.is_empty());
    (RunRecord::of(read.events), read.is_open)
}

#[test]
fn a_run_tells_what_became_of_each_task() {
    let place = tempfile::tempdir().unwrap();
    let workflow = workflow(place.path());
    let two = double(1).name("the first").label("small").submit(&workflow);
    let four = double(&two).submit(&workflow);
    let refused = refuse(7).retries(1).submit(&workflow);
    let not_run = double(&refused).submit(&workflow);
    let nowhere = double(1).on("nowhere").submit(&workflow);
    let ends: [AppFuture<i64>; 3] = [four, not_run, nowhere];
    for end in &ends {
        let _ = end.result();
    }
    workflow.close_blocking();

    let (record, is_open) = record(place.path());
    assert!(!is_open);
    assert_eq!(state(&record, false), "ended");
    let started = record.started.as_ref().unwrap();
    assert_eq!(started.executors[0], ("local".into(), "threads".into()));
    assert!(started.config.contains("journal = true"));
    assert_eq!(started.process, std::process::id());

    let states: Vec<_> = record
        .tasks
        .values()
        .map(|task| task.state().word())
        .collect();
    assert_eq!(
        states,
        ["succeeded", "succeeded", "failed", "not run", "failed"]
    );
    let task = |number| &record.tasks[&number];
    assert_eq!(task(1).shown_name(), "the first");
    assert_eq!(&*task(1).labels[0], "small");
    assert_eq!(task(2).dependencies, [1]);
    assert!(task(2).started() >= Some(task(1).ended.as_ref().unwrap().0));
    assert_eq!(task(3).attempts.len(), 2);
    assert!(task(3).attempts[0].retrying.is_some());
    let Some((_, How::Failed(trouble))) = &task(3).attempts[1].finished else {
        panic!("{:?}", task(3).attempts[1]);
    };
    assert_eq!(&*trouble.message, "failed: 7 is not to my taste");
    let root = &task(4).ended.as_ref().unwrap().1;
    assert_eq!(*root, Ending::DependencyFailed { root: Some(3) });
    assert!(task(5).attempts.is_empty());
    for task in record.tasks.values() {
        let ended = task.ended.as_ref().unwrap().0;
        assert!(ended >= task.submitted.unwrap());
        assert!(ended <= record.last);
    }
}

#[test]
fn a_task_of_another_workflow_is_no_root_here() {
    let (place, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ours, other) = (workflow(place.path()), workflow(elsewhere.path()));
    let refused = refuse(7).submit(&other);
    let not_run = [
        double(&refused).submit(&ours),
        double(1).inputs([&refused]).submit(&ours),
    ];
    for future in &not_run {
        future.result().unwrap_err();
    }
    let refused = refuse(7).submit(&ours);
    refused.result().unwrap_err();
    double(&refused).submit(&ours).result().unwrap_err();
    ours.close_blocking();
    let (record, _) = record(place.path());
    let root = |task| match record.tasks[&task].ended {
        Some((_, Ending::DependencyFailed { root })) => root,
        ref other => panic!("{other:?}"),
    };
    assert_eq!([1, 2, 4].map(root), [None, None, Some(3)]);
}

#[test]
fn a_run_that_goes_on_is_told_from_one_that_was_dropped() {
    let place = tempfile::tempdir().unwrap();
    let workflow = workflow(place.path());
    burst().submit(&workflow).result().unwrap_err();
    let begun = std::time::Instant::now();
    let going_on = loop {
        let (record, is_open) = record(place.path());
        let ended = record.tasks.values().all(|task| task.ended.is_some());
        if (!record.tasks.is_empty() && ended) || begun.elapsed() > Duration::from_secs(20) {
            break state(&record, is_open);
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(going_on, "running");
    drop(workflow);
    let (record, is_open) = record(place.path());
    assert_eq!(state(&record, is_open), "ended");
    let failure = &summary(&record, is_open).failures[0];
    assert_eq!(failure.kind, "panicked");
    assert!(
        failure
            .place
            .as_ref()
            .unwrap()
            .contains("report/tests/mod.rs:")
    );
}

#[test]
fn without_a_journal_nothing_is_left() {
    let place = tempfile::tempdir().unwrap();
    let runs = place.path().join("runs");
    let builder = Workflow::builder().run_dir(&runs).journal(false);
    let workflow = builder.open().unwrap();
    assert_eq!(double(1).submit(&workflow).result().unwrap(), 2);
    workflow.close_blocking();
    assert!(!runs.exists());
}

#[test]
fn a_folder_that_cannot_be_made_keeps_nobody_from_running() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("runs"), "").unwrap();
    let workflow = workflow(&place.path().join("runs"));
    assert_eq!(double(1).submit(&workflow).result().unwrap(), 2);
    workflow.close_blocking();
}
