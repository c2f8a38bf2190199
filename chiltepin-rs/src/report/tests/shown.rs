//! What people read of a run whose events are given.

use super::*;
use crate::report::record::Name;
use crate::report::summary::Part;

fn name(words: &str) -> Name {
    Name::from(words)
}

fn submitted(task: u64, function: &str, more: Option<More<Name>>) -> What<Name> {
    What::Submitted {
        task,
        function: name(function),
        executors: 3,
        priority: 0,
        kind: Kind::Function,
        more: more.map(Box::new),
    }
}

fn started(task: u64, attempt: u32, executor: u8) -> What<Name> {
    What::Started {
        task,
        attempt,
        executor,
        offer: 0,
    }
}

fn finished(task: u64, attempt: u32, how: How<Name>) -> What<Name> {
    What::Finished { task, attempt, how }
}

fn ended(task: u64, ending: Ending<Name>) -> What<Name> {
    What::Ended { task, ending }
}

fn trouble(kind: &str, message: &str, place: Option<&str>) -> Box<Trouble<Name>> {
    Box::new(Trouble {
        kind: name(kind),
        message: name(message),
        place: place.map(name),
    })
}

fn reported(task: u64, attempt: u32, begun: u64, run: u64) -> What<Name> {
    What::Reported {
        task,
        attempt,
        account: Box::new(AttemptAccount {
            node: name("n1"),
            worker: Some(name("compute-2")),
            process: 4242,
            begun,
            run,
            user: run / 2,
            system: run / 4,
            peak_memory: Some(3 << 30),
        }),
    }
}

/// A run in which tasks wait, are repeated, fail, come from the cache and are not run.
pub(super) fn sample() -> RunRecord {
    let run = RunStarted {
        id: "20261118-110640-3f9a0c".to_owned(),
        program: "/home/ann/corpus".to_owned(),
        arguments: vec!["--cache".to_owned()],
        host: "login1".to_owned(),
        process: 17,
        executors: vec![
            ("local".to_owned(), "threads".to_owned()),
            ("compute".to_owned(), "slurm".to_owned()),
        ],
        version: "0.1.0".to_owned(),
        unix_time: 1_795_000_000_000_000,
        ..RunStarted::default()
    };
    let named = More {
        name: Some(name("count a.txt")),
        labels: vec![name("disk")],
        cores: 0,
        memory: 0,
        gpus: 0,
        nodes: 0,
    };
    let panicked = || trouble("panicked", "panicked: no\nmore", Some("src/main.rs:7"));
    let events = [
        (0, What::RunStarted(Box::new(run))),
        (1_000, submitted(1, "corpus::count", Some(named))),
        (1_100, submitted(2, "corpus::merge", None)),
        (1_100, What::Depends { task: 2, on: 1 }),
        (1_200, submitted(3, "corpus::count", None)),
        (1_300, submitted(4, "corpus::count", None)),
        (1_300, submitted(5, "corpus::count", None)),
        (
            1_500,
            What::Looked {
                task: 3,
                is_there: true,
            },
        ),
        (1_500, ended(3, Ending::Succeeded)),
        (2_000, started(1, 1, 1)),
        (2_000, started(4, 1, 0)),
        (2_000, started(5, 1, 0)),
        (1_002_500, reported(1, 1, 2_400, 1_000_000)),
        (1_002_500, finished(1, 1, How::Failed(panicked()))),
        (
            1_002_600,
            What::Retrying {
                task: 1,
                attempt: 1,
                pause: 80_000,
                error: Some(name("panicked: no")),
            },
        ),
        (
            1_003_000,
            finished(
                4,
                1,
                How::Failed(trouble("failed", "failed: too long", None)),
            ),
        ),
        (
            1_003_010,
            ended(
                4,
                Ending::Failed(trouble("failed", "failed: too long", None)),
            ),
        ),
        (1_090_000, started(1, 2, 1)),
        (3_090_500, reported(1, 2, 1_090_300, 2_000_000)),
        (3_090_500, finished(1, 2, How::Failed(panicked()))),
        (3_090_600, ended(1, Ending::Failed(panicked()))),
        (
            3_090_600,
            ended(2, Ending::DependencyFailed { root: Some(1) }),
        ),
    ];
    let event = |(at, what)| Event { at, what };
    RunRecord::of(events.map(event).into())
}

#[test]
fn a_run_is_shown() {
    insta::assert_snapshot!(summary(&sample(), false));
}

#[test]
fn a_run_is_shown_while_it_goes_on() {
    let text = summary(&sample(), true).to_string();
    assert!(text.contains("\nrunning after 3.0 s\n"), "{text}");
}

#[test]
fn a_task_that_was_repeated_is_explained() {
    let record = sample();
    insta::assert_snapshot!(steps(&story(&record, 1, &record.tasks[&1])));
}

#[test]
fn a_task_that_was_not_run_is_explained() {
    let record = sample();
    insta::assert_snapshot!(steps(&story(&record, 2, &record.tasks[&2])));
}

#[test]
fn a_task_that_has_not_ended_is_explained() {
    let record = sample();
    insta::assert_snapshot!(steps(&story(&record, 5, &record.tasks[&5])));
}

#[test]
fn a_task_waits_in_the_queue_from_when_it_is_ready() {
    let record = sample();
    let task = |number| &record.tasks[&number];
    assert_eq!(record.ready(task(1)), Some(1_000));
    assert_eq!(record.ready(task(2)), None, "it never was");
    let summary = summary(&record, false);
    let count = &summary.functions[0];
    assert_eq!(count.queue.unwrap().longest, 1_000);
    assert_eq!(count.queue.unwrap().median, 700);
    assert_eq!(count.cpu_efficiency, Some(0.75));
    assert_eq!(summary.tasks.cached, 1);
    assert_eq!(summary.retries, 1);
}

#[test]
fn what_attempts_took_counts_where_they_ran() {
    let events = [
        (0, submitted(1, "corpus::count", None)),
        (10, started(1, 1, 0)),
        (20, What::WorkerLost { task: 1, losses: 1 }),
        (
            30,
            finished(
                1,
                1,
                How::Returned {
                    reason: name("its node is gone"),
                },
            ),
        ),
        (40, started(1, 2, 0)),
        (1_040, reported(1, 2, 40, 1_000)),
        (
            1_040,
            finished(1, 2, How::Failed(trouble("failed", "failed", None))),
        ),
        (
            1_040,
            What::Retrying {
                task: 1,
                attempt: 2,
                pause: 0,
                error: None,
            },
        ),
        (1_050, started(1, 3, 1)),
        (1_060, finished(1, 3, How::Succeeded)),
        (1_060, ended(1, Ending::Succeeded)),
    ];
    let event = |(at, what)| Event { at, what };
    let record = RunRecord::of(events.map(event).into());
    let summary = summary(&record, false);
    let [first, last] = &summary.executors[..] else {
        panic!("{:?}", summary.executors);
    };
    assert_eq!((first.tasks.submitted, last.tasks.submitted), (0, 1));
    assert_eq!((first.retries, last.retries), (1, 0));
    let longest = |part: &Part| part.run.unwrap().longest;
    assert_eq!((longest(first), longest(last)), (1_000, 10));
    assert_eq!(last.peak_memory, None);
    // What was given back does not count.
    assert_eq!((summary.retries, summary.lost_workers), (1, 1));
    let story = steps(&story(&record, 1, &record.tasks[&1]));
    assert!(
        story.contains("attempt 1 lost its worker, the 1st of the task"),
        "{story}"
    );
}

#[test]
fn times_and_sizes_are_short() {
    let times = [7, 1_500, 12_345, 2_345_678, 75_000_000, 7_500_000_000];
    let shown = times.map(time);
    assert_eq!(
        shown,
        [
            "7 µs",
            "1.5 ms",
            "12 ms",
            "2.3 s",
            "1 min 15 s",
            "2 h 5 min"
        ]
    );
    let sizes = [12, 2_048, 5 << 20, 3 << 29].map(memory);
    assert_eq!(sizes, ["12 B", "2.0 KiB", "5.0 MiB", "1.5 GiB"]);
}
