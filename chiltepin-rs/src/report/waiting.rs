//! Why a task is not running yet. Pure.
//!
//! ```text
//!   submitted ──dependencies──► looked for in the cache ──► ready ──room on an executor──► running
//!                                                             ▲                              │
//!                                                             └────── pause, and again ──────┘
//! ```

use std::collections::{BTreeMap, BTreeSet};

use chiltepin_executors::blocks::NodeOffer;
use serde::Serialize;

use super::event::How;
use super::lack::{Lack, lack};
use super::record::{AttemptRecord, Name, RunRecord, TaskRecord};

/// What a task waits for; times in microseconds since the run began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Why {
    /// For other tasks: first those that run, then those that others wait for.
    Dependencies {
        /// Up to some of them.
        tasks: Vec<Awaited>,
        /// How many there are in all.
        count: usize,
    },
    /// For the pause before its next attempt to end.
    Pause { until: u64 },
    /// For its result to be found in the cache, or not.
    Looked { since: u64 },
    /// It has run; for its result to be kept.
    Kept { since: u64 },
    /// For room.
    Room {
        since: u64,
        /// On how many futures of other workflows it depends: whether they are done, nobody tells.
        outside: u32,
        /// The labels of which as many run as may.
        labels: Vec<FullLabel>,
        /// On each executor that it may run on.
        executors: Vec<Place>,
    },
    /// An MPI application, for nodes.
    Nodes {
        since: u64,
        nodes: u32,
        executor: Place,
    },
}

/// A task that another one waits for, directly or through others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Awaited {
    pub(crate) task: u64,
    pub(crate) name: String,
    pub(crate) state: &'static str,
    /// Since when it runs, if it does.
    pub(crate) running_since: Option<u64>,
}

/// A label that no further task may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FullLabel {
    pub(crate) label: String,
    pub(crate) limit: u32,
}

/// How an executor stands to a task that waits for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Place {
    pub(crate) executor: String,
    /// Why it runs nothing, if so.
    pub(crate) unavailable: Option<String>,
    /// How many tasks run there.
    pub(crate) running: usize,
    /// How many that may run there go first.
    pub(crate) ahead: usize,
    /// What keeps the task from the room there is.
    pub(crate) lack: Option<Lack>,
    /// Its blocks that are not over, else the last one.
    pub(crate) blocks: Vec<BlockNow>,
    /// Why it asks for no blocks, if so.
    pub(crate) hindered: Option<String>,
}

/// A block, by its latest change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct BlockNow {
    pub(crate) block: u32,
    pub(crate) job: Option<String>,
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
    pub(crate) since: u64,
}

/// So many awaited tasks stand for all.
const AWAITED: usize = 5;

/// Why a task is not running yet; none for one that runs or has ended.
pub(crate) fn why(record: &RunRecord, number: u64, task: &TaskRecord, now: u64) -> Option<Why> {
    if task.ended.is_some() {
        return None;
    }
    if let Some(attempt) = task.attempts.last() {
        match (&attempt.finished, &attempt.retrying) {
            (_, Some((at, pause, _))) if at.saturating_add(*pause) > now => {
                let until = at + pause;
                return Some(Why::Pause { until });
            }
            (Some((since, How::Succeeded)), _) => return Some(Why::Kept { since: *since }),
            (None, None) => return for_nodes(record, number, task, attempt),
            // It is to be tried again.
            _ => {}
        }
    } else {
        let awaited = awaited(record, task);
        if !awaited.is_empty() {
            return Some(dependencies(record, &awaited));
        }
        match (task.looking, task.looked) {
            (Some(since), None) => return Some(Why::Looked { since }),
            // It is there, and the task ends with it any moment.
            (_, Some((since, true))) => return Some(Why::Looked { since }),
            _ => {}
        }
    }
    let order = order(record, number, task)?;
    let executors = (0..64).filter(|executor| task.executors & (1 << executor) != 0);
    Some(Why::Room {
        since: ready(record, task)?,
        outside: task.outside,
        labels: full_labels(record, task),
        executors: executors
            .map(|executor| place(record, executor, task, order))
            .collect(),
    })
}

/// The tasks that one waits for, directly or through others, that have not ended.
fn awaited(record: &RunRecord, task: &TaskRecord) -> BTreeMap<u64, bool> {
    let mut awaited = BTreeMap::new();
    let mut next: Vec<u64> = task.dependencies.clone();
    while let Some(number) = next.pop() {
        let Some(other) = record.tasks.get(&number) else {
            continue;
        };
        if other.ended.is_some() || awaited.contains_key(&number) {
            continue;
        }
        let before = next.len();
        let dependencies = other.dependencies.iter().copied();
        next.extend(dependencies.filter(|on| is_open(record, *on)));
        awaited.insert(number, next.len() == before);
    }
    awaited
}

/// Whether a task has not ended.
fn is_open(record: &RunRecord, number: u64) -> bool {
    let task = record.tasks.get(&number);
    task.is_some_and(|task| task.ended.is_none())
}

/// Of what is awaited, those that keep all others waiting come first, and of them those that run.
fn dependencies(record: &RunRecord, awaited: &BTreeMap<u64, bool>) -> Why {
    let mut tasks: Vec<_> = awaited
        .iter()
        .filter_map(|(number, is_root)| Some((*number, *is_root, record.tasks.get(number)?)))
        .map(|(number, is_root, task)| {
            let attempt = task.attempts.last().filter(|attempt| attempt.is_running());
            let running_since = attempt.and_then(AttemptRecord::began);
            let awaited = Awaited {
                task: number,
                name: task.shown_name().to_owned(),
                state: task.state().word(),
                running_since,
            };
            ((running_since.is_none(), !is_root, number), awaited)
        })
        .collect();
    tasks.sort_by_key(|(order, _)| *order);
    let count = tasks.len();
    let tasks = tasks.into_iter().map(|(_, awaited)| awaited);
    Why::Dependencies {
        tasks: tasks.take(AWAITED).collect(),
        count,
    }
}

/// An MPI application is handed to its executor before there are nodes for it.
fn for_nodes(
    record: &RunRecord,
    number: u64,
    task: &TaskRecord,
    attempt: &AttemptRecord,
) -> Option<Why> {
    let executor = attempt.executor?;
    if !is_unplaced(record, attempt) {
        return None;
    }
    let since = attempt.started?;
    let mut place = place(record, executor, task, (0, 0, 0));
    let tasks = record.tasks.iter();
    let others = tasks.filter(|(other, _)| **other != number);
    let unplaced: Vec<_> = others
        .filter_map(|(other, task)| Some((other, task, task.attempts.last()?)))
        .filter(|(_, other, attempt)| {
            other.ended.is_none()
                && attempt.executor == Some(executor)
                && is_unplaced(record, attempt)
        })
        .collect();
    place.running = place.running.saturating_sub(unplaced.len() + 1);
    let goes_first = |(other, its, attempt): &&(&u64, &TaskRecord, &AttemptRecord)| {
        (-i64::from(its.priority), attempt.started, **other)
            < (-i64::from(task.priority), Some(since), number)
    };
    place.ahead = unplaced.iter().filter(goes_first).count();
    place.lack = None;
    Some(Why::Nodes {
        since,
        nodes: task.needs.nodes.max(1),
        executor: place,
    })
}

/// Whether an attempt is with an executor of blocks and on none of their nodes.
fn is_unplaced(record: &RunRecord, attempt: &AttemptRecord) -> bool {
    let provider = attempt.executor.and_then(|executor| {
        let executors = &record.started.as_ref()?.executors;
        Some(&*executors.get(usize::from(executor))?.1)
    });
    // Nodes are numbered from 1.
    let node = attempt.offer.map_or(0, |offer| NodeOffer::of(offer).node);
    matches!(provider, Some("slurm" | "pbspro"))
        && node == 0
        && attempt.is_running()
        && attempt.nodes.is_empty()
        && attempt.begun.is_none()
        && attempt.account.is_none()
}

/// Since when a task could run if there were room.
fn ready(record: &RunRecord, task: &TaskRecord) -> Option<u64> {
    let again = task.attempts.last().map_or(0, |attempt| {
        let pause = attempt.retrying.as_ref().map(|(at, pause, _)| at + pause);
        let end = attempt.finished.as_ref().map(|(at, _)| *at);
        pause.or(end).unwrap_or_default()
    });
    Some(record.ready(task)?.max(again))
}

/// Which goes first of those that are ready: the one with the smaller of these. A task that is
/// tried again keeps its turn.
fn order(record: &RunRecord, number: u64, task: &TaskRecord) -> Option<(i64, u64, u64)> {
    Some((-i64::from(task.priority), record.ready(task)?, number))
}

/// Whether a task waits for room.
fn waits_for_room(record: &RunRecord, task: &TaskRecord) -> bool {
    let attempt = task.attempts.last();
    let is_tried_again = |attempt: &AttemptRecord| {
        let is_over = matches!(&attempt.finished, Some((_, how)) if *how != How::Succeeded);
        let until = attempt
            .retrying
            .as_ref()
            .map_or(0, |(at, pause, _)| at + pause);
        (is_over || attempt.retrying.is_some()) && until <= record.last
    };
    task.ended.is_none()
        && task.submitted.is_some()
        && attempt.is_none_or(is_tried_again)
        && (task.looking.is_none() || task.looked.is_some())
        && (attempt.is_some() || !task.dependencies.iter().any(|on| is_open(record, *on)))
}

/// The labels of a task of which as many run as may.
fn full_labels(record: &RunRecord, task: &TaskRecord) -> Vec<FullLabel> {
    let limits = record.started.iter().flat_map(|run| &run.limits);
    let mine: BTreeSet<&str> = task.labels.iter().map(|label| &**label).collect();
    let limits = limits.filter(|(label, _)| mine.contains(&**label));
    let running = |label: &str| {
        let tasks = record.tasks.values();
        let tasks = tasks.filter(|task| task.labels.iter().any(|its| **its == *label));
        tasks.filter(|task| running_attempt(task).is_some()).count()
    };
    let full = limits.filter(|(label, limit)| running(label) >= *limit as usize);
    full.map(|(label, limit)| FullLabel {
        label: label.clone(),
        limit: *limit,
    })
    .collect()
}

fn running_attempt(task: &TaskRecord) -> Option<&AttemptRecord> {
    let attempt = task.attempts.last()?;
    (task.ended.is_none() && attempt.is_running()).then_some(attempt)
}

/// How an executor stands to a task with this turn.
fn place(record: &RunRecord, executor: u8, task: &TaskRecord, order: (i64, u64, u64)) -> Place {
    let name = record.executor(executor);
    let tasks = record.tasks.iter();
    let running: Vec<_> = tasks
        .clone()
        .filter_map(|(_, task)| Some((task, running_attempt(task)?)))
        .filter(|(_, attempt)| attempt.executor == Some(executor))
        .collect();
    let goes_first = |(number, other): &(&u64, &TaskRecord)| {
        other.executors & (1 << executor) != 0
            && self::order(record, **number, other).is_some_and(|its| its < order)
            && waits_for_room(record, other)
    };
    let known = record.executors.get(&executor);
    let unavailable = known.and_then(|known| known.unavailable.as_ref());
    let none = BTreeMap::new();
    let rooms = known.map_or(&none, |known| &known.rooms);
    let words = |words: &Name| words.to_string();
    Place {
        executor: name.to_owned(),
        unavailable: unavailable.map(words),
        running: running.len(),
        ahead: tasks.filter(goes_first).count(),
        lack: lack(rooms, &running, &task.needs.room).filter(|_| unavailable.is_none()),
        blocks: blocks(record, name),
        hindered: record.hindered.get(name).map(words),
    }
}

/// The blocks of an executor that are not over; where all are, the last.
fn blocks(record: &RunRecord, executor: &str) -> Vec<BlockNow> {
    let mut blocks: BTreeMap<u32, BlockNow> = BTreeMap::new();
    for (at, change) in &record.blocks {
        if *change.executor != *executor {
            continue;
        }
        let known = blocks.get(&change.block);
        let since = known.filter(|known| *known.state == *change.state);
        let since = since.map_or(*at, |known| known.since);
        let now = BlockNow {
            block: change.block,
            job: change.job.as_ref().map(ToString::to_string),
            state: change.state.to_string(),
            reason: change.reason.as_ref().map(ToString::to_string),
            since,
        };
        blocks.insert(change.block, now);
    }
    let last = blocks.last_key_value().map(|(_, last)| last.clone());
    blocks.retain(|_, block| block.state != "over");
    if blocks.is_empty() {
        last.into_iter().collect()
    } else {
        blocks.into_values().collect()
    }
}
