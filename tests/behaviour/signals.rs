//! Ctrl-C and SIGTERM.

use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::executor::config_text;
use crate::place::Place;
use crate::program::{Ended, Program};

const FIRST: [(Signal, i32, &str); 2] = [
    (Signal::INT, 130, "chiltepin: interrupted; no more tasks"),
    (
        Signal::TERM,
        143,
        "chiltepin: told to terminate; no more tasks",
    ),
];

const KINDS: [&str; 2] = ["interrupted", "interrupted_blocking"];

/// A place with a configuration for the programs to be interrupted.
fn place(grace: &str) -> Place {
    let place = Place::new();
    let settings = format!("[workflow]\ngrace = \"{grace}\"\n");
    place.write("chiltepin.toml", &config_text(&settings));
    place
}

#[track_caller]
fn said(ended: &Ended, lines: [&str; 3]) {
    let mut out = ended.out.lines();
    for line in lines {
        let next = out.next().unwrap_or_default();
        assert!(
            next.contains(line),
            "`{line}` is not in `{next}`: {ended:?}"
        );
    }
    assert_eq!(
        (out.next(), out.next()),
        (Some("last words"), None),
        "{ended:?}"
    );
}

#[chiltepin::test]
fn the_first_signal_lets_what_runs_end() {
    for kind in KINDS {
        for (signal, code, message) in FIRST {
            let place = place("1h");
            let mut program = Program::start(&place, &[kind, "gentle"]);
            let process = place.process("shell");
            program.signal(signal);
            program.says(message);
            program.says("may end within 3600s");
            assert!(process.runs() && program.runs());
            place.write("go", "");
            let ended = program.ended();
            assert_eq!(ended.code, Some(code), "{ended:?}");
            let waiting = "waiting: task `after` (2) was not run: the workflow is closed";
            said(&ended, ["running: 0", waiting, "late: task `after` ("]);
            assert!(!place.path("cleaned").exists());
            assert!(!process.runs());
        }
    }
}

#[chiltepin::test]
fn a_signal_is_obeyed_where_nobody_can_be_told() {
    for kind in KINDS {
        let place = place("1h");
        let mut command = Command::new("bash");
        command
            .args(["-c", "exec \"$0\" \"$@\" 2> /dev/full"])
            .args([env!("CARGO_BIN_EXE_programs"), kind, "gentle"]);
        let mut program = Program::spawn(&place, command, &[]);
        let process = place.process("shell");
        program.signal(Signal::INT);
        std::thread::sleep(Duration::from_millis(300));
        assert!(process.runs() && program.runs());
        program.signal(Signal::INT);
        let ended = program.ended();
        assert_eq!(ended.code, Some(130), "{ended:?}");
        assert!(!process.runs());
    }
}

#[chiltepin::test]
fn a_program_that_opens_its_workflow_itself_can_have_signals_handled() {
    let place = place("1h");
    let mut program = Program::start(&place, &["interrupted_opened", "gentle"]);
    let process = place.process("shell");
    program.signal(Signal::INT);
    program.says("may end within 3600s");
    assert!(process.runs() && program.runs());
    place.write("go", "");
    let ended = program.ended();
    // Its main returns in time, with an exit code of its own.
    assert_eq!(ended.code, Some(7), "{ended:?}");
    let closed = "the workflow is closed";
    said(&ended, ["running: 0", closed, closed]);
    assert!(!process.runs());
}

#[chiltepin::test]
fn the_second_signal_kills_at_once() {
    for kind in KINDS {
        for (signal, code, message) in FIRST {
            let place = place("1h");
            let program = Program::start(&place, &[kind, "stubborn"]);
            let processes = [place.process("shell"), place.process("left")];
            program.signal(signal);
            program.says(message);
            assert!(processes.iter().all(|process| process.runs()));
            let begun = Instant::now();
            program.signal(Signal::INT);
            let ended = program.ended();
            // It ignores TERM, for which it would have 10 seconds.
            assert!(
                begun.elapsed() < Duration::from_secs(8),
                "{:?}",
                begun.elapsed()
            );
            assert_eq!(ended.code, Some(code), "{ended:?}");
            assert!(ended.err.contains("killing what still runs"), "{ended:?}");
            let closed = "the workflow is closed";
            said(&ended, ["running: task `stubborn` (1)", closed, closed]);
            assert!(processes.iter().all(|process| !process.runs()));
        }
    }
}

#[chiltepin::test]
fn what_still_runs_after_the_grace_is_killed() {
    let place = place("300ms");
    let program = Program::start(&place, &["interrupted", "stubborn"]);
    let processes = [place.process("shell"), place.process("left")];
    program.signal(Signal::INT);
    let ended = program.ended();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(
        ended.err.contains("the grace of 300ms is over"),
        "{ended:?}"
    );
    assert!(ended.out.contains("last words"), "{ended:?}");
    assert!(processes.iter().all(|process| !process.runs()));
}

#[chiltepin::test]
fn a_main_that_gives_up_takes_no_grace_away() {
    let place = place("1h");
    let mut program = Program::start(&place, &["interrupted", "fallible"]);
    let process = place.process("shell");
    program.signal(Signal::INT);
    program.says("error: task `after` (2) was not run: the workflow is closed");
    assert!(process.runs() && program.runs());
    place.write("go", "");
    let ended = program.ended();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(!place.path("cleaned").exists(), "it was not told to stop");
    assert!(!process.runs());
}

#[chiltepin::test]
fn a_program_has_time_for_its_last_words() {
    let place = place("1h");
    let program = Program::start(&place, &["interrupted", "cleanup"]);
    place.process("shell");
    program.signal(Signal::TERM);
    program.says("told to terminate");
    place.write("go", "");
    let ended = program.ended();
    assert_eq!(ended.code, Some(143), "{ended:?}");
    assert!(ended.out.ends_with("last words\n"), "{ended:?}");
}

#[chiltepin::test]
fn a_program_that_does_not_end_is_ended() {
    for doing in ["endless", "idle"] {
        let place = place("1h");
        let program = Program::start(&place, &["interrupted", doing]);
        place.process("shell");
        place.write("go", "");
        program.signal(Signal::INT);
        let ended = program.ended();
        assert_eq!(ended.code, Some(130), "{ended:?}");
        assert!(!ended.out.contains("last words"), "{ended:?}");
    }
}

#[chiltepin::test]
fn bodies_that_hold_the_whole_runtime_do_not_make_it_deaf() {
    let place = place("1h");
    let program = Program::start(&place, &["interrupted_blocking", "deaf"]);
    place.process("shell");
    program.signal(Signal::INT);
    program.says("interrupted");
    program.signal(Signal::INT);
    let ended = program.ended();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let closed = "the workflow is closed";
    said(&ended, ["running: task `rude` (65)", closed, closed]);
}

#[chiltepin::test]
fn a_body_that_holds_the_runtime_cannot_keep_the_program() {
    let place = place("1h");
    let program = Program::start(&place, &["interrupted", "rude"]);
    place.process("shell");
    program.signal(Signal::INT);
    program.says("interrupted");
    program.signal(Signal::INT);
    let ended = program.ended();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let closed = "the workflow is closed";
    said(&ended, ["running: task `rude` (1)", closed, closed]);
}
