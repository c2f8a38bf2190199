use std::sync::Arc;

use chiltepin_executors::Outcome;
use chiltepin_executors::mpi::APPLICATION_VARIABLE;

use super::driver::{Driver, Wish};
use crate::process::{Process, until, with_variable};
use crate::tasks::{ACT, ACT_ASYNC, SCRIPT};

#[test]
fn what_runs_is_stopped_with_all_it_has_started() {
    let mut driver = Driver::new();
    let remote = driver.agent();
    let file = driver.path("command");
    let script = format!("setsid sleep 1000 & echo $! > '{}'; wait", file.display());
    let command = driver.start(&remote, &SCRIPT, &script);
    let sleep = Process::written_to(&file);
    remote
        .agent
        .stop(command.id(), &(Arc::clone(&command) as _));
    assert!(matches!(driver.ended().outcome, Outcome::Stopped));
    assert!(!sleep.runs());
    let file = driver.path("function");
    let function = driver.start(&remote, &ACT, &format!("stay:{}", file.display()));
    let worker = Process::written_to(&file);
    remote
        .agent
        .stop(function.id(), &(Arc::clone(&function) as _));
    assert!(matches!(driver.ended().outcome, Outcome::Stopped));
    until("the worker to end", || !worker.runs());
    let body = driver.start(&remote, &ACT_ASYNC, "sleep:1000000");
    remote.agent.stop(body.id(), &(Arc::clone(&body) as _));
    assert!(matches!(driver.ended().outcome, Outcome::Stopped));
    // A stop that comes too late, and one that is told again.
    remote.agent.stop(body.id(), &(Arc::clone(&body) as _));
    driver.start(&remote, &ACT, "say:still here");
    assert_eq!(driver.ended().value.as_deref(), Some("still here"));
}

#[test]
fn what_waits_is_stopped_and_so_is_what_was_stopped_before_it_came() {
    let mut wish = Wish::default();
    wish.request.max_workers_per_node = Some(1);
    let mut driver = Driver::with(wish);
    let remote = driver.agent();
    let running = driver.start(&remote, &ACT, "sleep:400");
    let waiting = driver.start(&remote, &ACT, "say:never");
    remote
        .agent
        .stop(waiting.id(), &(Arc::clone(&waiting) as _));
    let ended = driver.ended();
    assert_eq!(ended.number, waiting.number, "{ended:?}");
    assert!(matches!(ended.outcome, Outcome::Stopped));
    let ended = driver.ended();
    assert_eq!(
        (ended.number, ended.value.as_deref()),
        (running.number, Some("slept"))
    );
    let overtaken = Arc::new(driver.work(&ACT, "say:never"));
    remote
        .agent
        .stop(overtaken.id(), &(Arc::clone(&overtaken) as _));
    remote.agent.start(overtaken.invocation());
    assert!(matches!(driver.ended().outcome, Outcome::Stopped));
}

#[test]
fn what_is_hurried_has_no_time() {
    let mut driver = Driver::new();
    let remote = driver.agent();
    let file = driver.path("command");
    let script = format!(
        "trap '' TERM; echo $$ > '{}'; while :; do sleep 0.05; done",
        file.display()
    );
    let command = driver.start(&remote, &SCRIPT, &script);
    let shell = Process::written_to(&file);
    let begun = std::time::Instant::now();
    remote
        .agent
        .stop(command.id(), &(Arc::clone(&command) as _));
    remote.agent.hurry();
    assert!(matches!(driver.ended().outcome, Outcome::Stopped));
    assert!(begun.elapsed().as_secs() < 15, "it would have 20 s");
    assert!(!shell.runs());
}

#[test]
fn what_an_application_has_left_is_swept() {
    let mut driver = Driver::new();
    let remote = driver.agent();
    let own = format!("{}.sweep", std::process::id());
    // Ranks that nobody here has started, as those of another node's launcher.
    let start = |application: &str| {
        let mut command = std::process::Command::new("setsid");
        command
            .args(["sleep", "1000"])
            .env(APPLICATION_VARIABLE, application);
        command.spawn().unwrap()
    };
    let mut ranks = [start(&own), start(&own)];
    let mut other = start(&format!("{own}1"));
    let pair = format!("{APPLICATION_VARIABLE}={own}");
    until("the ranks to run", || with_variable(&pair).len() == 2);
    let sweep = || driver.runtime.block_on(remote.agent.sweep(&own)).unwrap();
    let swept = sweep();
    assert_eq!((swept.found, swept.left), (2, 0));
    assert!(with_variable(&pair).is_empty());
    let swept = sweep();
    assert_eq!((swept.found, swept.left), (0, 0));
    assert!(
        other.try_wait().unwrap().is_none(),
        "another one is left alone"
    );
    other.kill().unwrap();
    for child in ranks.iter_mut().chain([&mut other]) {
        child.wait().unwrap();
    }
    // The agent itself goes on.
    driver.start(&remote, &ACT, "say:still here");
    assert_eq!(driver.ended().value.as_deref(), Some("still here"));
}
