use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chiltepin_executors::Outcome;

use super::elsewhere::after;
use super::{Elsewhere, cores, finish, until, workflow};
use crate::{ErrorKind, Resources, Status, TaskError, TaskGeometry, task};

#[task]
fn wait() {}

#[task(timeout = "40s")]
fn wait_long() {}

fn of_cores(cores: u32) -> Resources {
    Resources {
        cores,
        ..Resources::default()
    }
}

/// The error's words behind the task.
fn words(error: &TaskError) -> String {
    let words = error.to_string();
    words.split_once(") ").unwrap().1.to_owned()
}

#[test]
fn what_fits_nowhere_any_more_ends_as_if_it_were_submitted_now() {
    let (workflow, elsewhere) = workflow(Elsewhere::default());
    let large = || wait().on("elsewhere").resources(of_cores(8));
    let waiting = large().submit(&workflow);
    let depends = wait().inputs([&waiting]).submit(&workflow);
    assert!(matches!(waiting.status(), Status::Queued { .. }));
    elsewhere.rooms().largest(cores(4));
    let error = waiting.result().unwrap_err();
    assert!(matches!(
        error.kind(),
        ErrorKind::ImpossibleResources { .. }
    ));
    let later = large().submit(&workflow).result().unwrap_err();
    assert_eq!(words(&later), words(&error));
    assert_eq!(
        words(&error),
        "asks for more than there is: it needs 8 cores, and `elsewhere` has 4 cores"
    );
    let depends = depends.result().unwrap_err();
    assert!(matches!(depends.kind(), ErrorKind::DependencyFailed { .. }));
    elsewhere.rooms().largest(cores(8));
    let fits = large().submit(&workflow);
    assert!(matches!(fits.status(), Status::Queued { .. }));
}

#[test]
fn a_broken_executor_ends_what_waits_for_it_with_its_reason() {
    let (workflow, elsewhere) = workflow(Elsewhere::default());
    let waiting = wait().on("elsewhere").submit(&workflow);
    let elsewhere_or_here = || wait().on(["elsewhere", "local"]).submit(&workflow);
    elsewhere_or_here().result().unwrap();
    elsewhere.rooms().broken("no partition `fast`".to_owned());
    let error = waiting.result().unwrap_err();
    let later = wait().on("elsewhere").submit(&workflow);
    let later = later.result().unwrap_err();
    for error in [&error, &later] {
        assert!(matches!(
            error.kind(),
            ErrorKind::UnavailableExecutor { .. }
        ));
        assert_eq!(
            words(error),
            "cannot run on executor `elsewhere`: no partition `fast`"
        );
    }
    // The first reason stays, and it never comes back.
    elsewhere.rooms().broken("something else".to_owned());
    elsewhere.rooms().largest(cores(8));
    elsewhere.rooms().offered(0, cores(8));
    let later = wait().on("elsewhere").submit(&workflow);
    assert_eq!(words(&later.result().unwrap_err()), words(&error));
    elsewhere_or_here().result().unwrap();
    assert!(!elsewhere.has_started());
}

#[test]
fn calls_that_set_nothing_know_of_the_change_too() {
    let (workflow, elsewhere) = workflow(Elsewhere::default());
    elsewhere.rooms().offered(0, cores(1));
    // `local` comes first, and holds two at most.
    let futures: Vec<_> = (0..200).map(|_| wait().submit(&workflow)).collect();
    elsewhere.rooms().broken("gone".to_owned());
    for future in futures {
        until(|| {
            if elsewhere.has_started() {
                finish(elsewhere.next(), returned());
            }
            future.done()
        });
        future.result().unwrap();
        assert_eq!(future.executor().as_deref(), Some("local"));
    }
}

static FREE: AtomicBool = AtomicBool::new(false);

#[task]
fn hold() {
    until(|| FREE.load(Ordering::SeqCst));
}

#[test]
fn calls_that_set_nothing_go_where_there_was_no_room_before() {
    let (workflow, elsewhere) = workflow(Elsewhere::default());
    elsewhere.rooms().largest(cores(0));
    wait().submit(&workflow).result().unwrap();
    let holding = workflow.map(0..2, |_| hold().on("local"));
    until(|| {
        holding
            .iter()
            .all(|future| matches!(future.status(), Status::Running { .. }))
    });
    elsewhere.rooms().largest(cores(1));
    elsewhere.rooms().offered(0, cores(1));
    let future = wait().submit(&workflow);
    let invocation = elsewhere.next();
    let outcome = invocation.work.returned(bytes::Bytes::new());
    finish(invocation, outcome);
    future.result().unwrap();
    FREE.store(true, Ordering::SeqCst);
}

fn returned() -> Outcome {
    Outcome::Returned {
        reason: "gone".to_owned(),
    }
}

#[test]
fn an_executor_that_does_not_admit_a_call_is_left_out() {
    let (workflow, _) = workflow(Elsewhere {
        admits: Some((3, 30)),
        ..Elsewhere::default()
    });
    let queued = |future: crate::AppFuture<()>| {
        assert!(matches!(future.status(), Status::Queued { .. }));
    };
    let wide = || wait().geometry(TaskGeometry::nodes(4));
    queued(wait().on("elsewhere").submit(&workflow));
    queued(
        wait()
            .on("elsewhere")
            .geometry(TaskGeometry::nodes(3))
            .submit(&workflow),
    );
    let long = Duration::from_secs(31);
    wait()
        .timeout(long)
        .on(["elsewhere", "local"])
        .submit(&workflow)
        .result()
        .unwrap();
    for (call, geometry) in [
        (wide().on("elsewhere"), true),
        (wide().on("elsewhere").timeout(long), true),
        (wait().on("elsewhere").timeout(long), false),
        (wait_long().on("elsewhere"), false),
        (
            wait_long().on("elsewhere").geometry(TaskGeometry::nodes(3)),
            false,
        ),
    ] {
        let error = call.submit(&workflow).result().unwrap_err();
        let expected = if geometry {
            assert!(matches!(error.kind(), ErrorKind::ImpossibleGeometry { .. }));
            "has an impossible geometry: on `elsewhere` it asks for 4 nodes, and a block has 3"
        } else {
            assert!(matches!(
                error.kind(),
                ErrorKind::ImpossibleResources { .. }
            ));
            "asks for more than there is: on `elsewhere` it may take longer than a block, 30 s"
        };
        assert_eq!(words(&error), expected);
    }
}

#[test]
fn a_call_goes_only_where_its_timeout_ends_before_the_room() {
    let (workflow, elsewhere) = workflow(Elsewhere {
        has_ends: true,
        ..Elsewhere::default()
    });
    let long = wait_long().on("elsewhere").submit(&workflow);
    let short = wait()
        .on("elsewhere")
        .timeout(Duration::from_secs(9))
        .submit(&workflow);
    elsewhere.rooms().offered_until(2, cores(2), after(20));
    let started = elsewhere.next();
    assert_eq!(started.offer, 2);
    assert!(matches!(short.status(), Status::Running { .. }));
    assert!(matches!(long.status(), Status::Queued { .. }));
    elsewhere.rooms().offered_until(4, cores(1), after(60));
    let later = elsewhere.next();
    assert_eq!(later.offer, 4);
    for (invocation, future) in [(started, short), (later, long)] {
        let outcome = invocation.work.returned(bytes::Bytes::new());
        finish(invocation, outcome);
        future.result().unwrap();
    }
}
