use std::process::Command;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use chiltepin_executors::StopSignal;
use chiltepin_executors::command::{CommandEnd, CommandSpec, Shell};

use crate::support::{Place, run, until};

/// A command running on a thread of its own.
struct Begun {
    stop: Arc<StopSignal>,
    thread: JoinHandle<Result<i32, CommandEnd>>,
}

fn begin(spec: CommandSpec) -> Begun {
    let stop = Arc::new(StopSignal::new());
    let signal = Arc::clone(&stop);
    let thread = thread::spawn(move || Shell::from_environment().run(&spec, &signal, 1));
    Begun { stop, thread }
}

impl Begun {
    /// Stops it and tells how long that took.
    fn stop(self) -> Duration {
        let begun = Instant::now();
        self.stop.request(1);
        let ended = self.thread.join().unwrap();
        assert!(matches!(ended, Err(CommandEnd::Stopped)), "{ended:?}");
        begun.elapsed()
    }
}

const GRACE: Duration = Duration::from_millis(300);

#[test]
fn a_command_that_complies_is_gone_at_once() {
    let place = Place::new();
    let command = begin(place.spec("echo $$ > shell; sleep 1000 & echo $! > sleep; wait"));
    let (shell, sleep) = (place.process("shell"), place.process("sleep"));
    assert!(shell.runs() && sleep.runs());
    let taken = command.stop();
    assert!(shell.is_reaped() && sleep.is_reaped());
    assert!(
        taken < Duration::from_secs(30),
        "{taken:?} is as long as if TERM had not worked"
    );
}

#[test]
fn a_command_that_cleans_up_is_given_time_and_helpers() {
    let place = Place::new();
    // The child ends while the shell's helper sleeps, which is no reason to end the helper.
    let script = "trap 'sleep 1 && touch cleaned; exit 0' TERM
        (trap 'sleep 0.3; exit' TERM; echo $BASHPID > child; while :; do sleep 0.1; done) &
        wait";
    let command = begin(place.spec(script));
    let child = place.process("child");
    command.stop();
    assert!(child.is_reaped());
    assert!(place.path("cleaned").exists());
}

#[test]
fn a_process_started_while_stopping_is_stopped_too() {
    let place = Place::new();
    let script = "trap 'setsid sleep 1000 & echo $! > late; exit 0' TERM
        echo $$ > shell; while :; do sleep 0.1; done";
    let command = begin(place.spec(script));
    let _shell = place.process("shell");
    let taken = command.stop();
    let late = place.text("late");
    assert!(!std::path::Path::new(&format!("/proc/{}", late.trim())).exists());
    assert!(
        taken < Duration::from_secs(30),
        "{taken:?} is as long as if TERM had not reached it"
    );
}

#[test]
fn a_command_that_ignores_term_is_killed_after_the_grace() {
    let place = Place::new();
    let mut spec = place.spec("trap '' TERM; echo $$ > shell; while :; do sleep 0.1; done");
    spec.kill_grace = GRACE;
    let command = begin(spec);
    let shell = place.process("shell");
    assert!(command.stop() >= GRACE);
    assert!(shell.is_reaped());
}

#[test]
fn a_child_that_outlives_the_shell_is_killed_after_the_grace() {
    let place = Place::new();
    let script = "(trap '' TERM; echo $BASHPID > child; while :; do sleep 0.1; done) &
        echo $$ > shell; wait";
    let mut spec = place.spec(script);
    spec.kill_grace = GRACE;
    let command = begin(spec);
    let (shell, child) = (place.process("shell"), place.process("child"));
    assert!(command.stop() >= GRACE);
    assert!(shell.is_reaped() && child.is_reaped());
}

#[test]
fn a_child_that_left_the_group_is_found() {
    let place = Place::new();
    // Without the environment it is found by its parent.
    let command = begin(place.spec("env -i setsid sleep 1000 & echo $! > child; wait"));
    let child = place.process("child");
    command.stop();
    assert!(!child.runs());
}

#[test]
fn a_child_that_left_the_group_and_ignores_term_is_killed() {
    let place = Place::new();
    let stubborn = "trap '' TERM; echo $$ > child; while :; do sleep 0.1; done";
    let mut spec = place.spec("setsid bash -c \"$STUBBORN\" & wait");
    spec.environment = vec![("STUBBORN".to_owned(), stubborn.to_owned())];
    spec.kill_grace = GRACE;
    let command = begin(spec);
    let child = place.process("child");
    assert!(command.stop() >= GRACE);
    assert!(child.is_reaped(), "it was adopted, so it is for us to reap");
}

#[test]
fn an_orphan_that_left_the_group_is_found() {
    let place = Place::new();
    // The last one has become a driver, whose commands carry two marks.
    let script = "echo $$ > shell
        (setsid sleep 1000 & echo $! > orphan)
        (CHILTEPIN_COMMAND=$CHILTEPIN_COMMAND/1.2.3 setsid sleep 1000 & echo $! > nested)
        sleep 1000";
    let command = begin(place.spec(script));
    let shell = place.process("shell");
    let orphans = [place.process("orphan"), place.process("nested")];
    let own = std::process::id().to_string();
    until("the orphans to be orphans", || {
        orphans.iter().all(|orphan| {
            let parent = orphan.parent();
            let name = std::fs::read_to_string(format!("/proc/{parent}/comm"));
            parent == own || parent != shell.pid() && name.is_ok_and(|name| name != "bash\n")
        })
    });
    command.stop();
    assert!(orphans.iter().all(|orphan| !orphan.runs()));
}

#[test]
fn no_other_process_is_touched() {
    let place = Place::new();
    let script = "setsid sleep 1000 & echo $! > ours; sleep 1000";
    let bystander = Place::new();
    let other = begin(bystander.spec("setsid sleep 1000 & echo $! > other; sleep 1000"));
    let mut own_child = Command::new("bash").args(["-c", "exit 7"]).spawn().unwrap();
    let command = begin(place.spec(script));
    let (ours, others) = (place.process("ours"), bystander.process("other"));
    command.stop();
    assert!(!ours.runs());
    assert!(others.runs());
    let status = own_child.wait().expect("its status was not taken");
    assert_eq!(status.code(), Some(7));
    other.stop();
    assert!(!others.runs());
}

#[test]
fn many_commands_stop_together() {
    let place = Place::new();
    let commands: Vec<_> = (0..8)
        .map(|number| {
            let script = format!("setsid sleep 1000 & echo $! > child{number}; wait");
            begin(place.spec(&script))
        })
        .collect();
    let children: Vec<_> = (0..8)
        .map(|number| place.process(&format!("child{number}")))
        .collect();
    commands.iter().for_each(|command| command.stop.request(1));
    for command in commands {
        command.stop();
    }
    assert!(children.iter().all(|child| !child.runs()));
}

#[test]
fn a_stop_requested_beforehand_starts_nothing() {
    let place = Place::new();
    let stop = StopSignal::new();
    stop.request(2);
    let shell = Shell::from_environment();
    let mut spec = place.spec("touch ran");
    spec.stdout = place.file("made", false);
    for attempt in [1, 2] {
        let ended = shell.run(&spec, &stop, attempt);
        assert!(matches!(ended, Err(CommandEnd::Stopped)), "{ended:?}");
    }
    assert!(!place.path("ran").exists() && !place.path("made").exists());
    assert_eq!(
        shell.run(&spec, &stop, 3).unwrap(),
        0,
        "another attempt was not asked to stop"
    );
    assert!(place.path("ran").exists());
}

#[test]
fn a_late_bell_of_another_command_changes_nothing() {
    let place = Place::new();
    let shell = Shell::from_environment();
    let past = StopSignal::new();
    assert_eq!(shell.run(&place.spec("true"), &past, 1).unwrap(), 0);
    thread::scope(|scope| {
        let command = scope.spawn(|| {
            let script = "touch begun; while [ ! -e end ]; do sleep 0.05; done; exit 0";
            shell.run(&place.spec(script), &StopSignal::new(), 1)
        });
        until("the command to begin", || place.path("begun").exists());
        past.request(1);
        std::fs::write(place.path("end"), "").unwrap();
        assert_eq!(command.join().unwrap().unwrap(), 0);
    });
}

#[test]
fn stopping_leaves_no_descriptor_open() {
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let place = Place::new();
    let shell = Arc::new(Shell::from_environment());
    let signals: Vec<_> = (0..200).map(|_| StopSignal::new()).collect();
    let before = open();
    for signal in &signals {
        shell.run(&place.spec("true"), signal, 1).unwrap();
    }
    // Other tests open some at the same time, but none as many.
    assert!(open() < before + 150, "{} after {before}", open());
    assert_eq!(run(&place.spec("true")).unwrap(), 0);
}
