//! What a run's record comes to in figures. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::event::{Ending, RunOutcome};
use super::hours::{NodeTime, node_times};
use super::record::{AttemptRecord, Name, RunRecord, TaskRecord, TaskState};

/// A run in figures; times in microseconds.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(crate) id: String,
    pub(crate) state: &'static str,
    pub(crate) program: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) host: String,
    pub(crate) process: u32,
    pub(crate) version: String,
    /// Microseconds since the Unix epoch.
    pub(crate) started: u64,
    pub(crate) duration: u64,
    pub(crate) tasks: Counts,
    /// Attempts that were followed by others.
    pub(crate) retries: u64,
    /// Workers that tasks have lost and that executors made up for.
    pub(crate) lost_workers: u64,
    pub(crate) missed_events: u64,
    pub(crate) functions: Vec<Part>,
    pub(crate) executors: Vec<Part>,
    /// What the nodes of blocks were good for.
    pub(crate) node_times: Vec<NodeTime>,
    pub(crate) failures: Vec<Failures>,
}

/// How many tasks stand where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) submitted: u64,
    pub(crate) waiting: u64,
    pub(crate) running: u64,
    /// Those from the cache are not among them.
    pub(crate) succeeded: u64,
    pub(crate) cached: u64,
    pub(crate) failed: u64,
    pub(crate) not_run: u64,
    pub(crate) cancelled: u64,
}

/// The tasks of one function, or of one executor.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) tasks: Counts,
    /// Attempts beyond the first of each task.
    pub(crate) retries: u64,
    /// From ready to started.
    pub(crate) queue: Option<Percentiles>,
    /// Of the body, of each attempt.
    pub(crate) run: Option<Percentiles>,
    /// Processor time in relation to run time, where the executor accounts for it.
    pub(crate) cpu_efficiency: Option<f64>,
    /// In bytes.
    pub(crate) peak_memory: Option<u64>,
}

/// Of times, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) median: u64,
    pub(crate) ninety: u64,
    pub(crate) longest: u64,
    pub(crate) total: u64,
}

/// Tasks that failed alike.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Failures {
    pub(crate) function: String,
    pub(crate) kind: String,
    /// Its first line.
    pub(crate) message: String,
    /// File and line, else the executor.
    pub(crate) place: Option<String>,
    pub(crate) count: u64,
    /// The numbers of the first few.
    pub(crate) tasks: Vec<u64>,
}

/// So many tasks stand for all that failed alike.
const EXAMPLES: usize = 5;

impl Counts {
    fn add(&mut self, state: TaskState) {
        self.submitted += 1;
        *match state {
            TaskState::Waiting => &mut self.waiting,
            TaskState::Running => &mut self.running,
            TaskState::Succeeded => &mut self.succeeded,
            TaskState::Cached => &mut self.cached,
            TaskState::Failed => &mut self.failed,
            TaskState::NotRun => &mut self.not_run,
            TaskState::Cancelled => &mut self.cancelled,
        } += 1;
    }
}

/// What is gathered for a [`Part`].
#[derive(Default)]
struct Gathered {
    tasks: Counts,
    retries: u64,
    lost_workers: u64,
    queue: Vec<u64>,
    run: Vec<u64>,
    accounted: u64,
    processor: u64,
    peak_memory: Option<u64>,
}

impl Gathered {
    fn add_task(&mut self, record: &RunRecord, task: &TaskRecord) {
        self.tasks.add(task.state());
        if let (Some(ready), Some(started)) = (record.ready(task), task.started()) {
            self.queue.push(started.saturating_sub(ready));
        }
    }

    fn add_attempt(&mut self, attempt: &AttemptRecord) {
        self.retries += u64::from(attempt.retrying.is_some());
        self.lost_workers += attempt.losses.len() as u64;
        self.run.extend(attempt.run_time());
        if let Some(account) = &attempt.account {
            let processor = account.user.saturating_add(account.system);
            self.accounted = self.accounted.saturating_add(account.run);
            self.processor = self.processor.saturating_add(processor);
            self.peak_memory = self.peak_memory.max(account.peak_memory);
        }
    }

    fn part(self, name: &str) -> Part {
        let efficiency = self.processor as f64 / self.accounted as f64;
        Part {
            name: name.to_owned(),
            tasks: self.tasks,
            retries: self.retries,
            queue: Percentiles::of(self.queue),
            run: Percentiles::of(self.run),
            cpu_efficiency: (self.accounted > 0).then_some(efficiency),
            peak_memory: self.peak_memory,
        }
    }
}

impl Percentiles {
    fn of(mut times: Vec<u64>) -> Option<Self> {
        times.sort_unstable();
        let longest = *times.last()?;
        // The smallest time that so many percent do not exceed.
        let nth = |percent: usize| times[(times.len() * percent).div_ceil(100).max(1) - 1];
        Some(Self {
            median: nth(50),
            ninety: nth(90),
            longest,
            total: times.iter().fold(0, |sum, time| sum.saturating_add(*time)),
        })
    }
}

/// How a run stands: `running` if it writes its record still.
pub(crate) fn state(record: &RunRecord, is_open: bool) -> &'static str {
    match record.ended {
        _ if is_open => "running",
        None => "killed",
        Some((_, RunOutcome::Closed)) => "ended",
        Some((_, RunOutcome::Cancelled)) => {
            let mut tasks = record.tasks.values();
            // A workflow that is dropped with nothing to do had nothing cancelled.
            let lost = |task: &TaskRecord| {
                matches!(
                    task.state(),
                    TaskState::Cancelled | TaskState::Waiting | TaskState::Running
                )
            };
            if tasks.any(lost) {
                "cancelled"
            } else {
                "ended"
            }
        }
    }
}

/// How many tasks stand where.
pub(crate) fn counts(record: &RunRecord) -> Counts {
    let mut counts = Counts::default();
    for task in record.tasks.values() {
        counts.add(task.state());
    }
    counts
}

/// The figures of a run.
pub(crate) fn summary(record: &RunRecord, is_open: bool) -> Summary {
    let mut functions: BTreeMap<&str, Gathered> = BTreeMap::new();
    let mut executors: BTreeMap<u8, Gathered> = BTreeMap::new();
    for task in record.tasks.values() {
        let function = task.function.as_deref().unwrap_or("(unknown)");
        let gathered = functions.entry(function).or_default();
        gathered.add_task(record, task);
        for attempt in &task.attempts {
            gathered.add_attempt(attempt);
        }
        // A task counts for where it ran last, what its attempts took for where they ran.
        if let Some(executor) = task.executor() {
            executors
                .entry(executor)
                .or_default()
                .add_task(record, task);
        }
        for attempt in &task.attempts {
            if let Some(executor) = attempt.executor {
                executors.entry(executor).or_default().add_attempt(attempt);
            }
        }
    }
    let retries = functions.values().map(|gathered| gathered.retries).sum();
    let lost_workers = functions.values().map(|gathered| gathered.lost_workers);
    let lost_workers = lost_workers.sum();
    let started = record.started.clone().unwrap_or_default();
    Summary {
        id: started.id,
        state: state(record, is_open),
        program: started.program,
        arguments: started.arguments,
        host: started.host,
        process: started.process,
        version: started.version,
        started: started.unix_time,
        duration: record.last,
        tasks: counts(record),
        retries,
        lost_workers,
        missed_events: record.missed,
        functions: functions
            .into_iter()
            .map(|(name, gathered)| gathered.part(name))
            .collect(),
        executors: executors
            .into_iter()
            .map(|(number, gathered)| gathered.part(record.executor(number)))
            .collect(),
        node_times: node_times(record),
        failures: failures(record),
    }
}

/// What failed, alike with alike, the most frequent first.
fn failures(record: &RunRecord) -> Vec<Failures> {
    let mut groups: BTreeMap<(String, String, String, Option<String>), Vec<u64>> = BTreeMap::new();
    for (number, task) in &record.tasks {
        let Some((kind, message, place)) = failure(task) else {
            continue;
        };
        let line = message.lines().next().unwrap_or_default().to_owned();
        let executor = || Some(record.executor(task.executor()?).to_owned());
        let place = place.map(|place| place.to_string()).or_else(executor);
        let function = task.short_function().to_owned();
        let group = (function, kind.to_string(), line, place);
        groups.entry(group).or_default().push(*number);
    }
    let mut failures: Vec<_> = groups
        .into_iter()
        .map(|((function, kind, message, place), tasks)| Failures {
            function,
            kind,
            message,
            place,
            count: tasks.len() as u64,
            tasks: tasks.into_iter().take(EXAMPLES).collect(),
        })
        .collect();
    failures.sort_by_key(|failures| std::cmp::Reverse(failures.count));
    failures
}

fn failure(task: &TaskRecord) -> Option<(Name, Name, Option<Name>)> {
    match &task.ended.as_ref()?.1 {
        Ending::Failed(trouble) => Some((
            Name::clone(&trouble.kind),
            Name::clone(&trouble.message),
            trouble.place.clone(),
        )),
        Ending::TimedOut { .. } => Some((
            "timed out".into(),
            "took longer than its timeout".into(),
            None,
        )),
        _ => None,
    }
}
