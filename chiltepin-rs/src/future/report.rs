use std::sync::Arc;
use std::time::{Duration, Instant};

use chiltepin_executors::Report;

/// What an attempt took, and where it ran; see [`AppFuture::report`](crate::AppFuture::report).
///
/// Times are as exact as the system tells them; processor time of short work may be 0.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskReport {
    /// The executor's name in the configuration.
    pub executor: String,
    /// The host name of the node.
    pub node: String,
    /// The worker process, as `compute-3`; none for a command, which runs beside the workers.
    pub worker: Option<String>,
    /// The process id of the worker, or of the command's shell.
    pub process: u32,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// From submit to the begin of the body in this attempt: waiting for other tasks and for room,
    /// and any earlier attempts.
    pub waited: Option<Duration>,
    /// From the start of the body, or of the command, to its end.
    pub run: Duration,
    /// Processor time spent in the program itself: by the thread of the body, or by the command
    /// and all processes it waited for.
    pub user: Duration,
    /// Processor time spent in the operating system on its behalf.
    pub system: Duration,
    /// The most memory held at once, in bytes: by the largest process of a command, or by the worker
    /// process while it ran this task and short ones just before it. None where the task was too
    /// short for that to be looked up.
    pub peak_memory: Option<u64>,
}

/// The account of an attempt, as it is kept with the task.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) executor: Option<Arc<str>>,
    pub(crate) report: Report,
}

impl Account {
    /// As the user sees it; `submitted` is when the task was, where that was looked up.
    pub(crate) fn report(&self, submitted: Option<Instant>) -> TaskReport {
        let report = &self.report;
        TaskReport {
            executor: self.executor.as_deref().unwrap_or_default().to_owned(),
            node: report.node.to_string(),
            worker: report.worker.as_deref().map(ToOwned::to_owned),
            process: report.process,
            attempt: report.attempt,
            waited: submitted.map(|submitted| report.begun.saturating_duration_since(submitted)),
            run: report.usage.run,
            user: report.usage.user,
            system: report.usage.system,
            peak_memory: report.usage.peak_memory,
        }
    }
}
