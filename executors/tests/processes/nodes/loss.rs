use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use super::support::Place;
use crate::entrance::let_in;
use crate::process::{Process, until, within};

/// How long anything may outlive the driver.
const AT_ONCE: Duration = Duration::from_secs(2);

const WORKER: &str = "sleep 1000 & echo $! > \"$PLACE/child\"
    setsid sleep 1000 & echo $! > \"$PLACE/left\"; echo $$ > \"$PLACE/worker\"; wait";

const COMMAND: &str = "trap '' TERM INT; setsid sleep 1000 & echo $! > left_by_command
    echo $$ > command; while :; do sleep 0.01; done";

/// All that runs on a node, once it does.
fn all(place: &Path) -> Vec<Process> {
    let names = [
        "child",
        "left",
        "worker",
        "left_by_command",
        "command",
        "spawner",
    ];
    let all = names.map(|name| Process::written_to(&place.join(name)));
    all.into()
}

/// A driver that runs until it is killed, in a process of its own.
#[test]
#[ignore = "it is started by other tests, to be killed"]
fn driver() {
    let_in();
    let Some(shown) = std::env::var_os("DRIVER_PLACE") else {
        return;
    };
    let place = match std::env::var("DRIVER_LINE") {
        Ok(line) => Place::lines(&[&line]),
        Err(_) => Place::workers(WORKER),
    };
    let show = |name: &str, text: &str| fs::write(Path::new(&shown).join(name), text).unwrap();
    show("private", place.private.path().to_str().unwrap());
    show("program", place.program.path().to_str().unwrap());
    if std::env::var_os("DRIVER_LINE").is_none() {
        let facts = place.ready();
        place.launch(0);
        place.execute(1, COMMAND);
        fs::write(place.path("spawner"), format!("{}\n", facts.process)).unwrap();
    }
    show("place", place.path("").to_str().unwrap());
    loop {
        std::thread::park();
    }
}

struct Driver {
    process: Process,
    shown: tempfile::TempDir,
    child: std::process::Child,
}

impl Driver {
    fn start(line: Option<&str>) -> Self {
        let shown = tempfile::tempdir().unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["nodes::loss::driver", "--exact", "--ignored", "--nocapture"])
            .env("DRIVER_PLACE", shown.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if let Some(line) = line {
            command.env("DRIVER_LINE", line);
        }
        let child = command.spawn().unwrap();
        let process = Process::of_id(child.id());
        let driver = Self {
            process,
            shown,
            child,
        };
        until("the driver to run", || {
            driver.shown.path().join("place").exists()
        });
        driver
    }

    fn shown(&self, name: &str) -> String {
        fs::read_to_string(self.shown.path().join(name)).unwrap()
    }

    fn folders_are_gone(&self) -> bool {
        let gone = |name| !Path::new(&self.shown(name)).exists();
        gone("private") && gone("program")
    }

    fn kill(&mut self) {
        self.process.signal(Signal::KILL);
        self.child.wait().unwrap();
    }
}

#[test]
fn a_driver_that_is_killed_leaves_nothing_behind() {
    let_in();
    let mut driver = Driver::start(None);
    let all = all(Path::new(&driver.shown("place")));
    assert!(all.iter().all(Process::runs), "{all:?}");
    driver.kill();
    within(AT_ONCE, "all processes to end", || {
        !all.iter().any(Process::runs)
    });
    within(AT_ONCE, "the folders to go", || driver.folders_are_gone());
    fs::remove_dir_all(driver.shown("place")).unwrap();
}

#[test]
fn a_driver_that_is_killed_while_a_line_waits_leaves_nothing_behind() {
    let_in();
    let folder = tempfile::tempdir().unwrap();
    let line = format!(
        "echo $$ > '{}'; sleep 1000",
        folder.path().join("shell").display()
    );
    let mut driver = Driver::start(Some(&line));
    let shell = Process::written_to(&folder.path().join("shell"));
    driver.kill();
    within(AT_ONCE, "the shell to end", || !shell.runs());
    within(AT_ONCE, "the folders to go", || driver.folders_are_gone());
    fs::remove_dir_all(driver.shown("place")).unwrap();
}

fn running() -> (Place, Vec<Process>) {
    let place = Place::workers(WORKER);
    let facts = place.ready();
    fs::write(place.path("spawner"), format!("{}\n", facts.process)).unwrap();
    place.launch(0);
    place.execute(1, COMMAND);
    let all = all(&place.path(""));
    place.launched();
    (place, all)
}

fn spawner(place: &Place) -> Process {
    place.process("spawner")
}

#[test]
fn a_spawner_that_is_killed_is_told_and_leaves_nothing_behind() {
    let (place, all) = running();
    let spawner = spawner(&place);
    spawner.signal(Signal::KILL);
    let reason = place.failed();
    assert!(reason.contains("ended by signal 9"), "{reason}");
    assert!(!all.iter().any(Process::runs), "{all:?}");
    assert!(place.program.path().exists() && place.private.path().exists());
}

#[test]
fn a_spawner_that_is_terminated_ends_all_first() {
    let (place, all) = running();
    let spawner = spawner(&place);
    spawner.signal(Signal::TERM);
    let failed = loop {
        if let super::support::Said::Failed(reason) = place.next() {
            break reason;
        }
    };
    assert!(failed.contains("ended with exit code 0"), "{failed}");
    assert!(!all.iter().any(Process::runs), "{all:?}");
    assert!(place.program.path().exists() && place.private.path().exists());
}

#[test]
fn an_interrupt_is_the_driver_s_to_heed() {
    let (place, all) = running();
    let spawner = spawner(&place);
    assert_eq!(
        spawner.group(),
        spawner.pid(),
        "it is out of the terminal's reach"
    );
    spawner.signal(Signal::INT);
    place.execute(2, "echo still here; trap -p");
    assert_eq!(place.executed().1.unwrap(), 0);
    assert_eq!(
        place.text("stdout"),
        "still here\n",
        "and no command ignores one"
    );
    assert!(all.iter().all(Process::runs), "{all:?}");
}

#[test]
fn a_node_that_is_dropped_leaves_nothing_behind() {
    let (place, all) = running();
    let Place {
        node,
        runtime,
        program,
        ..
    } = place;
    drop(node);
    until("all processes to end", || !all.iter().any(Process::runs));
    drop(runtime);
    assert!(program.path().exists());
}

#[test]
fn a_runtime_that_ends_takes_the_processes_with_it() {
    let (place, all) = running();
    let Place { node, runtime, .. } = place;
    drop(runtime);
    until("all processes to end", || !all.iter().any(Process::runs));
    drop(node);
}

#[test]
fn a_node_that_is_shut_down_has_let_go_of_its_folders() {
    let Place {
        node,
        private,
        runtime,
        ..
    } = Place::new();
    // So many that removing them takes a moment, in which the program could end.
    for number in 0..2000 {
        fs::write(private.join(number.to_string()), "").unwrap();
    }
    let path = private.path().to_owned();
    drop(private);
    runtime.block_on(node.shutdown(Duration::ZERO));
    assert!(!path.exists());
}
