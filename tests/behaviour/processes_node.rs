//! The parent of an executor's workers and commands: what becomes of them when it is killed.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::crew::Crew;
use crate::place::until;
use crate::process::Process;
use crate::processes_driver::{PROGRAMS, folders_are_gone, start};

/// The parent of a process.
fn parent(process: &Process) -> Process {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    Process::of_id(rest.split_whitespace().nth(1).unwrap())
}

/// The processes that have written themselves into these files.
fn named(crew: &Crew, names: &[&str]) -> Vec<Process> {
    names.iter().map(|name| crew.place.process(name)).collect()
}

const BODIES: [&str; 4] = ["parent-0", "parent-1", "waiting-0", "waiting-1"];

#[test]
fn workers_end_at_once_with_a_parent_that_is_killed_and_their_calls_run_again() {
    let crew = Crew::new();
    let config = crew.config(&[], "max_workers_per_node = 2\ncores_per_node = 4");
    crew.place.write("chiltepin.toml", &config);
    let program = start(&crew, PROGRAMS, &["crowd"]);
    let bodies = named(&crew, &BODIES);
    let commands = named(&crew, &["command-0", "command-1"]);
    let workers = crew.workers();
    assert_eq!(workers.len(), 2, "{workers:?}");
    let spawner = parent(&workers[0]);
    assert_eq!(spawner.id(), parent(&workers[1]).id());
    for name in BODIES {
        fs::remove_file(crew.place.path(name)).unwrap();
    }

    // A program that stands still neither closes a socket nor kills anything: that the workers
    // end is the system's doing.
    program.signal(Signal::STOP);
    let begun = Instant::now();
    spawner.kill();
    until("the workers to end", || !workers.iter().any(Process::runs));
    // It is promised within 2 seconds; the rest is for a machine that is busy.
    assert!(
        begun.elapsed() < Duration::from_secs(6),
        "{:?}",
        begun.elapsed()
    );
    program.signal(Signal::CONT);

    until("the commands to be ended", || {
        !commands.iter().any(Process::runs)
    });
    let again = named(&crew, &BODIES);
    assert!(!bodies.iter().any(Process::runs), "{bodies:?}");
    let new = parent(&again[0]);
    assert_ne!(new.id(), spawner.id());
    crew.place.write("go", "");
    let ended = program.ended();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for line in [
        "parent-0: 1",
        "parent-1: 1",
        "waiting-0: 2",
        "waiting-1: 2",
        "after: 1",
    ] {
        assert!(ended.out.contains(&format!("{line}\n")), "{ended:?}");
    }
    // A command may have done anything by then, so it is not repeated.
    for name in ["command-0", "command-1"] {
        let line = ended.out.lines().find(|line| line.starts_with(name));
        assert!(line.is_some_and(|line| line.contains("lost")), "{ended:?}");
    }
    assert!(!Path::new(&format!("/proc/{}", spawner.id())).exists());
    crew.nobody_is_left();
    folders_are_gone(&crew);
}
