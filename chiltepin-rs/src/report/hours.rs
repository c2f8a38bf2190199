//! What the nodes of a run's blocks were good for. Pure.
//!
//! ```text
//!   block:   asked ── pending ──┬── starting ── running ── ending ──┬── over
//!                               └──────── allocated: size × time ───┘
//!   node:          used: an attempt runs there │ idle: none does
//!   lost:          the part of used that went to attempts that came to nothing
//! ```

use std::collections::BTreeMap;
use std::ops::Range;

use chiltepin_executors::blocks::NodeOffer;
use serde::Serialize;

use super::event::How;
use super::record::{AttemptRecord, RunRecord};

/// What the nodes were good for that an executor had, in microseconds of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct NodeTime {
    /// What they are charged to, if the configuration says so.
    pub(crate) account: Option<String>,
    pub(crate) executor: String,
    /// From when the batch system gave a block its nodes until its job was over.
    pub(crate) allocated: u64,
    /// Of that, while at least one attempt ran on the node.
    pub(crate) used: u64,
    /// The rest.
    pub(crate) idle: u64,
    /// The part of what was used that attempts had that came to nothing, through no fault of their
    /// tasks. Attempts that run at once on a node have equal parts of it.
    pub(crate) lost: u64,
}

/// A block as far as it had nodes.
#[derive(Debug, Default)]
struct Held {
    size: u64,
    begin: Option<u64>,
    end: Option<u64>,
    /// By their numbers.
    nodes: Vec<u32>,
}

/// An attempt on a node.
#[derive(Debug)]
struct Stay {
    time: Range<u64>,
    is_lost: bool,
}

/// What the nodes of each executor with blocks were good for, in order of accounts and executors.
pub(crate) fn node_times(record: &RunRecord) -> Vec<NodeTime> {
    let mut stays = stays(record);
    let mut times: BTreeMap<&str, NodeTime> = BTreeMap::new();
    for ((executor, _), block) in held(record) {
        let time = times.entry(executor).or_default();
        let nodes: Vec<_> = block
            .nodes
            .iter()
            .filter_map(|node| stays.remove(&(executor, *node)))
            .collect();
        // How blocks stand is looked up once a second; what ran there before was there.
        let earliest = nodes.iter().flatten().map(|stay| stay.time.start).min();
        let Some(begin) = block.begin.into_iter().chain(earliest).min() else {
            continue;
        };
        let end = block.end.unwrap_or(record.last).max(begin);
        time.allocated += block.size * (end - begin);
        for stays in nodes {
            let (used, lost) = busy(&stays, &(begin..end));
            time.used += used;
            time.lost += lost;
        }
    }
    let accounts = record.started.iter().flat_map(|run| &run.accounts);
    let accounts: BTreeMap<_, _> = accounts.map(|(name, account)| (&**name, account)).collect();
    let mut times: Vec<_> = times
        .into_iter()
        .filter(|(_, time)| time.allocated > 0)
        .map(|(executor, time)| NodeTime {
            account: accounts.get(executor).map(|account| (*account).clone()),
            executor: executor.to_owned(),
            idle: time.allocated - time.used,
            ..time
        })
        .collect();
    times.sort_by(|one, other| {
        (&one.account, &one.executor).cmp(&(&other.account, &other.executor))
    });
    times
}

/// When each block had its nodes, by executor and number.
fn held(record: &RunRecord) -> BTreeMap<(&str, u32), Held> {
    let mut blocks: BTreeMap<_, Held> = BTreeMap::new();
    for (at, change) in &record.blocks {
        let block = blocks.entry((&*change.executor, change.block)).or_default();
        let joined: Vec<_> = change.nodes.iter().map(|node| node.number).collect();
        block.nodes.extend(joined);
        block.nodes.sort_unstable();
        block.nodes.dedup();
        block.size = u64::from(change.size).max(block.nodes.len() as u64);
        match &*change.state {
            "over" => {
                block.end.get_or_insert(*at);
            }
            // One that is let go before it has nodes ends too.
            "starting" | "running" | "draining" => {
                block.begin.get_or_insert(*at);
            }
            _ => {}
        }
    }
    blocks
}

/// The attempts at each node, by executor and number.
fn stays(record: &RunRecord) -> BTreeMap<(&str, u32), Vec<Stay>> {
    let mut stays: BTreeMap<_, Vec<Stay>> = BTreeMap::new();
    for attempt in record.tasks.values().flat_map(|task| &task.attempts) {
        let (Some(executor), Some(time)) = (attempt.executor, running(record, attempt)) else {
            continue;
        };
        let one = attempt.offer.map(|offer| NodeOffer::of(offer).node);
        let nodes = match (&attempt.nodes[..], one) {
            ([], Some(node)) => vec![node],
            (nodes, _) => nodes.to_vec(),
        };
        for node in nodes {
            let stay = Stay {
                time: time.clone(),
                is_lost: is_lost(attempt),
            };
            let executor = record.executor(executor);
            stays.entry((executor, node)).or_default().push(stay);
        }
    }
    stays
}

/// When an attempt ran, or took part in keeping its node busy.
fn running(record: &RunRecord, attempt: &AttemptRecord) -> Option<Range<u64>> {
    let told = attempt.account.as_ref().map(|account| account.begun);
    let waited = attempt
        .offer
        .is_some_and(|offer| NodeOffer::of(offer).is_ahead);
    // What waits on a node waits for those that run there. If it has ended without a word of its
    // begin, it never ran.
    let started = attempt
        .started
        .filter(|_| !waited || attempt.finished.is_none());
    let begun = told.or(attempt.begun).or(started)?;
    let end = attempt.finished.as_ref().map_or(record.last, |(at, _)| *at);
    Some(begun..end.max(begun))
}

/// Whether nobody has anything of an attempt, and its task is not to blame.
fn is_lost(attempt: &AttemptRecord) -> bool {
    match &attempt.finished {
        Some((_, How::Returned { .. } | How::Abandoned)) => true,
        Some((_, How::Failed(trouble))) => {
            matches!(&*trouble.kind, "worker lost" | "nodes lost")
        }
        _ => false,
    }
}

/// How long of that time a node had attempts, and the part of it that those had that were lost.
fn busy(stays: &[Stay], within: &Range<u64>) -> (u64, u64) {
    // Each time at which the number of attempts, or of lost ones among them, changes, and how.
    let mut changes: Vec<(u64, i64, i64)> = Vec::new();
    for stay in stays {
        let clip = |time: u64| time.clamp(within.start, within.end);
        let lost = i64::from(stay.is_lost);
        changes.push((clip(stay.time.start), 1, lost));
        changes.push((clip(stay.time.end), -1, -lost));
    }
    changes.sort_unstable();
    let (mut used, mut all_lost) = (0, 0);
    let (mut running, mut lost, mut since) = (0_i64, 0_i64, within.start);
    for (at, more, more_lost) in changes {
        if running > 0 {
            let time = at - since;
            used += time;
            // As parts of it are rounded down, they never come to more than the whole.
            all_lost += time * lost.unsigned_abs() / running.unsigned_abs();
        }
        running += more;
        lost += more_lost;
        since = at;
    }
    (used, all_lost)
}
