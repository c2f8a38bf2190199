use std::thread;
use std::time::{Duration, Instant};

use chiltepin_executors::StopSignal;
use chiltepin_executors::command::{CommandEnd, Shell};

use crate::support::{Place, run, until};

#[test]
fn a_background_process_that_holds_stderr_holds_nobody_up() {
    let place = Place::new();
    let begun = Instant::now();
    assert_eq!(
        run(&place.spec("sleep 1000 & echo $! > child; exit 0")).unwrap(),
        0
    );
    assert!(begun.elapsed() < Duration::from_secs(30));
    let child = place.process("child");
    assert!(child.runs(), "what a script leaves running is left alone");
}

#[test]
fn a_background_process_may_go_on_writing_to_stderr() {
    let place = Place::new();
    let script = "(while [ ! -e returned ]; do sleep 0.02; done
            head -c 300000 /dev/zero >&2 && touch written) & exit 0";
    assert_eq!(run(&place.spec(script)).unwrap(), 0);
    std::fs::write(place.path("returned"), "").unwrap();
    until("more to be written than a pipe holds", || {
        place.path("written").exists()
    });
}

#[test]
fn a_background_process_that_writes_without_end_holds_nobody_up() {
    let place = Place::new();
    let script = "yes >&2 & echo $! > child; sleep 0.1; exit 3";
    assert!(run(&place.spec(script)).is_err());
    drop(place.process("child"));
}

#[test]
fn what_is_adopted_while_another_command_stops_is_reaped_by_and_by() {
    let shell = Shell::from_environment();
    let place = Place::new();
    let stop = StopSignal::new();
    // It takes its time to comply, so that the driver adopts orphans for a while.
    let slow = "trap 'touch told; while [ ! -e end ]; do sleep 0.02; done; exit' TERM
        touch begun; while :; do sleep 0.05; done";
    let spec = place.spec(slow);
    let left = thread::scope(|scope| {
        let stopped = scope.spawn(|| shell.run(&spec, &stop, 1));
        until("the command to begin", || place.path("begun").exists());
        stop.request(1);
        until("it to be stopped", || place.path("told").exists());
        let spec = place.spec("sleep 1000 & echo $! > left");
        assert_eq!(shell.run(&spec, &StopSignal::new(), 1).unwrap(), 0);
        let left = place.process("left");
        assert_eq!(left.parent(), std::process::id().to_string());
        std::fs::write(place.path("end"), "").unwrap();
        assert!(matches!(stopped.join().unwrap(), Err(CommandEnd::Stopped)));
        left
    });
    assert!(left.runs(), "it belongs to a command that was not stopped");
    left.kill();
    until("the adopted process to be reaped", || {
        let ended = shell.run(&place.spec("true"), &StopSignal::new(), 1);
        assert_eq!(ended.unwrap(), 0);
        left.is_reaped()
    });
}
