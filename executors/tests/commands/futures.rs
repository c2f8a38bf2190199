use std::sync::Arc;
use std::time::{Duration, Instant};

use chiltepin_executors::StopSignal;
use chiltepin_executors::command::{CommandEnd, Shell};
use tokio::runtime::Runtime;

use crate::support::{Place, until};

#[tokio::test]
async fn a_command_can_be_awaited() {
    let place = Place::new();
    let shell = Arc::new(Shell::from_environment());
    let mut spec = place.spec("exit 3");
    assert!(matches!(
        shell.execute(spec.clone(), &StopSignal::new(), 1).await,
        Err(CommandEnd::Failed(_))
    ));
    spec.allowed_exit_codes = vec![3];
    assert_eq!(shell.execute(spec, &StopSignal::new(), 1).await.unwrap(), 3);
}

#[tokio::test]
async fn an_awaited_command_stops_on_request() {
    let place = Place::new();
    let shell = Arc::new(Shell::from_environment());
    let stop = StopSignal::new();
    let command = shell.execute(place.spec("echo $$ > shell; sleep 1000"), &stop, 4);
    let request = async {
        let process = loop {
            if place.path("shell").exists() {
                break place.process("shell");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        stop.request(4);
        process
    };
    let (ended, process) = tokio::join!(command, request);
    assert!(matches!(ended, Err(CommandEnd::Stopped)), "{ended:?}");
    assert!(process.is_reaped());
}

/// Drops a future whose command does not comply, before or after it was asked to stop.
fn drop_future(stopped_before: bool) {
    let place = Place::new();
    let script = "trap 'touch told' TERM; echo $$ > shell; setsid sleep 1000 & echo $! > child
        while :; do sleep 0.1; done";
    let spec = place.spec(script);
    let runtime = Runtime::new().unwrap();
    let stop = Arc::new(StopSignal::new());
    let signal = Arc::clone(&stop);
    let shell = Arc::new(Shell::from_environment());
    let task = runtime.spawn(async move { shell.execute(spec, &signal, 1).await });
    let processes = [place.process("shell"), place.process("child")];
    if stopped_before {
        stop.request(1);
        until("TERM to reach the shell", || place.path("told").exists());
    }
    let begun = Instant::now();
    task.abort();
    until("all to be gone", || {
        processes.iter().all(|process| !process.runs())
    });
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "the grace is for those who wait"
    );
    drop(runtime);
    assert!(processes[0].is_reaped());
    assert_eq!(
        place.path("told").exists(),
        stopped_before,
        "dropping kills at once"
    );
}

#[test]
fn dropping_the_future_kills_the_command() {
    drop_future(false);
}

#[test]
fn dropping_the_future_cuts_the_grace_short() {
    drop_future(true);
}

#[test]
fn dropping_the_runtime_kills_the_command() {
    let place = Place::new();
    let spec = place.spec("echo $$ > shell; sleep 1000 & echo $! > child; wait");
    let runtime = Runtime::new().unwrap();
    let shell = Arc::new(Shell::from_environment());
    runtime.spawn(async move { shell.execute(spec, &StopSignal::new(), 1).await });
    let processes = [place.process("shell"), place.process("child")];
    drop(runtime);
    assert!(processes.iter().all(|process| !process.runs()));
}
