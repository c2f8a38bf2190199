use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chiltepin_executors::Outcome;
use chiltepin_executors::transport::LinkEnd;
use rustix::process::Signal;

use super::driver::{Driver, Remote, Told};
use crate::entrance::let_in;
use crate::process::{Process, until, within};
use crate::tasks::{ACT, ACT_ASYNC, SCRIPT};

/// How long an agent may outlive its driver, with all it has started.
const SOON: Duration = Duration::from_secs(10);

/// How long an agent may take that was told to go: batch systems kill after five seconds.
const AT_ONCE: Duration = Duration::from_secs(4);

/// Starts a bit of everything, and gives the processes.
fn busy(driver: &mut Driver, remote: &Remote) -> Vec<Process> {
    let command = driver.path("command");
    let left = driver.path("left");
    let script = format!(
        "trap '' TERM; setsid sleep 1000 & echo $! > '{}'; echo $$ > '{}'
         while :; do sleep 0.05; done",
        left.display(),
        command.display()
    );
    driver.start(remote, &SCRIPT, &script);
    let worker = driver.path("worker");
    driver.start(remote, &ACT, &format!("stay:{}", worker.display()));
    driver.start(remote, &ACT_ASYNC, "sleep:1000000");
    driver.start(remote, &ACT, "say:it waits, or not");
    let files = [command, left, worker];
    files.iter().map(|file| Process::written_to(file)).collect()
}

/// What the processes of the test above have ended as.
fn returned(driver: &Driver, words: &str) {
    let ended = driver.all_ended(4);
    let returned = ended.values().filter(|ended| match &ended.outcome {
        Outcome::Returned { reason } => {
            assert!(reason.starts_with("node `n7` "), "{reason}");
            assert!(reason.contains(words), "{reason}");
            true
        }
        Outcome::Succeeded => false,
        other => panic!("{other:?}"),
    });
    assert!(returned.count() >= 3, "{ended:?}");
}

#[test]
fn a_signal_returns_what_runs_and_leaves_nothing_behind() {
    for (signal, number, words) in [
        (Signal::TERM, 15, "signal 15 (SIGTERM)"),
        (Signal::INT, 2, "signal 2 (SIGINT)"),
    ] {
        let mut driver = Driver::new();
        let mut remote = driver.agent();
        let all = busy(&mut driver, &remote);
        let begun = Instant::now();
        remote.signal(signal);
        assert_eq!(remote.told(), Told::Leaving(number));
        assert_eq!(remote.started.code(), 0, "{}", remote.started.stderr());
        assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
        returned(&driver, words);
        assert_eq!(remote.told(), Told::Ending);
        assert_eq!(remote.told(), Told::Ended(LinkEnd::PeerClosed));
        assert!(!all.iter().any(Process::runs), "{all:?}");
        assert!(remote.started.is_tidy());
        // Whatever comes too late goes elsewhere.
        driver.start(&remote, &ACT, "say:never");
        assert!(matches!(driver.ended().outcome, Outcome::Returned { .. }));
        let swept = driver.runtime.block_on(remote.agent.sweep("any"));
        assert!(swept.unwrap_err().starts_with("node `n7` "));
    }
}

/// As batch systems do at the end of a job: the others may hear of it before the agent does.
#[test]
fn a_signal_to_all_processes_of_a_node_is_no_failure_of_its_tasks() {
    let mut driver = Driver::new();
    let mut remote = driver.agent();
    let file = driver.path("command");
    let script = format!("echo $$ > '{}'; exec sleep 1000", file.display());
    driver.start(&remote, &SCRIPT, &script);
    let worker = driver.path("worker");
    driver.start(&remote, &ACT, &format!("stay:{}", worker.display()));
    let all = [Process::written_to(&file), Process::written_to(&worker)];
    for process in &all {
        process.signal(Signal::TERM);
    }
    until("them to end", || !all.iter().any(Process::runs));
    remote.signal(Signal::TERM);
    for ended in driver.all_ended(2).into_values() {
        assert!(
            matches!(&ended.outcome, Outcome::Returned { .. }),
            "{ended:?}"
        );
    }
    assert_eq!(remote.started.code(), 0);
}

#[test]
fn an_agent_that_is_closed_ends_in_good_order() {
    let mut driver = Driver::new();
    let mut remote = driver.agent();
    let short = driver.start(&remote, &ACT, "sleep:700");
    let file = driver.path("worker");
    let long = driver.start(&remote, &ACT, &format!("stay:{}", file.display()));
    let worker = Process::written_to(&file);
    remote.agent.close(Duration::from_millis(2500));
    let late = driver.start(&remote, &ACT, "say:never");
    let ended = driver.all_ended(3);
    assert_eq!(ended[&short.number].value.as_deref(), Some("slept"));
    for work in [long, late] {
        match &ended[&work.number].outcome {
            Outcome::Returned { reason } => assert_eq!(reason, "node `n7` was given back"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(remote.started.code(), 0, "{}", remote.started.stderr());
    assert!(!worker.runs());
    assert!(remote.started.is_tidy());
    assert_eq!(remote.told(), Told::Ending);
    assert_eq!(remote.told(), Told::Ended(LinkEnd::PeerClosed));
}

#[test]
fn an_idle_agent_that_is_closed_does_not_wait_for_its_grace() {
    let mut driver = Driver::new();
    let mut remote = driver.agent();
    driver.start(&remote, &ACT, "say:hello");
    driver.ended();
    let begun = Instant::now();
    remote.agent.close(Duration::from_secs(600));
    assert_eq!(remote.started.code(), 0);
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn an_agent_that_is_given_up_kills_all_it_has() {
    let mut driver = Driver::new();
    let mut remote = driver.agent();
    let all = busy(&mut driver, &remote);
    remote.agent.abort();
    returned(&driver, "was given up");
    assert_eq!(remote.told(), Told::Ending);
    assert_eq!(remote.told(), Told::Ended(LinkEnd::Aborted));
    within(SOON, "all processes to end", || {
        !all.iter().any(Process::runs)
    });
    assert_eq!(remote.started.code(), 1);
    assert!(remote.started.is_tidy());
}

#[test]
fn an_agent_that_is_killed_returns_all_it_had() {
    let mut driver = Driver::new();
    let remote = driver.agent();
    let all = busy(&mut driver, &remote);
    remote.signal(Signal::KILL);
    returned(&driver, "is gone");
    assert_eq!(remote.told(), Told::Silent);
    assert_eq!(remote.told(), Told::Ending);
    assert_eq!(remote.told(), Told::Ended(LinkEnd::Gone));
    within(SOON, "all processes to end", || {
        !all.iter().any(Process::runs)
    });
    within(SOON, "its folders to go", || remote.started.is_tidy());
}

/// A driver that runs until it is killed, in a process of its own.
#[test]
#[ignore = "it is started by another test, to be killed"]
fn driver() {
    let_in();
    let Some(shown) = std::env::var_os("DRIVER_PLACE") else {
        return;
    };
    let shown = Path::new(&shown);
    let mut driver = Driver::new();
    let remote = driver.agent();
    let all = busy(&mut driver, &remote);
    let mut pids: Vec<_> = all.iter().map(|process| process.pid().to_owned()).collect();
    pids.push(remote.started.process.pid().to_owned());
    fs::write(shown.join("place"), driver.path("").to_str().unwrap()).unwrap();
    fs::write(
        shown.join("temporary"),
        remote.started.temporary.to_str().unwrap(),
    )
    .unwrap();
    fs::write(shown.join("pids.new"), pids.join("\n")).unwrap();
    fs::rename(shown.join("pids.new"), shown.join("pids")).unwrap();
    loop {
        std::thread::park();
    }
}

#[test]
fn a_driver_that_is_killed_leaves_nothing_behind() {
    let_in();
    let shown = tempfile::tempdir().unwrap();
    let mut child: Child = Command::new(std::env::current_exe().unwrap())
        .args([
            "agents::ends::driver",
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .env("DRIVER_PLACE", shown.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let file = shown.path().join("pids");
    until("the driver to be busy", || file.exists());
    let all: Vec<_> = fs::read_to_string(&file)
        .unwrap()
        .lines()
        .map(|pid| Process::of_id(pid.parse().unwrap()))
        .collect();
    assert_eq!(all.len(), 4);
    child.kill().unwrap();
    child.wait().unwrap();
    within(SOON, "all processes to end", || {
        !all.iter().any(Process::runs)
    });
    let text = |name: &str| fs::read_to_string(shown.path().join(name)).unwrap();
    let temporary = text("temporary");
    within(SOON, "the agent's folders to go", || {
        fs::read_dir(&temporary).unwrap().next().is_none()
    });
    fs::remove_dir_all(text("place")).unwrap();
}
