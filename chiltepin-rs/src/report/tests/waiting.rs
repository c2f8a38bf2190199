//! Why a task is not running yet, of events that are given.

use super::*;
use crate::report::lack::Lack;
use crate::report::record::Name;
use crate::report::waiting::Why;

const SECOND: u64 = 1_000_000;

/// The record of a run with three executors, at most one task labelled `disk` at once, and these
/// events, each with its time in seconds.
fn record(events: Vec<(u64, What<Name>)>) -> RunRecord {
    let executor = |name: &str, provider: &str| (name.to_owned(), provider.to_owned());
    let run = RunStarted {
        executors: vec![
            executor("local", "threads"),
            executor("compute", "slurm"),
            executor("mpi", "slurm"),
        ],
        limits: vec![("disk".to_owned(), 1)],
        ..RunStarted::default()
    };
    let begin = (0, What::RunStarted(Box::new(run)));
    let event = |(at, what)| Event {
        at: at * SECOND,
        what,
    };
    RunRecord::of([begin].into_iter().chain(events).map(event).collect())
}

/// A call for these executors that asks for so many cores.
fn call(task: u64, executors: u64, cores: u32) -> What<Name> {
    What::Submitted {
        task,
        function: "corpus::count".into(),
        executors,
        priority: 0,
        kind: Kind::Function,
        more: Some(Box::new(More {
            name: Some(format!("count {task}").into()),
            labels: Vec::new(),
            cores,
            memory: 0,
            gpus: 0,
            nodes: 0,
        })),
    }
}

fn room(executor: u8, offer: u32, cores: u32) -> What<Name> {
    let room = Room {
        async_bodies: 256,
        cores,
        memory: 8 << 30,
        gpus: 0,
    };
    What::Room {
        executor,
        offer,
        room: Some(Box::new(room)),
    }
}

fn started(task: u64, attempt: u32, executor: u8, offer: u32) -> What<Name> {
    What::Started {
        task,
        attempt,
        executor,
        offer,
    }
}

fn block(executor: &str, state: &str, reason: Option<&str>) -> What<Name> {
    What::Block(Box::new(BlockChange {
        executor: executor.into(),
        block: 1,
        job: Some("4711".into()),
        state: state.into(),
        reason: reason.map(Into::into),
        size: 2,
        nodes: Vec::new(),
    }))
}

/// What is told of a task 100 s after the run began.
fn told(record: &RunRecord, task: u64) -> String {
    let now = 100 * SECOND;
    match why(record, task, &record.tasks[&task], now) {
        Some(why) => reasons(&why, now).join("\n"),
        None => "nothing".to_owned(),
    }
}

#[test]
fn a_task_that_runs_or_has_ended_waits_for_nothing() {
    let record = record(vec![
        (1, call(1, 1, 0)),
        (1, call(2, 1, 0)),
        (2, started(1, 1, 0, 0)),
        (
            2,
            What::Ended {
                task: 2,
                ending: Ending::Closed,
            },
        ),
    ]);
    assert_eq!(told(&record, 1), "nothing");
    assert_eq!(told(&record, 2), "nothing");
}

#[test]
fn of_what_is_awaited_that_which_runs_comes_first() {
    let mut events: Vec<_> = (1..=9).map(|task| (1, call(task, 1, 0))).collect();
    // 9 waits for 8, 8 for 1 to 6, and 1 has ended.
    events.push((1, What::Depends { task: 9, on: 8 }));
    events.extend((1..=6).map(|on| (1, What::Depends { task: 8, on })));
    events.push((5, started(6, 1, 0, 0)));
    events.push((
        6,
        What::Ended {
            task: 1,
            ending: Ending::Succeeded,
        },
    ));
    insta::assert_snapshot!(told(&record(events), 9), @r"
    it waits for 6 tasks:
      `count 6` (6), running for 1 min 35 s
      `count 2` (2), waiting
      `count 3` (3), waiting
      `count 4` (4), waiting
      `count 5` (5), waiting
      and 1 more
    ");
}

#[test]
fn a_task_is_ready_and_executors_have_no_room_each_for_its_own_reason() {
    let record = record(vec![
        (0, room(0, 0, 2)),
        (0, room(1, 2, 4)),
        (
            0,
            What::Unavailable {
                executor: 2,
                reason: "no `srun`".into(),
            },
        ),
        (0, block("compute", "pending", Some("Priority"))),
        (1, call(1, 1, 2)),
        (1, call(2, 1, 2)),
        (1, call(3, 7, 8)),
        (2, started(1, 1, 0, 0)),
    ]);
    insta::assert_snapshot!(told(&record, 3), @r"
    it is ready, for 1 min 39 s now
    `local`: 1 task runs there, 1 other goes first; the task needs 8 cores, and no place there has more than 2 cores
    `compute`: no tasks run there, no others go first; the task needs 8 cores, and no place there has more than 4 cores
      block 1 (job 4711) is pending: Priority (for 1 min 40 s)
    `mpi` is not available: no `srun`
    ");
    insta::assert_snapshot!(told(&record, 2), @r"
    it is ready, for 1 min 39 s now
    `local`: 1 task runs there, no others go first; the task needs 2 cores, and all are taken
    ");
}

#[test]
fn whoever_has_a_higher_priority_or_was_ready_earlier_goes_first() {
    let with_priority = |task, its| match call(task, 1, 0) {
        What::Submitted {
            task,
            function,
            executors,
            kind,
            more,
            ..
        } => What::Submitted {
            task,
            function,
            executors,
            priority: its,
            kind,
            more,
        },
        other => other,
    };
    let record = record(vec![
        (0, room(0, 0, 1)),
        (1, call(1, 1, 0)),
        (1, started(1, 1, 0, 0)),
        (2, call(2, 1, 0)),
        (3, call(3, 1, 0)),
        (4, with_priority(4, 1)),
        (5, with_priority(5, -1)),
        // For another executor, and one that waits for 1 itself.
        (1, call(6, 2, 0)),
        (1, call(7, 1, 0)),
        (1, What::Depends { task: 7, on: 1 }),
    ]);
    let ahead = |task| match why(&record, task, &record.tasks[&task], 10 * SECOND) {
        Some(Why::Room { executors, .. }) => executors[0].ahead,
        other => panic!("{other:?}"),
    };
    assert_eq!([2, 3, 4, 5].map(ahead), [1, 2, 0, 3]);
}

#[test]
fn a_label_of_which_enough_run_is_named() {
    let labelled = |task| match call(task, 1, 0) {
        What::Submitted {
            task,
            function,
            executors,
            priority,
            kind,
            more,
        } => What::Submitted {
            task,
            function,
            executors,
            priority,
            kind,
            more: more.map(|more| {
                Box::new(More {
                    labels: vec!["disk".into()],
                    ..*more
                })
            }),
        },
        other => other,
    };
    let record = record(vec![
        (0, room(0, 0, 4)),
        (1, labelled(1)),
        (1, labelled(2)),
        (2, started(1, 1, 0, 0)),
    ]);
    insta::assert_snapshot!(told(&record, 2), @r"
    it is ready, for 1 min 39 s now
    `limits` allows 1 task labelled `disk` at once, and so many run
    `local`: 1 task runs there, no others go first; it has room for the task
    ");
}

#[test]
fn a_task_that_is_tried_again_waits_for_its_pause_and_then_for_room() {
    let retrying = What::Retrying {
        task: 1,
        attempt: 1,
        pause: 60 * SECOND,
        error: None,
    };
    let failed = What::Finished {
        task: 1,
        attempt: 1,
        how: How::Stopped,
    };
    let mut events = vec![
        (0, room(0, 0, 1)),
        (1, call(1, 1, 0)),
        (1, call(2, 1, 0)),
        (2, started(1, 1, 0, 0)),
        (70, failed),
        (70, retrying),
        (70, started(2, 1, 0, 0)),
    ];
    let paused = record(events.clone());
    assert_eq!(told(&paused, 1), "it is tried again in 30 s");
    events[5].0 = 20;
    let again = record(events);
    insta::assert_snapshot!(told(&again, 1), @r"
    it is ready, for 20 s now
    `local`: 1 task runs there, no others go first; all its cores are taken
    ");
}

#[test]
fn a_result_is_looked_for_and_kept() {
    let record = record(vec![
        (1, call(1, 1, 0)),
        (2, What::Looking { task: 1 }),
        (1, call(2, 1, 0)),
        (2, started(2, 1, 0, 0)),
        (
            9,
            What::Finished {
                task: 2,
                attempt: 1,
                how: How::Succeeded,
            },
        ),
    ]);
    assert_eq!(
        told(&record, 1),
        "its result is being looked for in the cache, for 1 min 38 s now"
    );
    assert_eq!(
        told(&record, 2),
        "it has run, and its result is being kept, for 1 min 31 s now"
    );
}

#[test]
fn futures_of_other_workflows_are_no_secret() {
    let record = record(vec![
        (0, room(0, 0, 1)),
        (1, call(1, 1, 0)),
        (1, What::DependsOutside { task: 1 }),
    ]);
    insta::assert_snapshot!(told(&record, 1), @r"
    it is ready, for 1 min 39 s now
    it depends on 1 future of other workflows, and whether they are done this journal does not tell
    `local`: no tasks run there, no others go first; it has room for the task
    ");
}

#[test]
fn an_application_waits_for_nodes_with_its_executor() {
    let record = record(vec![
        (0, room(2, 0, u32::MAX)),
        (
            0,
            What::Hindered {
                executor: "mpi".into(),
                reason: Some("`sbatch` failed:\nInvalid account".into()),
            },
        ),
        (1, call(1, 4, 0)),
        (1, call(2, 4, 0)),
        (1, call(3, 4, 0)),
        (2, started(1, 1, 2, 0)),
        (2, started(2, 1, 2, 0)),
        (2, started(3, 1, 2, 0)),
        (
            3,
            What::Placed {
                task: 1,
                attempt: 1,
                nodes: [1].into(),
            },
        ),
        (4, block("mpi", "running", None)),
    ]);
    assert_eq!(told(&record, 1), "nothing");
    insta::assert_snapshot!(told(&record, 3), @r"
    `mpi` has it, for 1 min 38 s now, and is to start it once a node is free: 1 other runs there, 1 goes first
      no block is asked for: `sbatch` failed:
          Invalid account
      block 1 (job 4711) is running (for 1 min 36 s)
    ");
}

#[test]
fn what_is_lacking_is_told_from_what_others_have() {
    let lack = |events: Vec<_>, task| {
        let record = record(events);
        let why = why(&record, task, &record.tasks[&task], 10 * SECOND);
        match why {
            Some(Why::Room { executors, .. }) => executors[0].lack.clone(),
            other => panic!("{other:?}"),
        }
    };
    let two_places = vec![
        (0, room(0, 2, 4)),
        (0, room(0, 4, 8)),
        (1, call(1, 1, 6)),
        (1, started(1, 1, 0, 4)),
        (2, call(2, 1, 5)),
        (2, call(3, 1, 9)),
        (2, call(4, 1, 4)),
    ];
    let Some(Lack::Taken(amounts)) = lack(two_places.clone(), 2) else {
        panic!("8 - 6 and 4 cores are free");
    };
    assert_eq!((amounts.needed, amounts.free, amounts.most), (5, 4, 8));
    assert!(matches!(
        lack(two_places.clone(), 3),
        Some(Lack::TooSmall(amounts)) if amounts.most == 8
    ));
    assert_eq!(lack(two_places.clone(), 4), None);
    let withdrawn = [2, 4].map(|offer| {
        let executor = 0;
        let room = None;
        (
            3,
            What::Room {
                executor,
                offer,
                room,
            },
        )
    });
    let events: Vec<_> = two_places.into_iter().chain(withdrawn).collect();
    assert_eq!(lack(events, 4), Some(Lack::Everything));
    assert_eq!(lack(vec![(1, call(1, 1, 0))], 1), Some(Lack::Everything));
}
