//! The record of a run: what its events come to, task by task. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::event::{
    Arguments, AttemptAccount, BlockChange, Ending, Event, How, Kind, More, Room, RunOutcome,
    RunStarted, What,
};

/// A text of a journal.
pub(crate) type Name = Arc<str>;

/// What is known of a run.
#[derive(Debug, Default)]
pub(crate) struct RunRecord {
    pub(crate) started: Option<RunStarted>,
    pub(crate) tasks: BTreeMap<u64, TaskRecord>,
    /// How each executor stands, by its number.
    pub(crate) executors: BTreeMap<u8, ExecutorRecord>,
    /// Why executors ask for no blocks, by their names.
    pub(crate) hindered: BTreeMap<Name, Name>,
    /// Each change of a block, with its time.
    pub(crate) blocks: Vec<(u64, BlockChange<Name>)>,
    pub(crate) ended: Option<(u64, RunOutcome)>,
    /// How many events the disk was too slow for.
    pub(crate) missed: u64,
    /// The time of the last event.
    pub(crate) last: u64,
}

/// How an executor stands.
#[derive(Debug, Default)]
pub(crate) struct ExecutorRecord {
    /// The room of each of its places, by the number of its offer.
    pub(crate) rooms: BTreeMap<u32, Room>,
    /// Why it runs nothing.
    pub(crate) unavailable: Option<Name>,
}

/// What a task needs to run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Needs {
    pub(crate) kind: Kind,
    pub(crate) room: Room,
    /// The nodes of an MPI application; 0 where the call does not say.
    pub(crate) nodes: u32,
}

impl Needs {
    fn of(kind: Kind, more: Option<&More<Name>>) -> Self {
        let cores = more.map_or(0, |more| more.cores);
        let waits = matches!(kind, Kind::AsyncFunction | Kind::Join);
        Self {
            kind,
            room: Room {
                async_bodies: u32::from(waits),
                // As the driver fills it in.
                cores: if waits { cores } else { cores.max(1) },
                memory: more.map_or(0, |more| more.memory),
                gpus: more.map_or(0, |more| more.gpus),
            },
            nodes: more.map_or(0, |more| more.nodes),
        }
    }
}

/// What is known of a task. What an event told that is lost is missing.
#[derive(Debug, Default)]
pub(crate) struct TaskRecord {
    pub(crate) function: Option<Name>,
    pub(crate) name: Option<Name>,
    pub(crate) submitted: Option<u64>,
    /// Where it may run, one bit for each executor.
    pub(crate) executors: u64,
    pub(crate) priority: i32,
    pub(crate) labels: Vec<Name>,
    pub(crate) needs: Needs,
    pub(crate) dependencies: Vec<u64>,
    /// How many futures of other workflows it depends on.
    pub(crate) outside: u32,
    /// Since when its result is looked for in the cache.
    pub(crate) looking: Option<u64>,
    /// When its result was looked for in the cache, and whether it was there.
    pub(crate) looked: Option<(u64, bool)>,
    pub(crate) attempts: Vec<AttemptRecord>,
    pub(crate) arguments: Option<Box<Arguments<Name>>>,
    pub(crate) ended: Option<(u64, Ending<Name>)>,
}

/// What is known of an attempt.
#[derive(Debug, Default)]
pub(crate) struct AttemptRecord {
    pub(crate) attempt: u32,
    pub(crate) executor: Option<u8>,
    pub(crate) offer: Option<u32>,
    pub(crate) started: Option<u64>,
    pub(crate) begun: Option<u64>,
    /// When a worker was lost under it, and how many the task had lost by then.
    pub(crate) losses: Vec<(u64, u32)>,
    /// The nodes of an MPI application, by their numbers.
    pub(crate) nodes: Box<[u32]>,
    pub(crate) stopping: Option<u64>,
    pub(crate) finished: Option<(u64, How<Name>)>,
    pub(crate) account: Option<AttemptAccount<Name>>,
    /// When it was to be followed by another, after what pause, and why.
    pub(crate) retrying: Option<(u64, u64, Option<Name>)>,
}

impl RunRecord {
    /// What the events come to.
    pub(crate) fn of(events: Vec<Event<Name>>) -> Self {
        let mut record = Self::default();
        for event in events {
            record.take_in(event);
        }
        record
    }

    fn take_in(&mut self, Event { at, what }: Event<Name>) {
        self.last = self.last.max(at);
        match what {
            What::RunStarted(started) => self.started = Some(*started),
            What::Named { .. } => {}
            What::Submitted {
                task,
                function,
                executors,
                priority,
                kind,
                more,
            } => {
                let task = self.task(task);
                task.function = Some(function);
                task.submitted = Some(at);
                task.executors = executors;
                task.priority = priority;
                task.needs = Needs::of(kind, more.as_deref());
                if let Some(more) = more {
                    task.name = more.name;
                    task.labels = more.labels;
                }
            }
            What::Depends { task, on } => self.task(task).dependencies.push(on),
            What::DependsOutside { task } => self.task(task).outside += 1,
            What::Looking { task } => self.task(task).looking = Some(at),
            What::Looked { task, is_there } => self.task(task).looked = Some((at, is_there)),
            What::Started {
                task,
                attempt,
                executor,
                offer,
            } => {
                let attempt = self.attempt(task, attempt);
                attempt.executor = Some(executor);
                attempt.offer = Some(offer);
                attempt.started = Some(at);
            }
            What::Began { task, attempt } => self.attempt(task, attempt).begun = Some(at),
            What::Placed {
                task,
                attempt,
                nodes,
            } => {
                let attempt = self.attempt(task, attempt);
                attempt.begun = attempt.begun.or(Some(at));
                attempt.nodes = nodes;
            }
            What::WorkerLost { task, losses } => {
                if let Some(attempt) = self.task(task).attempts.last_mut() {
                    attempt.losses.push((at, losses));
                }
            }
            What::Arguments { task, arguments } => self.task(task).arguments = Some(arguments),
            What::Stopping { task, attempt } => self.attempt(task, attempt).stopping = Some(at),
            What::Finished { task, attempt, how } => {
                self.attempt(task, attempt).finished = Some((at, how));
            }
            What::Reported {
                task,
                attempt,
                account,
            } => self.attempt(task, attempt).account = Some(*account),
            What::Retrying {
                task,
                attempt,
                pause,
                error,
            } => self.attempt(task, attempt).retrying = Some((at, pause, error)),
            What::Ended { task, ending } => self.task(task).ended = Some((at, ending)),
            What::Block(change) => self.blocks.push((at, *change)),
            What::Room {
                executor,
                offer,
                room,
            } => {
                let rooms = &mut self.executor_mut(executor).rooms;
                match room {
                    Some(room) => rooms.insert(offer, *room),
                    None => rooms.remove(&offer),
                };
            }
            What::Unavailable { executor, reason } => {
                self.executor_mut(executor).unavailable = Some(reason);
            }
            What::Hindered { executor, reason } => {
                match reason {
                    Some(reason) => self.hindered.insert(executor, reason),
                    None => self.hindered.remove(&executor),
                };
            }
            What::Missed { events } => self.missed += events,
            What::RunEnded { outcome } => self.ended = Some((at, outcome)),
        }
    }

    fn executor_mut(&mut self, executor: u8) -> &mut ExecutorRecord {
        self.executors.entry(executor).or_default()
    }

    fn task(&mut self, task: u64) -> &mut TaskRecord {
        self.tasks.entry(task).or_default()
    }

    fn attempt(&mut self, task: u64, attempt: u32) -> &mut AttemptRecord {
        let attempts = &mut self.task(task).attempts;
        // Attempts are made one after another, so the one that is meant is the last or a new one.
        let at = match attempts.iter().rposition(|known| known.attempt == attempt) {
            Some(at) => at,
            None => {
                attempts.push(AttemptRecord {
                    attempt,
                    ..AttemptRecord::default()
                });
                attempts.len() - 1
            }
        };
        &mut attempts[at]
    }

    /// The name of an executor.
    pub(crate) fn executor(&self, number: u8) -> &str {
        let started = self.started.as_ref();
        let executor = started.and_then(|started| started.executors.get(usize::from(number)));
        executor.map_or("(unknown)", |(name, _)| name)
    }

    /// The names of the executors in a set.
    pub(crate) fn executors(&self, set: u64) -> Vec<&str> {
        (0..64)
            .filter(|number| set & (1 << number) != 0)
            .map(|number| self.executor(number))
            .collect()
    }

    /// When the last thing happened that a task waited for before it could start, if all has.
    pub(crate) fn ready(&self, task: &TaskRecord) -> Option<u64> {
        if let Some((_, Ending::DependencyFailed { .. })) = task.ended {
            return None;
        }
        let looked = task.looked.map_or(0, |(at, _)| at);
        let mut ready = task.submitted?.max(looked);
        // What the journal does not know cannot be waited for.
        for other in task.dependencies.iter().filter_map(|on| self.tasks.get(on)) {
            ready = ready.max(other.ended.as_ref()?.0);
        }
        Some(ready)
    }
}

impl TaskRecord {
    /// The name people know it by: its own, else its function's without the path.
    pub(crate) fn shown_name(&self) -> &str {
        let function = || self.short_function();
        self.name.as_deref().unwrap_or_else(function)
    }

    pub(crate) fn short_function(&self) -> &str {
        let function = self.function.as_deref().unwrap_or("(unknown)");
        function.rsplit("::").next().unwrap_or(function)
    }

    /// Its value came from the cache.
    pub(crate) fn is_cached(&self) -> bool {
        let is_there = self.looked.is_some_and(|(_, is_there)| is_there);
        is_there && matches!(self.ended, Some((_, Ending::Succeeded)))
    }

    /// Where it ran last.
    pub(crate) fn executor(&self) -> Option<u8> {
        self.attempts.last()?.executor
    }

    /// The first time it was handed to an executor.
    pub(crate) fn started(&self) -> Option<u64> {
        self.attempts.first()?.started
    }

    pub(crate) fn state(&self) -> TaskState {
        match &self.ended {
            Some((_, Ending::Succeeded)) if self.is_cached() => TaskState::Cached,
            Some((_, Ending::Succeeded)) => TaskState::Succeeded,
            Some((_, Ending::Failed(_) | Ending::TimedOut { .. })) => TaskState::Failed,
            Some((_, Ending::DependencyFailed { .. })) => TaskState::NotRun,
            Some((_, Ending::Cancelled { .. } | Ending::Closed)) => TaskState::Cancelled,
            None if self.attempts.last().is_some_and(AttemptRecord::is_running) => {
                TaskState::Running
            }
            None => TaskState::Waiting,
        }
    }
}

impl AttemptRecord {
    pub(crate) fn is_running(&self) -> bool {
        self.finished.is_none() && self.retrying.is_none()
    }

    /// When its body began, as exactly as is known.
    pub(crate) fn began(&self) -> Option<u64> {
        let told = self.account.as_ref().map(|account| account.begun);
        told.or(self.begun).or(self.started)
    }

    /// How long its body took.
    pub(crate) fn run_time(&self) -> Option<u64> {
        if let Some(account) = &self.account {
            return Some(account.run);
        }
        let (finished, _) = self.finished.as_ref()?;
        Some(finished.saturating_sub(self.began()?))
    }
}

/// Where a task stands at the end of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TaskState {
    Waiting,
    Running,
    Succeeded,
    Cached,
    Failed,
    /// Something it depends on failed.
    NotRun,
    Cancelled,
}

impl TaskState {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Cached => "cached",
            Self::Failed => "failed",
            Self::NotRun => "not run",
            Self::Cancelled => "cancelled",
        }
    }
}
