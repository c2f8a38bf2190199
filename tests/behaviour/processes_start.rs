//! Starting worker processes: programs that do not let them in, environments that fail, and
//! programs that start them again and again.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use chiltepin::{ErrorKind, task};

use crate::crew::{Crew, notes};
use crate::place::{shell, until};
use crate::processes_driver::{PROGRAMS, folders_are_gone, start};
use crate::program::Ended;

const CARELESS: &str = env!("CARGO_BIN_EXE_careless");

fn run(crew: &Crew, settings: &str, program: &str, arguments: &[&str]) -> Ended {
    let config = crew.config(&["echo started >> starts"], settings);
    crew.place.write("chiltepin.toml", &config);
    let begun = Instant::now();
    let ended = start(crew, program, arguments).ended();
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    crew.nobody_is_left();
    folders_are_gone(crew);
    ended
}

#[test]
fn a_program_that_never_lets_workers_in_is_told_how_to() {
    let crew = Crew::new();
    let ended = run(&crew, "", CARELESS, &["never"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.out.lines().count(), 4, "{ended:?}");
    for line in ended.out.lines() {
        assert!(
            line.contains("put `chiltepin::init();` first in `main`"),
            "{line}"
        );
        assert!(line.contains("task `seven`"), "{line}");
    }
    assert!(!crew.place.path("starts").exists(), "nothing was started");
}

#[test]
fn a_main_that_opens_a_workflow_before_it_lets_workers_in_starts_no_more_of_itself() {
    let crew = Crew::new();
    let ended = run(&crew, "", CARELESS, &["late"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended
            .out
            .contains("opened a workflow before `chiltepin::init()`"),
        "{ended:?}"
    );
    assert_eq!(ended.out.matches("task `seven`").count(), 4, "{ended:?}");
    assert_eq!(notes(&crew.place.path("starts")).len(), 1);
}

#[task]
fn seven() -> u32 {
    7
}

/// What is said of an executor that cannot be used; every task must hear it, soon.
#[track_caller]
fn refused(crew: &Crew, environment: &[&str], settings: &str) -> String {
    let starts = crew.place.path("starts");
    let count = format!("echo started >> {}", starts.display());
    let lines: Vec<_> = std::iter::once(&*count)
        .chain(environment.iter().copied())
        .collect();
    let workflow = crew.open_in(&lines, settings);
    let begun = Instant::now();
    let futures = workflow.map(0..50, |_| seven());
    let command = shell("true").submit(&workflow);
    let mut reasons: Vec<_> = futures
        .iter()
        .map(|future| future.result().unwrap_err())
        .map(|error| match error.kind() {
            ErrorKind::UnavailableExecutor { name, reason } if name == "pool" => reason.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "{:?}",
        begun.elapsed()
    );
    reasons.dedup();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    // One to come later, too.
    let late = seven().submit(&workflow).result().unwrap_err();
    assert!(
        matches!(late.kind(), ErrorKind::UnavailableExecutor { .. }),
        "{late}"
    );
    assert_eq!(notes(&starts).len(), 1, "the shell was started once");
    drop(command.result());
    workflow.close_blocking();
    crew.nobody_is_left();
    reasons.remove(0)
}

#[chiltepin::test]
fn an_environment_line_that_fails_is_told_in_the_shell_s_words() {
    let crew = Crew::new();
    let reason = refused(
        &crew,
        &["export X=1", "echo 'no module named gcc' >&2; (exit 3)"],
        "",
    );
    assert!(reason.contains("no module named gcc"), "{reason}");
    assert!(reason.contains("(exit 3)"), "the line is named: {reason}");
    let reason = refused(&Crew::new(), &["no-such-command --now"], "");
    assert!(
        reason.contains("no-such-command: command not found"),
        "{reason}"
    );
    let reason = refused(&Crew::new(), &["if true; then"], "");
    assert!(reason.contains("syntax error"), "{reason}");
    let reason = refused(&Crew::new(), &["exit 0"], "");
    assert!(reason.contains("exit 0"), "{reason}");
}

#[chiltepin::test]
fn a_prefix_that_is_no_program_is_told_and_not_tried_for_ever() {
    let crew = Crew::new();
    let reason = refused(&crew, &[], "prefix = \"no-such-wrapper -x\"");
    assert!(reason.contains("no-such-wrapper"), "{reason}");
    let reason = refused(&Crew::new(), &[], "prefix = \"false\"");
    assert!(reason.contains("exited with code 1"), "{reason}");
}

#[test]
fn environment_lines_hold_for_workers_and_commands() {
    let crew = Crew::new();
    let lines = [
        "tool() { export TOOL=\"$1\"; }",
        "tool seven",
        "export -f tool",
        "ulimit -n 123",
    ];
    let config = crew.config(&lines, "max_workers_per_node = 1");
    crew.place.write("chiltepin.toml", &config);
    let ended = start(&crew, PROGRAMS, &["facts", "1"]).ended();
    assert!(ended.out.contains("TOOL=seven"), "{ended:?}");
    assert!(ended.out.contains("files=123"), "{ended:?}");
    let command = crew.place.text("command");
    assert_eq!(command, "TOOL=seven CUDA= files=123 function\n");
}

#[test]
fn workers_started_after_the_program_is_replaced_are_of_the_old_one() {
    let crew = Crew::new();
    let config = crew.config(&[], "max_workers_per_node = 1");
    crew.place.write("chiltepin.toml", &config);
    let copy = crew.place.path("program");
    std::fs::copy(PROGRAMS, &copy).unwrap();
    let program = start(&crew, copy.to_str().unwrap(), &["replaced"]);
    until("the program to be at work", || {
        crew.place.path("started").exists()
    });
    // A build writes another file and puts it in the place of the first.
    let other = crew.place.write("other", "#!/bin/sh\nexit 9\n");
    std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(&other, &copy).unwrap();
    crew.place.write("go", "");
    let ended = program.ended();
    assert_eq!(
        (ended.code, &*ended.out),
        (Some(0), "Ok(5)\nOk(7)\n"),
        "{ended:?}"
    );
}

#[test]
fn workflows_opened_again_and_again_leave_nothing_open() {
    let crew = Crew::new();
    let ended = run(&crew, "", PROGRAMS, &["reopen"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let text = ended.out.trim().trim_matches(['[', ']']);
    let counts: Vec<usize> = text.split(", ").map(|word| word.parse().unwrap()).collect();
    assert_eq!(counts.len(), 20);
    // What a dropped workflow has open is closed a moment later.
    assert!(counts[19] <= counts[3] + 8, "{counts:?}");
    assert_eq!(notes(&crew.place.path("starts")).len(), 20);
}

#[chiltepin::test]
fn two_workflows_live_in_one_process() {
    let crews = [Crew::new(), Crew::new()];
    let workflows = crews
        .each_ref()
        .map(|crew| crew.open("max_workers_per_node = 1"));
    let futures = workflows
        .each_ref()
        .map(|workflow| workflow.map(0..50, |_| seven()));
    for futures in &futures {
        assert!(futures.iter().all(|future| future.result().unwrap() == 7));
    }
    let [first, second] = workflows;
    first.close_blocking();
    drop(first);
    crews[0].nobody_is_left();
    assert_eq!(crews[1].workers().len(), 1);
    assert_eq!(seven().submit(&second).result().unwrap(), 7);
    second.close_blocking();
    crews[1].nobody_is_left();
}
