//! What nodes were good for, of blocks and attempts that are given.

use proptest::prelude::*;

use super::*;
use crate::report::hours::{NodeTime, node_times};
use crate::report::record::Name;

const SECOND: u64 = 1_000_000;

fn at(seconds: u64, what: What<Name>) -> Event<Name> {
    Event {
        at: seconds * SECOND,
        what,
    }
}

fn begin() -> Event<Name> {
    let named = |name: &str| (name.to_owned(), "slurm".to_owned());
    let run = RunStarted {
        executors: vec![named("compute"), named("mpi")],
        accounts: vec![("compute".to_owned(), "project".to_owned())],
        ..RunStarted::default()
    };
    at(0, What::RunStarted(Box::new(run)))
}

/// A block of two nodes, of which those with these numbers have joined.
fn block(executor: &str, block: u32, state: &str, nodes: &[u32]) -> What<Name> {
    let nodes = nodes.iter().map(|number| NodeStanding {
        number: *number,
        name: format!("n{number}").into(),
        state: "ready".into(),
    });
    What::Block(Box::new(BlockChange {
        executor: executor.into(),
        block,
        job: None,
        state: state.into(),
        reason: None,
        size: 2,
        nodes: nodes.collect(),
    }))
}

fn started(task: u64, executor: u8, node: u32) -> What<Name> {
    What::Started {
        task,
        attempt: 1,
        executor,
        offer: node << 1,
    }
}

fn ahead(task: u64, node: u32) -> What<Name> {
    What::Started {
        task,
        attempt: 1,
        executor: 0,
        offer: node << 1 | 1,
    }
}

fn finished(task: u64, how: How<Name>) -> What<Name> {
    What::Finished {
        task,
        attempt: 1,
        how,
    }
}

fn failed(kind: &str) -> How<Name> {
    How::Failed(Box::new(Trouble {
        kind: kind.into(),
        message: kind.into(),
        place: None,
    }))
}

fn returned() -> How<Name> {
    How::Returned {
        reason: "its node is gone".into(),
    }
}

/// Executor, and its times in seconds.
fn times(events: Vec<Event<Name>>) -> Vec<(String, [u64; 4])> {
    let events = [begin()].into_iter().chain(events);
    let times = node_times(&RunRecord::of(events.collect()));
    let seconds = |time: NodeTime| {
        let all = [time.allocated, time.used, time.idle, time.lost];
        (time.executor, all.map(|time| time / SECOND))
    };
    times.into_iter().map(seconds).collect()
}

#[test]
fn a_node_is_used_while_anything_runs_on_it() {
    let told = times(vec![
        at(1, block("compute", 1, "pending", &[])),
        at(10, block("compute", 1, "starting", &[])),
        at(12, block("compute", 1, "running", &[1, 2])),
        at(12, started(1, 0, 1)),
        at(15, started(2, 0, 1)),
        at(20, finished(1, How::Succeeded)),
        at(30, finished(2, failed("failed"))),
        at(40, started(3, 0, 2)),
        at(50, block("compute", 1, "ending", &[1, 2])),
        at(60, block("compute", 1, "over", &[1, 2])),
        at(70, finished(3, How::Succeeded)),
    ]);
    // Node 1 from 12 to 30, node 2 from 40 to the block's end.
    assert_eq!(told, [("compute".to_owned(), [100, 38, 62, 0])]);
}

#[test]
fn what_came_to_nothing_is_lost_by_its_part_of_the_node() {
    let told = times(vec![
        at(0, block("compute", 1, "running", &[1, 2])),
        at(0, started(1, 0, 1)),
        at(0, started(2, 0, 1)),
        at(10, finished(1, How::Succeeded)),
        at(16, finished(2, returned())),
        at(0, started(3, 0, 2)),
        at(20, finished(3, failed("worker lost"))),
        at(20, block("compute", 1, "over", &[1, 2])),
    ]);
    assert_eq!(told, [("compute".to_owned(), [40, 36, 4, 5 + 6 + 20])]);
}

#[test]
fn what_waited_on_a_node_and_never_began_there_did_not_use_it() {
    let told = times(vec![
        at(0, block("compute", 1, "running", &[1])),
        at(0, ahead(1, 1)),
        at(5, finished(1, returned())),
        at(6, ahead(2, 1)),
        at(
            7,
            What::Began {
                task: 2,
                attempt: 1,
            },
        ),
        at(10, finished(2, How::Succeeded)),
        at(10, block("compute", 1, "over", &[1])),
    ]);
    assert_eq!(told, [("compute".to_owned(), [20, 3, 17, 0])]);
}

#[test]
fn an_application_uses_all_its_nodes_from_when_it_is_placed() {
    let nodes = [1, 2].into();
    let placed = What::Placed {
        task: 1,
        attempt: 1,
        nodes,
    };
    let told = times(vec![
        at(0, started(1, 1, 0)),
        at(10, block("mpi", 1, "running", &[1, 2])),
        at(15, placed),
        at(20, finished(1, How::Succeeded)),
        at(20, block("mpi", 1, "over", &[1, 2])),
    ]);
    assert_eq!(told, [("mpi".to_owned(), [20, 10, 10, 0])]);
}

#[test]
fn a_block_that_never_had_nodes_was_never_allocated() {
    let told = times(vec![
        at(1, block("compute", 1, "asked", &[])),
        at(2, block("compute", 1, "pending", &[])),
        at(9, block("compute", 1, "ending", &[])),
        at(10, block("compute", 1, "over", &[])),
    ]);
    assert_eq!(told, []);
}

#[test]
fn a_block_that_goes_on_has_had_its_nodes_so_far() {
    let told = times(vec![
        at(5, block("compute", 1, "running", &[1])),
        at(5, started(1, 0, 1)),
        at(
            9,
            What::Looked {
                task: 7,
                is_there: false,
            },
        ),
    ]);
    assert_eq!(told, [("compute".to_owned(), [8, 4, 4, 0])]);
}

#[test]
fn node_hours_are_shown_with_their_accounts() {
    let hour = 3600;
    let record = RunRecord::of(vec![
        begin(),
        at(0, block("compute", 1, "running", &[1, 2])),
        at(0, block("mpi", 1, "running", &[1])),
        at(0, started(1, 0, 1)),
        at(hour, finished(1, returned())),
        at(hour, started(2, 0, 1)),
        at(3 * hour, finished(2, How::Succeeded)),
        at(4 * hour, block("compute", 1, "over", &[1, 2])),
        at(4 * hour, block("mpi", 1, "over", &[1])),
    ]);
    let text = summary(&record, false).to_string();
    let (_, table) = text.split_once("node-hours").unwrap();
    insta::assert_snapshot!(format!("node-hours{table}"), @r"
    node-hours  account  allocated        used         idle        lost
    mpi          (none)       8.00      0 (0%)  8.00 (100%)      0 (0%)
    compute     project       8.00  3.00 (38%)   5.00 (62%)  1.00 (33%)
    ");
}

/// When and where an attempt ran, and how it finished.
fn attempt() -> impl Strategy<Value = (u64, u64, u32, bool, bool)> {
    (
        0..100_u64,
        0..50_u64,
        1..6_u32,
        any::<bool>(),
        any::<bool>(),
    )
}

proptest! {
    #[test]
    fn used_and_idle_are_all_and_lost_is_part_of_used(
        attempts in prop::collection::vec(attempt(), 0..40),
        blocks in prop::collection::vec((0..100_u64, 0..60_u64), 2),
    ) {
        let mut events = vec![begin()];
        for (number, (begin, length)) in (1..).zip(blocks) {
            let nodes = [number * 2 - 1, number * 2];
            events.push(at(begin, block("compute", number, "running", &nodes)));
            events.push(at(begin + length, block("compute", number, "over", &nodes)));
        }
        for (task, (begin, length, node, is_ahead, is_lost)) in (1..).zip(attempts) {
            let start = if is_ahead { ahead(task, node) } else { started(task, 0, node) };
            events.push(at(begin, start));
            let how = if is_lost { returned() } else { How::Succeeded };
            events.push(at(begin + length, finished(task, how)));
        }
        for time in node_times(&RunRecord::of(events)) {
            prop_assert_eq!(time.used + time.idle, time.allocated);
            prop_assert!(time.lost <= time.used, "{:?}", time);
        }
    }
}
