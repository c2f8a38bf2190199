//! Programs as a whole: what main takes and returns, and what becomes of its tasks.

use chiltepin::{Workflow, task};

use crate::place::Place;
use crate::program::{Ended, Program};
use crate::support::only_on_threads;

fn run(arguments: &[&str]) -> Ended {
    Program::start(&Place::new(), arguments).ended()
}

#[chiltepin::test]
fn main_returns_what_it_likes() {
    let good = |name: &str, code, out: &str| {
        let ended = run(&["returns", name]);
        assert_eq!(
            (ended.code, &*ended.out, &*ended.err),
            (Some(code), out, ""),
            "{name}"
        );
    };
    good("unit", 0, "ran\n");
    good("unit_blocking", 0, "Ok(7)\n");
    good("code", 7, "");
    good("code_blocking", 8, "");
    good("own_good", 0, "7\n");
    good("own_code", 9, "");
}

#[chiltepin::test]
fn an_error_of_main_is_told_with_its_causes() {
    let bad = |name: &str, err: &str| {
        let ended = run(&["returns", name]);
        assert_eq!(
            (ended.code, &*ended.out, &*ended.err),
            (Some(1), "", err),
            "{name}"
        );
    };
    bad(
        "own",
        "error: task `open` (1) on `local`, attempt 1, failed: no good data in `no/such/file`\n  \
         caused by: No such file or directory (os error 2)\n",
    );
    bad("own_blocking", "error: no input files\n");
    bad(
        "anyhow",
        "error: the number is no good\n  \
         caused by: task `parse` (1) on `local`, attempt 1, failed: invalid digit found in string\n",
    );
    bad("anyhow_blocking", "error: nothing to do\n");
    bad("text", "error: just a text\n");
    bad("io", "error: the disk is on fire\n");
}

#[chiltepin::test]
fn a_panic_of_main_is_printed_and_its_code_is_101() {
    for name in ["panic", "panic_blocking"] {
        let ended = run(&["returns", name]);
        assert_eq!((ended.code, &*ended.out), (Some(101), ""), "{ended:?}");
        assert_eq!(
            ended.err.matches("main has had enough").count(),
            1,
            "{ended:?}"
        );
    }
}

#[chiltepin::test]
fn what_is_pending_when_main_returns_runs_to_its_end() {
    for (name, code) in [("good", 0), ("good_blocking", 0), ("code", 3)] {
        let place = Place::new();
        let mut program = Program::start(&place, &["endings", name]);
        let process = place.process("shell");
        crate::place::until("main to end", || !place.text("stdout").is_empty());
        assert!(process.runs() && program.runs());
        place.write("go", "");
        let ended = program.ended();
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert_eq!(place.text("done"), "done\n");
        assert_eq!(place.text("last"), "last\n", "joins run to their end too");
        assert!(!process.runs());
    }
}

#[chiltepin::test]
fn what_is_pending_when_main_fails_is_cancelled() {
    let endings = [
        ("error", 1),
        ("error_blocking", 1),
        ("error_with_handle", 1),
        ("panic", 101),
        ("panic_blocking", 101),
    ];
    for (name, code) in endings {
        let place = Place::new();
        let program = Program::start(&place, &["endings", name]);
        let process = place.process("shell");
        let ended = program.ended();
        assert_eq!(ended.code, Some(code), "{name}: {ended:?}");
        assert!(ended.err.contains("gave up"), "{name}: {ended:?}");
        assert!(!process.runs(), "{name}");
        assert!(!place.path("done").exists());
    }
}

#[chiltepin::test]
fn any_program_can_open_a_workflow() {
    for name in ["plain", "tokio", "current_thread"] {
        let ended = run(&["starts", name]);
        assert_eq!(
            (ended.code, &*ended.out, &*ended.err),
            (Some(0), "55\n", ""),
            "{name}"
        );
    }
}

const PANICKED: &str = "task `panicking` (1) on `local`, attempt 1, panicked: as this task does";

#[chiltepin::test]
fn a_panic_of_a_task_is_its_error_and_nothing_on_stderr() {
    let ended = run(&["starts", "panics"]);
    assert_eq!((ended.code, &*ended.err), (Some(0), ""));
    let lines: Vec<_> = ended.out.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with(PANICKED), "{ended:?}");
    assert!(
        lines[1].contains("panicked: as this task does later"),
        "{ended:?}"
    );
}

#[chiltepin::test]
fn a_panic_elsewhere_is_printed_as_ever() {
    let ended = run(&["starts", "panics_plain"]);
    assert!(ended.out.starts_with(PANICKED), "{ended:?}");
    assert!(!ended.err.contains("as this task does"), "{ended:?}");
    assert!(
        ended.err.contains("a thread of the program's own"),
        "{ended:?}"
    );
}

#[chiltepin::test]
fn with_a_backtrace_asked_for_a_task_s_panic_is_printed() {
    if only_on_threads("what a task prints in a worker goes to the worker's file") {
        return;
    }
    let place = Place::new();
    let environment = [("RUST_BACKTRACE", "1")];
    let ended = Program::start_with(&place, &["starts", "panics"], &environment).ended();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for text in ["as this task does\n", "as this task does later\n"] {
        assert!(ended.err.contains(text), "{ended:?}");
    }
    assert_eq!(ended.err.matches("stack backtrace:").count(), 2);
    let environment = [("RUST_BACKTRACE", "0")];
    let ended = Program::start_with(&place, &["starts", "panics"], &environment).ended();
    assert_eq!(ended.err, "");
}

#[task]
fn parse(text: String) -> Result<u32, std::num::ParseIntError> {
    text.parse()
}

#[chiltepin::test]
fn a_plain_test(workflow: Workflow) {
    assert_eq!(parse("3").submit(&workflow).result().unwrap(), 3);
}

#[chiltepin::test]
async fn an_async_test(workflow: Workflow) {
    assert_eq!(parse("3").submit(&workflow).await.unwrap(), 3);
    assert_eq!(parse("3").submit(&workflow).result().unwrap(), 3);
}

#[chiltepin::test]
fn a_test_without_a_workflow() {
    assert_eq!(parse("3").run_blocking().unwrap(), 3);
}

#[chiltepin::test]
async fn an_async_test_without_a_workflow() -> anyhow::Result<()> {
    assert_eq!(parse("3").run().await?, 3);
    Ok(())
}

#[chiltepin::test]
fn a_plain_test_with_a_result(workflow: Workflow) -> chiltepin::Result<()> {
    assert_eq!(parse("3").submit(&workflow).result()?, 3);
    Ok(())
}

#[chiltepin::test]
async fn an_async_test_with_a_result(workflow: Workflow) -> Result<(), chiltepin::TaskError> {
    assert_eq!(parse("3").submit(&workflow).await?, 3);
    Ok(())
}

#[chiltepin::test]
#[should_panic(expected = "no number at all")]
fn a_plain_test_that_panics(workflow: Workflow) {
    parse("x")
        .submit(&workflow)
        .result()
        .expect("no number at all");
}

#[chiltepin::test]
#[should_panic(expected = "no number at all")]
async fn an_async_test_that_panics(workflow: Workflow) {
    parse("x")
        .submit(&workflow)
        .await
        .expect("no number at all");
}

/// Has a command pending that would run for long.
fn pend(workflow: &Workflow) {
    let script = "echo $$ > shell; sleep 1000";
    drop(crate::place::shell(script).submit(workflow));
    crate::place::until("the command to run", || {
        std::fs::read_to_string("shell").is_ok_and(|text| text.ends_with('\n'))
    });
}

#[chiltepin::test]
#[ignore = "it fails, for another test to see"]
async fn failing_with_an_error(workflow: Workflow) -> chiltepin::Result<()> {
    pend(&workflow);
    parse("x").submit(&workflow).await?;
    Ok(())
}

#[chiltepin::test]
#[ignore = "it fails, for another test to see"]
fn failing_with_a_panic(workflow: Workflow) {
    pend(&workflow);
    parse("x").submit(&workflow).result().unwrap();
}

#[chiltepin::test]
fn a_test_that_fails_says_why_and_leaves_nothing_behind() {
    for name in ["failing_with_an_error", "failing_with_a_panic"] {
        let place = Place::new();
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        let test = format!("programs::{name}");
        command.args([&*test, "--exact", "--ignored", "--nocapture"]);
        let program = Program::spawn(&place, command, &[]);
        let process = place.process("shell");
        let ended = program.ended();
        assert_eq!(ended.code, Some(101), "{name}: {ended:?}");
        let said = format!("{}{}", ended.out, ended.err);
        assert!(said.contains("invalid digit"), "{name}: {ended:?}");
        assert!(!process.runs(), "{name}");
    }
}
