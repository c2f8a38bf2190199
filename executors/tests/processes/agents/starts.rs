use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use chiltepin_executors::Outcome;
use chiltepin_executors::agent::{AttemptEnd, FinishedAttempt, FromAgent, WireAttempt};
use chiltepin_executors::transport::{Dial, Key, LinkEnd};

use super::driver::{Driver, Told, Wish};
use crate::tasks::{ACT, SCRIPT};

#[test]
fn an_agent_that_finds_no_driver_says_where_it_looked_and_what_to_do() {
    let mut driver = Driver::new();
    // A port at which nobody listens.
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let address = format!("127.0.0.1:{port}");
    let start = driver.agent_start(std::slice::from_ref(&address));
    let mut started = driver.spawn(&start, &[]);
    assert_eq!(started.code(), 1);
    let stderr = started.stderr();
    for part in [
        "the agent of block 3 of `compute`",
        "node `n7`",
        &format!("`{address}`"),
        "nobody listens there",
        "`address`",
        "`interface`",
        "`port`",
    ] {
        assert!(stderr.contains(part), "{part} in {stderr}");
    }
}

#[test]
fn an_agent_without_the_run_s_key_is_told_so() {
    let mut driver = Driver::new();
    let mut start = driver.agent_start(&[format!("127.0.0.1:{}", driver.port())]);
    start.key = driver.path("other");
    let mut started = driver.spawn(&start, &[]);
    assert_eq!(started.code(), 1);
    let stderr = started.stderr();
    assert!(
        stderr.contains("cannot read the key of the run"),
        "{stderr}"
    );
    Key::generate().unwrap().write(&start.key).unwrap();
    let mut started = driver.spawn(&start, &[]);
    assert_eq!(started.code(), 1);
    let stderr = started.stderr();
    assert!(stderr.contains("has another key"), "{stderr}");
    // Others get in.
    let remote = driver.agent();
    driver.start(&remote, &ACT, "say:hello");
    assert_eq!(driver.ended().value.as_deref(), Some("hello"));
}

#[test]
fn a_node_on_which_nothing_can_start_returns_what_it_is_sent() {
    let mut wish = Wish::default();
    wish.request.environment = vec!["echo no such module >&2; exit 7".to_owned()];
    let mut driver = Driver::with(wish);
    let mut remote = driver.agent();
    for info in [&ACT, &SCRIPT, &ACT] {
        driver.start(&remote, info, "say:never");
    }
    match remote.told() {
        Told::Broken(reason) => {
            assert!(reason.contains("no such module"), "{reason}");
            assert!(reason.contains("ended with exit code 7"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    for ended in driver.all_ended(3).into_values() {
        match ended.outcome {
            Outcome::Returned { reason } => {
                assert!(
                    reason.starts_with("node `n7` can run nothing: "),
                    "{reason}"
                );
                assert!(reason.contains("no such module"), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
    remote.agent.close(Duration::ZERO);
    assert_eq!(remote.started.code(), 0);
}

#[test]
fn a_node_with_too_few_gpus_says_so() {
    let mut wish = Wish::default();
    wish.request.gpus_per_worker = 2;
    let mut driver = Driver::with(wish);
    let mut remote = driver.agent_by(driver.port(), &[("CUDA_VISIBLE_DEVICES", "0")]);
    driver.start(&remote, &ACT, "say:never");
    match &remote.first {
        Told::Broken(reason) => assert!(reason.contains("1 GPU"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert!(matches!(driver.ended().outcome, Outcome::Returned { .. }));
    assert_eq!(remote.started.code(), 1);
}

/// Something that has the key, and is no agent.
#[test]
fn what_makes_no_sense_ends_that_node_alone() {
    let mut driver = Driver::new();
    let good = driver.agent();
    let start = driver.agent_start(&[]);
    let dial = Dial {
        candidates: vec![format!("127.0.0.1:{}", driver.port())],
        key: Key::read(&start.key).unwrap(),
        identity: start.identity,
        largest_frame: 1 << 20,
        answers_within: Dial::ANSWERS_WITHIN,
        patience: Duration::from_secs(20),
    };
    let mut hello = good.hello.clone();
    hello.node = "n8".to_owned();
    let dialed = driver
        .runtime
        .block_on(dial.connect(hello.encode().unwrap()));
    let dialed = dialed.unwrap();
    let link = std::sync::Arc::clone(&dialed.link);
    let bad = driver.come();
    driver.start_at(&bad, &ACT, "say:never");
    // The end of an attempt that is not there.
    let attempt = WireAttempt {
        task: 1000,
        index: 0,
        attempt: 1,
    };
    let finished = FromAgent::Finished(Box::new(FinishedAttempt {
        attempt,
        end: AttemptEnd::Stopped,
        report: None,
    }));
    link.send(&finished, &bytes::Bytes::new()).unwrap();
    let (sender, ended) = std::sync::mpsc::channel();
    driver
        .runtime
        .spawn(dialed.run(Box::new(Ends(Some(sender)))));
    match driver.ended().outcome {
        Outcome::Returned { reason } => assert!(reason.contains("not there"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert!(ended.recv_timeout(crate::process::LONG).is_ok());
    driver.start(&good, &ACT, "say:still here");
    assert_eq!(driver.ended().value.as_deref(), Some("still here"));
}

/// Tells that a link has ended.
struct Ends(Option<std::sync::mpsc::Sender<LinkEnd>>);

impl chiltepin_executors::transport::Receive for Ends {
    fn received(&mut self, frames: &mut Vec<bytes::Bytes>) {
        frames.clear();
    }

    fn silent(&mut self) {}

    fn back(&mut self) {}

    fn ended(&mut self, end: LinkEnd) {
        if let Some(sender) = self.0.take() {
            let _ = sender.send(end);
        }
    }
}

#[test]
fn an_agent_asks_the_launcher_of_its_node_for_its_version() {
    let mut driver = Driver::new();
    let launcher = driver.path("mpiexec");
    fs::write(
        &launcher,
        "#!/bin/sh\necho \"$1: ${CHILTEPIN_START-none}\"\n",
    )
    .unwrap();
    fs::set_permissions(&launcher, fs::Permissions::from_mode(0o700)).unwrap();
    let mut start = driver.agent_start(&[format!("127.0.0.1:{}", driver.port())]);
    for (launcher, expected) in [
        (launcher.display().to_string(), Ok("--version: none\n")),
        ("no_such_launcher".to_owned(), Err("no_such_launcher")),
    ] {
        start.launcher = Some(launcher);
        let remote = driver.agent_of(&start, &[]);
        match (remote.hello.launcher.clone().unwrap(), expected) {
            (Ok(words), Ok(expected)) => assert_eq!(words, expected),
            (Err(reason), Err(part)) => assert!(reason.contains(part), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_claim_that_is_none_is_told() {
    let driver = Driver::new();
    let claim = driver.path("claim");
    fs::write(&claim, "chiltepin start 1\n").unwrap();
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["entrance::entrance", "--exact", "--nocapture"])
        .env("CHILTEPIN_START", &claim)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(claim.exists());
}
