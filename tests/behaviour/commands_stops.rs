//! Commands that are stopped, by a timeout or a cancel: nothing of them runs on.

use std::time::{Duration, Instant};

use chiltepin::{AppFuture, ErrorKind, Status};

use crate::place::{Place, shell, until};
use crate::process::Process;

/// Becomes a shell, a child, an orphan, and two that left the group, one of them an orphan.
const FAMILY: &str = "
    sleep 1000 & echo $! > child
    (sleep 1000 & echo $! > orphan)
    setsid sleep 1000 & echo $! > left
    (setsid bash -c 'echo $$ > orphan_left; exec sleep 1000' &)
    (sleep 1000; true) & echo $! > parent
    echo $$ > shell
    wait";

const NAMES: [&str; 6] = ["child", "orphan", "left", "orphan_left", "parent", "shell"];

fn family(place: &Place) -> Vec<Process> {
    let processes: Vec<_> = NAMES.iter().map(|name| place.process(name)).collect();
    let group = processes[5].group();
    assert_eq!(processes[0].group(), group);
    until("those that leave the group to have left it", || {
        processes[2].group() != group && processes[3].group() != group
    });
    processes
}

fn none_runs(processes: &[Process]) {
    for (name, process) in NAMES.iter().zip(processes) {
        assert!(!process.runs(), "`{name}` runs on");
    }
}

#[chiltepin::test]
fn a_timeout_ends_the_whole_family() {
    let place = Place::new();
    let workflow = place.workflow();
    let timeout = Duration::from_secs(4);
    let begun = Instant::now();
    let exit = shell(FAMILY)
        .directory(place.root())
        .timeout(timeout)
        .submit(&workflow);
    let processes = family(&place);
    let error = exit.result().unwrap_err();
    assert!(begun.elapsed() >= timeout);
    assert!(
        matches!(error.kind(), ErrorKind::TimedOut { timeout: told, abandoned: false } if *told == timeout),
        "{error}"
    );
    none_runs(&processes);
}

#[chiltepin::test]
fn a_cancel_ends_the_whole_family() {
    let place = Place::new();
    let workflow = place.workflow();
    let exit = shell(FAMILY).directory(place.root()).submit(&workflow);
    let after = shell("touch ran")
        .directory(place.root())
        .inputs(&exit)
        .submit(&workflow);
    let processes = family(&place);
    assert!(processes.iter().all(Process::runs));
    exit.cancel();
    let error = exit.result().unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Cancelled { abandoned: false }),
        "{error}"
    );
    none_runs(&processes);
    assert_eq!(exit.status(), Status::Cancelled);
    assert!(after.result().unwrap_err().is_cancelled());
    assert!(!place.path("ran").exists());
}

/// A workflow whose commands are killed soon after they were told to stop.
fn impatient(place: &Place) -> chiltepin::Workflow {
    place.configured("[local]\nprovider = \"threads\"\nkill_grace = \"400ms\"")
}

fn stubborn(place: &Place, workflow: &chiltepin::Workflow) -> AppFuture<i32> {
    shell("trap 'echo told > told' TERM; echo $$ > shell; while :; do sleep 0.05; done")
        .directory(place.root())
        .submit(workflow)
}

#[chiltepin::test]
fn a_command_that_ignores_the_request_is_killed_after_the_grace() {
    let place = Place::new();
    let workflow = impatient(&place);
    let exit = stubborn(&place, &workflow);
    let process = place.process("shell");
    let begun = Instant::now();
    exit.cancel();
    until("the command to be told", || place.path("told").exists());
    let error = exit.result().unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    assert!(begun.elapsed() >= Duration::from_millis(400));
    assert!(!process.runs());
}

#[chiltepin::test]
fn while_a_command_is_being_stopped_its_future_says_so() {
    let place = Place::new();
    let workflow = place.configured("[local]\nprovider = \"threads\"\nkill_grace = \"1h\"");
    let script = "trap 'touch told; while [ ! -e go ]; do sleep 0.05; done; exit 0' TERM
        echo $$ > shell; while :; do sleep 0.05; done";
    let exit = shell(script).directory(place.root()).submit(&workflow);
    let process = place.process("shell");
    exit.cancel();
    until("the command to be told", || place.path("told").exists());
    assert!(
        matches!(exit.status(), Status::Stopping { .. }),
        "{:?}",
        exit.status()
    );
    assert!(!exit.done() && process.runs());
    place.write("go", "");
    assert!(exit.result().unwrap_err().is_cancelled());
    assert!(!process.runs());
}

#[chiltepin::test]
fn a_timeout_that_ends_in_time_changes_nothing() {
    let place = Place::new();
    let exit = shell("exit 0").timeout(Duration::from_secs(1000));
    assert_eq!(exit.submit(&place.workflow()).result().unwrap(), 0);
}

#[chiltepin::test]
fn an_attempt_that_timed_out_is_tried_again() {
    let place = Place::new();
    let workflow = impatient(&place);
    let script = "echo $CHILTEPIN_ATTEMPT >> attempts
        [ $CHILTEPIN_ATTEMPT = 2 ] || sleep 1000";
    let exit = shell(script)
        .directory(place.root())
        .timeout(Duration::from_secs(2))
        .retries(1)
        .submit(&workflow);
    assert_eq!(exit.result().unwrap(), 0);
    assert_eq!(place.text("attempts"), "1\n2\n");
}

#[chiltepin::test]
fn a_cancelled_command_that_waits_is_never_started() {
    let place = Place::new();
    let workflow = place.configured("[local]\nprovider = \"threads\"\nmax_threads = 1");
    let first = shell("echo $$ > shell; while [ ! -e go ]; do sleep 0.02; done")
        .directory(place.root())
        .submit(&workflow);
    place.process("shell");
    let second = shell("touch ran").directory(place.root()).submit(&workflow);
    assert!(matches!(second.status(), Status::Queued { .. }));
    second.cancel();
    let error = second.result().unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    assert_eq!((error.attempt(), error.executor()), (0, None));
    place.write("go", "");
    assert_eq!(first.result().unwrap(), 0);
    workflow.close_blocking();
    assert!(!place.path("ran").exists());
}

#[chiltepin::test]
fn what_a_command_leaves_running_stays() {
    let place = Place::new();
    let workflow = place.workflow();
    let exit = shell("sleep 1000 & echo $! > service")
        .directory(place.root())
        .submit(&workflow);
    assert_eq!(exit.result().unwrap(), 0);
    workflow.close_blocking();
    drop(workflow);
    let service = place.process("service");
    assert!(service.runs());
    service.kill();
}
