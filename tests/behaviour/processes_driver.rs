//! Programs with worker processes that are killed, interrupted, or told to terminate.

use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::crew::{Crew, MARK};
use crate::place::until;
use crate::process::Process;
use crate::program::Program;
use crate::support::LIMIT;

/// A program in a group of its own, as a shell starts it, with a temporary folder of its own.
pub(crate) fn start<'a>(crew: &'a Crew, program: &str, arguments: &[&str]) -> Program<'a> {
    let temporary = crew.place.path("tmp");
    std::fs::create_dir_all(&temporary).unwrap();
    let mut command = Command::new(program);
    command.args(arguments).process_group(0);
    let mark = crew.mark();
    let variables = [(MARK, &*mark), ("TMPDIR", temporary.to_str().unwrap())];
    Program::spawn(&crew.place, command, &variables)
}

pub(crate) const PROGRAMS: &str = env!("CARGO_BIN_EXE_programs");

/// Waits until nothing is left in the temporary folder.
#[track_caller]
pub(crate) fn folders_are_gone(crew: &Crew) {
    let begun = Instant::now();
    while !left_behind(crew).is_empty() {
        assert!(
            begun.elapsed() < LIMIT,
            "left behind: {:?}",
            left_behind(crew)
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What is left in the temporary folder.
fn left_behind(crew: &Crew) -> Vec<String> {
    let entries = std::fs::read_dir(crew.place.path("tmp")).unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.unwrap().file_name().to_string_lossy().into_owned()
    };
    let mut names: Vec<_> = entries.map(name).collect();
    for folder in names.clone() {
        let inside = std::fs::read_dir(crew.place.path("tmp").join(&folder));
        names.extend(inside.into_iter().flatten().map(name));
    }
    names
}

const NAMES: [&str; 6] = [
    "parent-0",
    "parent-1",
    "waiting-0",
    "waiting-1",
    "command-0",
    "command-1",
];

fn named(crew: &Crew) -> [Process; 6] {
    NAMES.map(|name| crew.place.process(name))
}

/// A program with tasks of all sorts that run, most with children.
fn crowd<'a>(crew: &'a Crew, grace: &str) -> Program<'a> {
    let config = crew.config(
        &[],
        "max_workers_per_node = 2\ncores_per_node = 4\nkill_grace = \"1h\"",
    );
    let config = config.replacen("[workflow]", &format!("[workflow]\ngrace = \"{grace}\""), 1);
    crew.place.write("chiltepin.toml", &config);
    let program = start(crew, PROGRAMS, &["crowd"]);
    named(crew);
    program
}

#[test]
fn a_program_that_is_killed_leaves_nothing() {
    let crew = Crew::new();
    let program = crowd(&crew, "1h");
    // The program, its spawner, 2 workers, 4 children of theirs, 2 commands with 2 each.
    let processes = crew.processes();
    assert!(processes.len() >= 14, "{processes:?}");
    assert!(!left_behind(&crew).is_empty());
    let begun = Instant::now();
    program.signal(Signal::KILL);
    program.ended();
    crew.nobody_is_left();
    let took = begun.elapsed();
    // It is promised within 2 seconds; the rest is for a machine that is busy.
    assert!(took < Duration::from_secs(6), "{took:?}");
    folders_are_gone(&crew);
}

#[test]
fn a_program_that_is_killed_while_its_workers_start_leaves_nothing() {
    for lines in [
        &["sleep 1000"][..],
        &["sleep 1000 & echo $! > background", "sleep 1000"],
        &[],
    ] {
        let crew = Crew::new();
        let config = crew.config(lines, "max_workers_per_node = 2");
        crew.place.write("chiltepin.toml", &config);
        let program = start(&crew, PROGRAMS, &["crowd"]);
        until("its first process to run", || crew.processes().len() > 1);
        program.signal(Signal::KILL);
        program.ended();
        crew.nobody_is_left();
        folders_are_gone(&crew);
    }
}

/// A program so large that copying it takes longer than closing waits for workers to end.
fn large_program(crew: &Crew) -> String {
    let path = crew.place.path("large");
    std::fs::copy(PROGRAMS, &path).unwrap();
    let file = std::fs::OpenOptions::new().append(true).open(&path);
    let file = file.unwrap();
    // There is no more of it on the disk than before, only of its copy.
    file.set_len(file.metadata().unwrap().len() + (400 << 20))
        .unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_program_that_ends_while_its_first_process_is_prepared_leaves_nothing() {
    for (how, is_large) in [("drop", true), ("drop", false), ("close", false)] {
        let crew = Crew::new();
        let config = crew.config(&[], "max_workers_per_node = 1");
        crew.place.write("chiltepin.toml", &config);
        let program = match is_large {
            true => large_program(&crew),
            false => PROGRAMS.to_owned(),
        };
        let ended = start(&crew, &program, &["hasty", how]).ended();
        assert_eq!((ended.code, &*ended.out), (Some(0), "true\n"), "{ended:?}");
        // Nobody is there any more who could do it later.
        let left = left_behind(&crew);
        assert!(left.is_empty(), "{how}: {left:?}");
        crew.nobody_is_left();
    }
}

const SIGNALS: [(Signal, i32); 2] = [(Signal::INT, 130), (Signal::TERM, 143)];

#[test]
fn the_first_signal_to_the_group_lets_what_runs_end() {
    for (signal, code) in SIGNALS {
        let crew = Crew::new();
        let mut program = crowd(&crew, "1h");
        let processes = named(&crew);
        program.signal_group(signal);
        program.says("may end within 3600s");
        assert!(program.runs());
        assert!(processes.iter().all(Process::runs), "all have their grace");
        crew.place.write("go", "");
        let ended = program.ended();
        assert_eq!(ended.code, Some(code), "{ended:?}");
        for line in ["parent-0: 1", "waiting-1: 2", "command-0: 0", "last words"] {
            assert!(ended.out.contains(line), "{ended:?}");
        }
        assert!(ended.out.contains("the workflow is closed"), "{ended:?}");
        // What commands leave in the background stays, as on threads.
        end_background(&crew, 4);
        folders_are_gone(&crew);
    }
}

#[test]
fn the_second_signal_to_the_group_kills_at_once() {
    for (signal, code) in SIGNALS {
        let crew = Crew::new();
        let program = crowd(&crew, "1h");
        program.signal_group(signal);
        program.says("may end within 3600s");
        let begun = Instant::now();
        program.signal_group(Signal::INT);
        let ended = program.ended();
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{:?}",
            begun.elapsed()
        );
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.out.contains("last words"), "{ended:?}");
        crew.nobody_is_left();
        folders_are_gone(&crew);
    }
}

/// Ends the processes that commands have left, and only those, which are so many.
fn end_background(crew: &Crew, count: usize) {
    until("what has a parent to be gone", || {
        crew.processes().len() <= count
    });
    let left = crew.processes();
    assert_eq!(left.len(), count, "{left:?}");
    left.iter().for_each(Process::kill);
    crew.nobody_is_left();
}
