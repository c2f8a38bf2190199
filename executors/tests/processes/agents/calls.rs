use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chiltepin_executors::command::Stream;
use chiltepin_executors::{FailureKind, Outcome, ProcessEnd};

use super::driver::{Driver, Told, Wish};
use crate::tasks::{ACT, ACT_ASYNC, SCRIPT};

fn failure(outcome: Outcome) -> FailureKind {
    match outcome {
        Outcome::Failed(failure) => failure.kind,
        other => panic!("it has not failed: {other:?}"),
    }
}

#[test]
fn an_agent_says_what_it_is() {
    let mut driver = Driver::new();
    let started = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let started = (started.as_secs() - 90).to_string();
    let remote = driver.agent_by(
        driver.port(),
        &[
            ("SLURM_CPUS_ON_NODE", "5"),
            ("CUDA_VISIBLE_DEVICES", "0,1,2"),
            ("CHILTEPIN_BLOCK_STARTED", &started),
        ],
    );
    let hello = &remote.hello;
    assert_eq!((hello.executor.as_str(), hello.block), ("compute", 3));
    assert_eq!(
        (hello.node.as_str(), hello.cores, hello.gpus),
        ("n7", 5, Some(3))
    );
    assert_eq!(hello.process.to_string(), remote.started.process.pid());
    let age = hello.age.unwrap().as_secs();
    assert!((90..150).contains(&age), "{age}");
    assert_eq!(remote.agent.node().as_ref(), "n7");
}

#[test]
fn a_function_gives_its_value_and_an_account() {
    let mut driver = Driver::new();
    let remote = driver.agent();
    driver.start(&remote, &ACT, "print:this is kept");
    let ended = driver.ended();
    assert!(matches!(ended.outcome, Outcome::Succeeded), "{ended:?}");
    assert_eq!(ended.value.as_deref(), Some(""));
    let report = ended.report.unwrap();
    assert_eq!((report.node.as_ref(), report.attempt), ("n7", 2));
    assert_eq!(report.worker.as_deref(), Some("compute-n7-0"));
    assert_eq!(report.stdout.unwrap().read().unwrap(), b"this is kept\n");
    driver.start(&remote, &ACT_ASYNC, "sleep:20");
    let ended = driver.ended();
    assert_eq!(ended.value.as_deref(), Some("sleep:20"));
    assert!(ended.report.unwrap().usage.run >= Duration::from_millis(20));
    // Large values travel both ways.
    let large = "x".repeat(3 << 20);
    driver.start(&remote, &ACT, &format!("say:{large}"));
    assert_eq!(driver.ended().value, Some(large));
}

#[test]
fn many_calls_end_once_each_and_the_node_says_when_it_is_idle() {
    const CALLS: usize = 3000;
    let mut driver = Driver::new();
    let remote = driver.agent();
    for number in 0..CALLS {
        let (info, argument) = match number % 20 {
            0 => (&ACT_ASYNC, "quick".to_owned()),
            1 => (&SCRIPT, "true".to_owned()),
            _ => (&ACT, format!("say:{number}")),
        };
        driver.start(&remote, info, &argument);
    }
    for ended in driver.all_ended(CALLS).into_values() {
        assert!(matches!(ended.outcome, Outcome::Succeeded), "{ended:?}");
    }
    assert_eq!(remote.agent.calls(), 0);
    let (mut calls, mut room) = (Vec::new(), 0);
    while calls.last() != Some(&0) || room == 0 {
        match remote
            .told_any()
            .expect("it says that it is idle, and of room")
        {
            Told::Calls(count) => calls.push(count),
            Told::Ahead(capacity) => room = room.max(capacity.cores),
            other => panic!("{other:?}"),
        }
    }
    let alternate = calls.windows(2).all(|pair| (pair[0] > 0) != (pair[1] > 0));
    assert!(alternate && calls[0] > 0, "{calls:?}");
}

#[test]
fn failures_arrive_as_they_were() {
    let mut driver = Driver::new();
    let remote = driver.agent();
    driver.start(&remote, &ACT, "fail:77");
    match failure(driver.ended().outcome) {
        FailureKind::User(error) => {
            assert_eq!(error.message, "no convergence");
            assert_eq!(error.causes, ["step 7"]);
            assert_eq!(error.value.unwrap().downcast_ref(), Some(&77_u32));
        }
        other => panic!("{other:?}"),
    }
    driver.start(&remote, &ACT, "panic:it cannot be");
    match failure(driver.ended().outcome) {
        FailureKind::Panicked(report) => assert_eq!(report.message, "it cannot be"),
        other => panic!("{other:?}"),
    }
    driver.start(&remote, &SCRIPT, "echo the reason >&2; exit 7");
    match failure(driver.ended().outcome) {
        FailureKind::ExitCode { code: 7, stderr } => assert_eq!(stderr.trim(), "the reason"),
        other => panic!("{other:?}"),
    }
    driver.start(&remote, &SCRIPT, "kill -TERM $$");
    match failure(driver.ended().outcome) {
        FailureKind::Signal { signal: 15, .. } => {}
        other => panic!("{other:?}"),
    }
    driver.start(&remote, &SCRIPT, "echo \0");
    match failure(driver.ended().outcome) {
        FailureKind::Invalid { reason } => assert!(reason.contains("NUL"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_command_runs_as_its_call_wants_it() {
    let mut driver = Driver::new();
    let remote = driver.agent_by(
        driver.port(),
        &[
            ("SLURM_JOB_ID", "7"),
            ("SLURM_JOB_CPUS_PER_NODE", "4(x2)"),
            ("SLURM_TASKS_PER_NODE", "1(x2)"),
            ("SLURM_STEP_ID", "0"),
            ("PMI_RANK", "0"),
        ],
    );
    let mut work = driver.work(
        &SCRIPT,
        "echo \"$GREETING ${CHILTEPIN_START-none} ${SLURM_STEP_ID-none} ${PMI_RANK-none}\"; \
         echo \"$SLURM_JOB_ID $SLURM_OVERLAP $SLURM_TASKS_PER_NODE\"; pwd; \
         [ $CHILTEPIN_DEADLINE -gt $(date +%s) ] && echo in time; exit 3",
    );
    work.frame.stdout = Stream::File {
        path: driver.path("out/stdout"),
        append: false,
    };
    work.frame.directory = Some(driver.path("work"));
    work.frame.environment = vec![("GREETING".to_owned(), "hello".to_owned())];
    work.frame.allowed_exit_codes = vec![3];
    let work = Arc::new(work.with_timeout(Duration::from_secs(600)));
    remote.agent.start(work.invocation());
    let ended = driver.ended();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let report = ended.report.unwrap();
    assert_eq!((report.node.as_ref(), report.worker), ("n7", None));
    let folder = driver.path("work").display().to_string();
    assert_eq!(
        driver.text("out/stdout"),
        format!("hello none none none\n7 1 4(x2)\n{folder}\nin time\n")
    );
    assert_eq!(work.begun.load(Ordering::SeqCst), 1, "its time has begun");
    // Workers see the same.
    for (name, expected) in [
        ("SLURM_STEP_ID", "none"),
        ("SLURM_OVERLAP", "1"),
        ("SLURM_TASKS_PER_NODE", "4(x2)"),
    ] {
        driver.start(&remote, &ACT, &format!("variable:{name}"));
        assert_eq!(driver.ended().value.as_deref(), Some(expected), "{name}");
    }
}

#[test]
fn the_time_of_a_call_begins_when_nothing_is_before_it() {
    let mut wish = Wish::default();
    wish.request.max_workers_per_node = Some(1);
    let mut driver = Driver::with(wish);
    let remote = driver.agent();
    let timed = |driver: &mut Driver| {
        let work = driver.work(&ACT, "sleep:300");
        let work = Arc::new(work.with_timeout(Duration::from_secs(600)));
        remote.agent.start(work.invocation());
        work
    };
    let (first, second) = (timed(&mut driver), timed(&mut driver));
    let ended = driver.ended();
    assert_eq!(ended.number, first.number);
    assert_eq!(first.begun.load(Ordering::SeqCst), 1);
    driver.ended();
    assert_eq!(second.begun.load(Ordering::SeqCst), 1);
}

#[test]
fn workers_that_a_task_kills_are_counted() {
    let mut driver = Driver::new();
    let remote = driver.agent();
    let work = driver.start(&remote, &ACT, "abort:the last words");
    match failure(driver.ended().outcome) {
        FailureKind::WorkerLost(lost) => {
            assert_eq!(lost.losses, 2, "as many as it may");
            assert!(lost.worker.starts_with("compute-n7-"), "{lost:?}");
            assert_eq!(lost.end, ProcessEnd::Signal(6));
            assert!(lost.stderr.contains("the last words"), "{lost:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(work.losses.load(Ordering::SeqCst), 2);
    // A task that comes with losses may lose fewer.
    let work = driver.work(&ACT, "abort:again");
    work.losses.store(1, Ordering::SeqCst);
    let work = Arc::new(work);
    remote.agent.start(work.invocation());
    match failure(driver.ended().outcome) {
        FailureKind::WorkerLost(lost) => assert_eq!(lost.losses, 2),
        other => panic!("{other:?}"),
    }
}
