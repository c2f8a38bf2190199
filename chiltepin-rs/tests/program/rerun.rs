//! `chiltepin rerun`, of calls made here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use chiltepin::config::Config;
use chiltepin::{AppFuture, Workflow, bash_task, join_task, sh, task};

use crate::{Place, errors, out};

/// Leaves a line for each time that it is run.
fn note(log: &Path, line: &str) {
    let before = fs::read_to_string(log).unwrap_or_default();
    fs::write(log, format!("{before}{line}\n")).unwrap();
}

#[task]
fn divide(x: i64, by: i64, log: PathBuf) -> Result<i64, String> {
    note(&log, &format!("{x} / {by}"));
    x.checked_div(by)
        .ok_or_else(|| format!("{x} cannot be divided by {by}"))
}

#[expect(clippy::panic, reason = "it is to fail in this way")]
#[task]
async fn burst(values: Vec<u64>, log: PathBuf) -> u64 {
    note(&log, &format!("{values:?}"));
    panic!("{} are too many", values.len())
}

#[bash_task]
fn leave(code: i32, log: PathBuf) -> String {
    sh!("echo \"$CHILTEPIN_TASK_ID $CHILTEPIN_ATTEMPT\" >> {log}; echo told; exit {code}")
}

#[task]
fn weigh(values: Vec<u64>) -> Result<usize, String> {
    Err(format!("{} are too heavy", values.len()))
}

#[task]
fn give_up() -> Result<u8, String> {
    Err("there is nothing to do".to_owned())
}

#[join_task]
async fn join(workflow: &Workflow, log: PathBuf) -> AppFuture<i64> {
    divide(1, 0, log).submit(workflow)
}

const CONFIG: &str = "[workers]\nprovider = \"localhost\"\nmax_workers_per_node = 1\n";

fn open(place: &Place, settings: &str) -> Workflow {
    let config = format!("[workflow]\n{settings}\n{CONFIG}");
    let config = Config::from_toml(&config).unwrap();
    let builder = Workflow::builder().config_value(config);
    let builder = builder.run_dir(place.folder.path().join("runs"));
    builder.open().unwrap()
}

fn log(place: &Place) -> PathBuf {
    place.folder.path().join("log")
}

fn rerun(place: &Place, task: &str) -> Output {
    place.run(&["rerun", "latest", task])
}

#[track_caller]
fn refused(output: &Output, reason: &str) {
    assert_eq!(output.status.code(), Some(1), "{}", out(output));
    assert!(errors(output).contains(reason), "{}", errors(output));
}

/// Fails a call of each kind, and does so again.
fn fails_again(executor: &str) {
    let place = Place::new();
    let workflow = open(&place, "");
    let log = log(&place);
    let divided = divide(7, 0, log.clone()).on(executor).submit(&workflow);
    divided.result().unwrap_err();
    let bursting = burst(vec![1, 2], log.clone()).on(executor);
    bursting.submit(&workflow).result().unwrap_err();
    let leaving = leave(3, log.clone()).on(executor).name("leave it");
    leaving.submit(&workflow).result().unwrap_err();
    give_up()
        .on(executor)
        .submit(&workflow)
        .result()
        .unwrap_err();
    workflow.close_blocking();
    fs::remove_file(&log).unwrap();

    let again = rerun(&place, "divide");
    refused(
        &again,
        "error: task `divide` (1), attempt 1, failed: 7 cannot be divided by 0\n",
    );
    let again = rerun(&place, "2");
    refused(
        &again,
        "error: task `burst` (2), attempt 1, panicked: 2 are too many",
    );
    let again = rerun(&place, "leave it");
    refused(
        &again,
        "error: task `leave it` (3), attempt 1, exited with code 3",
    );
    assert!(out(&again).contains("told\n"), "{}", out(&again));
    let again = rerun(&place, "give_up");
    refused(&again, "failed: there is nothing to do\n");
    assert_eq!(fs::read_to_string(&log).unwrap(), "7 / 0\n[1, 2]\n3 1\n");
}

#[chiltepin::test]
fn a_call_that_failed_on_threads_fails_again_with_the_same_arguments() {
    fails_again("local");
}

#[chiltepin::test]
fn a_call_that_failed_in_a_worker_fails_again_with_the_same_arguments() {
    fails_again("workers");
}

#[chiltepin::test]
fn of_all_calls_arguments_are_recorded_if_that_is_wanted() {
    let place = Place::new();
    let workflow = open(&place, "record_arguments = \"all\"");
    let log = log(&place);
    let three = divide(7, 2, log.clone()).submit(&workflow);
    let one = divide(&three, 3, log.clone())
        .on("workers")
        .submit(&workflow);
    assert_eq!(one.result().unwrap(), 1);
    workflow.close_blocking();
    let again = rerun(&place, "1");
    assert_eq!(errors(&again), "");
    assert!(
        out(&again).contains("`divide` succeeded after "),
        "{}",
        out(&again)
    );
    assert!(out(&again).ends_with(", its value has 1 B encoded\n"));
    let again = place.run(&["rerun", "latest", "2", "--json"]);
    let told: serde_json::Value = serde_json::from_str(out(&again)).unwrap();
    assert_eq!(
        (&told["succeeded"], &told["task"]),
        (&true.into(), &2.into())
    );
    let text = fs::read_to_string(&log).unwrap();
    assert_eq!(text, "7 / 2\n3 / 3\n7 / 2\n3 / 3\n");
}

#[chiltepin::test]
fn what_cannot_be_run_again_is_refused_with_what_to_do() {
    let place = Place::new();
    let workflow = open(&place, "");
    let log = log(&place);
    divide(7, 2, log.clone())
        .submit(&workflow)
        .result()
        .unwrap();
    weigh(vec![9; 100_000])
        .submit(&workflow)
        .result()
        .unwrap_err();
    let joined = join(log.clone()).submit(&workflow);
    joined.result().unwrap_err();
    let never = divide(joined, 1, log).submit(&workflow);
    never.result().unwrap_err();
    workflow.close_blocking();
    refused(
        &rerun(&place, "1"),
        "no arguments are recorded of `divide` (1), which has succeeded: `record_arguments` of the \
         run is \"failed\"\n  hint: with `record_arguments = \"all\"`",
    );
    refused(
        &rerun(&place, "weigh"),
        "the arguments of `weigh` (2) have more than 64 KiB, and were not recorded\n  hint: ",
    );
    refused(
        &rerun(&place, "join"),
        "`join` (3) is a join, which needs its workflow\n  hint: ",
    );
    refused(
        &rerun(&place, "5"),
        "`divide` (5) has never started, so it has no arguments",
    );

    let program = place.folder.path().join("runs/latest/program");
    fs::remove_file(&program).unwrap();
    fs::write(&program, "#!/bin/sh\nexit 3\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::set_permissions(&program, mode).unwrap();
    refused(
        &rerun(&place, "4"),
        "the program ended with exit code 3 and never came to `chiltepin::init()`",
    );
    fs::remove_file(&program).unwrap();
    refused(
        &rerun(&place, "4"),
        "the copy of the run's program, is not there",
    );

    let journal = place.folder.path().join("runs/latest/run.journal");
    let bytes = fs::read(&journal).unwrap();
    fs::write(&journal, &bytes[..bytes.len() - 1]).unwrap();
    let damaged = rerun(&place, "1");
    assert_ne!(damaged.status.code(), Some(0));
    assert!(errors(&damaged).contains("warning: the journal is not whole"));
}

#[chiltepin::test]
fn a_run_that_records_no_arguments_keeps_no_program() {
    let place = Place::new();
    let workflow = open(&place, "record_arguments = \"none\"");
    let log = log(&place);
    divide(7, 0, log).submit(&workflow).result().unwrap_err();
    workflow.close_blocking();
    assert!(!place.folder.path().join("runs/latest/program").exists());
    refused(
        &rerun(&place, "1"),
        "`record_arguments` of the run is \"none\"",
    );
}
