//! Attempts that follow others, by what made those fail.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use chiltepin::{
    AppFuture, Cause, ErrorKind, OnLoss, Resources, Retries, TaskContext, TaskError, Value,
    Workflow, bash_task, sh, task,
};
use rustix::process::{Signal, getpid, kill_process};
use serde::{Deserialize, Serialize};

use crate::crew::{Crew, note, notes};
use crate::executor;
use crate::place::Place;
use crate::support::{Stage, open};

/// Retries with pauses that no test has to wait for.
fn retries(count: u32) -> Retries {
    let moment = Duration::from_millis(1);
    Retries::new(count).back_off(moment, moment)
}

/// How a task failed.
#[track_caller]
fn error<T: Value>(future: &AppFuture<T>) -> TaskError {
    match future.result() {
        Ok(_) => panic!("it succeeded"),
        Err(error) => error,
    }
}

/// Exits with 75 twice, and then with 3.
#[bash_task]
fn exit_with_75_and_3() -> String {
    sh!("case $CHILTEPIN_ATTEMPT in 1|2) exit 75;; *) exit 3;; esac")
}

#[chiltepin::test]
fn each_exit_code_has_its_own_count_and_all_others_are_errors(workflow: Workflow) {
    let code = |retries: Retries| {
        let error = error(&exit_with_75_and_3().retries(retries).submit(&workflow));
        match error.kind() {
            ErrorKind::ExitCode { code, .. } => (*code, error.attempt()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code(retries(0).on(Cause::ExitCode(75), 1)), (75, 2));
    assert_eq!(code(retries(0).on(Cause::ExitCode(75), 5)), (3, 3));
    let both = retries(9).on(Cause::ExitCode(75), 2).on(Cause::Error, 1);
    assert_eq!(code(both), (3, 4));
    assert_eq!(code(retries(9).on(Cause::Error, 1)), (75, 2));
    // The last word counts.
    let twice = retries(0).on(Cause::ExitCode(75), 5);
    assert_eq!(code(twice.on(Cause::ExitCode(75), 0)), (75, 1));
}

#[bash_task]
fn kill_shell() -> String {
    sh!("kill -9 $$")
}

#[bash_task]
fn kill_command() -> String {
    sh!("bash -c 'kill -9 $$'; exit $?")
}

#[chiltepin::test]
fn a_command_that_is_killed_is_out_of_memory(workflow: Workflow) {
    for call in [kill_shell, kill_command] {
        let attempts =
            |retries: Retries| error(&call().retries(retries).submit(&workflow)).attempt();
        assert_eq!(attempts(retries(9).on(Cause::OutOfMemory, 1)), 2);
        assert_eq!(attempts(retries(9).on(Cause::Error, 2)), 3);
        assert_eq!(attempts(retries(1)), 2);
    }
}

#[task]
async fn wait(stage: Stage) {
    stage.pass().await;
}

#[task]
fn panic_always() -> u32 {
    panic!("as always")
}

#[chiltepin::test]
fn timeouts_and_panics_have_counts_of_their_own(workflow: Workflow) {
    let attempts = |retries: Retries| {
        let waiting = wait(Stage::new()).timeout(Duration::from_millis(20));
        let panicking = panic_always().retries(retries.clone()).submit(&workflow);
        let waiting = waiting.retries(retries).submit(&workflow);
        assert!(error(&waiting).is_timeout());
        (error(&waiting).attempt(), error(&panicking).attempt())
    };
    assert_eq!(attempts(retries(3).on(Cause::Timeout, 0)), (1, 4));
    assert_eq!(attempts(retries(0).on(Cause::Timeout, 1)), (2, 1));
    assert_eq!(attempts(retries(2).on(Cause::Panic, 0)), (3, 1));
}

#[derive(Debug, Serialize, Deserialize, thiserror::Error)]
enum FetchError {
    #[error("busy")]
    Busy,
    #[error("not found")]
    NotFound,
}

/// Is busy until the attempt of this number, and then finds nothing.
#[task]
fn fetch(context: &TaskContext, until: u32) -> Result<u32, FetchError> {
    if context.attempt() < until {
        return Err(FetchError::Busy);
    }
    Err(FetchError::NotFound)
}

fn is_busy(error: &TaskError) -> bool {
    matches!(error.downcast_ref(), Some(FetchError::Busy))
}

#[chiltepin::test]
fn the_error_s_own_type_says_whether_it_is_worth_another_attempt(workflow: Workflow) {
    let asked = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&asked);
    let choosy = retries(9).when(move |error| {
        let before = counter.fetch_add(1, Ordering::Relaxed);
        assert_eq!((error.task(), error.attempt()), ("fetch", before + 1));
        is_busy(error)
    });
    let error = error(&fetch(3).retries(choosy).submit(&workflow));
    assert!(matches!(error.downcast_ref(), Some(FetchError::NotFound)));
    assert_eq!((error.attempt(), asked.load(Ordering::Relaxed)), (3, 3));
}

#[chiltepin::test]
fn the_counts_hold_whatever_is_worth_another_attempt(workflow: Workflow) {
    let error = error(&fetch(9).retries(retries(1).when(is_busy)).submit(&workflow));
    assert_eq!(error.attempt(), 2);
}

#[chiltepin::test]
fn nothing_is_repeated_where_what_says_so_panics(workflow: Workflow) {
    let broken = retries(9).when(|_| panic!("it is broken"));
    let error = error(&fetch(9).retries(broken).submit(&workflow));
    assert!(is_busy(&error) && error.attempt() == 1, "{error}");
}

#[chiltepin::test]
fn pauses_are_as_they_are_set(workflow: Workflow) {
    let begun = Instant::now();
    let error = error(&fetch(99).retries(retries(20)).submit(&workflow));
    assert_eq!(error.attempt(), 21);
    // Half a minute by the tenth, otherwise.
    assert!(begun.elapsed() < Duration::from_secs(20));
    let begun = Instant::now();
    let pause = Duration::from_millis(300);
    let slow = fetch(99).retries(Retries::new(1).back_off(pause, pause));
    slow.submit(&workflow).result().unwrap_err();
    assert!(begun.elapsed() >= pause / 2);
}

#[chiltepin::test]
fn the_configuration_tells_causes_apart(_workflow: Workflow) {
    let workflow = open(
        "[workflow]
         retries = { error = 0, others = 2, back_off = '1ms', longest = '1ms' }
         [stubborn]
         provider = 'threads'
         retries = { exit_codes = { 75 = 1 }, back_off = '1ms' }",
    );
    let attempts = |future: &AppFuture<u32>| error(future).attempt();
    assert_eq!(attempts(&fetch(9).on("local").submit(&workflow)), 1);
    assert_eq!(attempts(&panic_always().on("local").submit(&workflow)), 3);
    let call = panic_always().on("local").retries(0);
    assert_eq!(attempts(&call.submit(&workflow)), 1);
    let exit = exit_with_75_and_3().on("stubborn").submit(&workflow);
    assert_eq!(error(&exit).attempt(), 2);
}

/// Ends its process by this signal.
#[task]
fn end_worker(file: PathBuf, signal: i32) -> u32 {
    note(&file, "begun");
    let signal = Signal::from_named_raw(signal).unwrap();
    loop {
        kill_process(getpid(), signal).unwrap();
    }
}

#[chiltepin::test]
fn lost_workers_have_a_count_of_their_own_in_place_of_the_crash_limit() {
    const ABORT: i32 = 6;
    const KILL: i32 = 9;
    let crew = Crew::new();
    let workflow = crew.open("crash_limit = 2");
    let any = |count| retries(count);
    for (name, signal, retries, on_loss, begun) in [
        ("nothing said", ABORT, any(5), OnLoss::Repeat, 2),
        ("more", ABORT, any(0).on(Cause::Lost, 3), OnLoss::Repeat, 4),
        ("none", ABORT, any(5).on(Cause::Lost, 0), OnLoss::Repeat, 1),
        ("never", ABORT, any(5).on(Cause::Lost, 3), OnLoss::Fail, 1),
        ("killed", KILL, any(0).on(Cause::Lost, 2), OnLoss::Repeat, 3),
        (
            "memory",
            KILL,
            any(0).on(Cause::OutOfMemory, 3),
            OnLoss::Repeat,
            4,
        ),
        (
            "other",
            ABORT,
            any(0).on(Cause::OutOfMemory, 3),
            OnLoss::Repeat,
            2,
        ),
    ] {
        let file = crew.place.path(name);
        let call = end_worker(file.clone(), signal)
            .retries(retries)
            .on_loss(on_loss);
        let error = error(&call.submit(&workflow));
        assert!(
            matches!(error.kind(), ErrorKind::WorkerLost { .. }),
            "{error}"
        );
        assert_eq!(notes(&file).len(), begun, "{name}");
    }
}

#[chiltepin::test]
fn a_configuration_s_own_judgement_is_asked_too(_workflow: Workflow) {
    let place = Place::new();
    let mut config = executor::config("[compute]\nprovider = 'threads'\n");
    let judged =
        |words: &'static str| retries(3).when(move |error| error.to_string().contains(words));
    config.workflow.retries = judged("busy");
    let resource = config.resources.iter_mut();
    for resource in resource.filter(|resource| resource.name == "compute") {
        resource.retries = Some(judged("tired"));
    }
    let workflow = Workflow::builder()
        .config_value(config)
        .run_dir(place.path("runs"))
        .open()
        .unwrap();
    for (executor, words, attempts) in [
        ("local", "busy", 4),
        ("local", "tired", 1),
        ("compute", "busy", 1),
        ("compute", "tired", 4),
    ] {
        let call = refuse(words.to_owned()).on(executor);
        let error = error(&call.submit(&workflow));
        assert_eq!(error.attempt(), attempts, "{executor}, {words}");
    }
}

#[task]
fn refuse(words: String) -> Result<(), String> {
    Err(words)
}

/// Waits for ever at the first two attempts.
#[task]
async fn wait_twice(context: &TaskContext, stage: Stage) -> u32 {
    if context.attempt() < 3 {
        stage.pass().await;
    }
    context.attempt()
}

#[chiltepin::test]
fn a_timeout_grows_with_each_one_that_was_too_short(workflow: Workflow) {
    let timeout = Duration::from_millis(40);
    let begun = Instant::now();
    let call = wait_twice(Stage::new()).timeout(timeout);
    let grown = retries(2).scale_timeout(3.0);
    assert_eq!(call.retries(grown).submit(&workflow).result().unwrap(), 3);
    assert!(begun.elapsed() >= 4 * timeout, "{:?}", begun.elapsed());
    let call = wait(Stage::new()).timeout(timeout);
    let grown = retries(1).scale_timeout(2.0);
    let error = error(&call.retries(grown).submit(&workflow));
    match error.kind() {
        ErrorKind::TimedOut { timeout: last, .. } => assert_eq!(*last, 2 * timeout),
        other => panic!("{other:?}"),
    }
}

/// Is killed at its first attempt.
#[bash_task]
fn killed_once() -> String {
    sh!("[ $CHILTEPIN_ATTEMPT != 1 ] || kill -9 $$")
}

#[chiltepin::test]
fn what_was_out_of_memory_asks_for_more(_workflow: Workflow) {
    const MEBIBYTE: u64 = 1 << 20;
    let workflow = open(
        "[workflow]
         executors = ['small', 'large']
         [small]
         provider = 'threads'
         memory = '8MiB'
         [large]
         provider = 'threads'
         memory = '16MiB'",
    );
    let resources = Resources {
        cores: 1,
        memory: 8 * MEBIBYTE,
        ..Resources::default()
    };
    for (factor, executor) in [(1.5, Some("large")), (100.0, Some("large")), (1.0, None)] {
        let retries = retries(1).scale_memory(factor);
        let call = killed_once().resources(resources).retries(retries);
        let future = call.submit(&workflow);
        assert_eq!(future.result().unwrap(), 0);
        if executor.is_some() {
            assert_eq!(future.executor().as_deref(), executor);
        }
    }
}
