use std::time::Instant;

use crate::{AttemptId, Demand, LossRule, LostWorker, TaskKind};

/// A job by its place in the pool's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct JobId(pub(super) u32);

/// A worker by its number; numbers are not used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct WorkerId(pub(super) u32);

/// An attempt that was handed to the pool.
#[derive(Debug)]
pub(super) struct Job<P> {
    pub(super) attempt: AttemptId,
    pub(super) kind: TaskKind,
    pub(super) demand: Demand,
    pub(super) on_loss: LossRule,
    /// Its body can learn that it is to stop, and so is given time to.
    pub(super) heeds_stop: bool,
    /// What the manager keeps of it.
    pub(super) payload: P,
}

/// What the pool needs to count of a job across its attempts.
pub(super) trait Payload: Clone {
    /// Counts a worker that was lost under it, and gives the count.
    fn count_loss(&self) -> u32;

    /// Whether its attempt may take only so long, so that its begin is to be told.
    fn is_timed(&self) -> bool;
}

/// What the manager is told to do.
#[derive(Debug)]
pub(super) enum Command<P> {
    /// Start a worker process.
    Launch { worker: WorkerId, number: u32 },
    /// Send a call to a worker.
    Send {
        worker: WorkerId,
        sequence: u64,
        payload: P,
    },
    /// Ask a worker to give back calls that have not begun.
    Withdraw {
        worker: WorkerId,
        sequences: Vec<u64>,
    },
    /// Tell a worker to stop a call.
    Stop { worker: WorkerId, sequence: u64 },
    /// Have a worker end itself if it runs this very call.
    Kill { worker: WorkerId, sequence: u64 },
    /// Tell a worker to end.
    Close { worker: WorkerId },
    /// Kill a worker's process, whatever it does.
    Destroy { worker: WorkerId },
    /// Execute a command, with these of the node's GPUs.
    Execute { payload: P, gpus: Vec<u32> },
    /// Stop a command.
    Interrupt { attempt: AttemptId },
    /// Begin a command now that was to follow on another.
    Release { attempt: AttemptId },
    /// A job that may take only so long begins.
    Begun { payload: P },
    /// A job has ended otherwise than by its own end.
    Ended { payload: P, end: JobEnd },
    /// How many calls may wait here beyond those that run has changed.
    Ahead,
}

/// How a job ended that did not end by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum JobEnd {
    Stopped,
    Lost(LostWorker),
    /// The pool cannot run anything.
    Unavailable(String),
}

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobState {
    Queued,
    Sent {
        worker: WorkerId,
        sequence: u64,
    },
    /// A command that runs.
    Executing,
    /// A command that begins when this one has ended, in its place.
    Following(JobId),
}

/// How far a job is on its way to be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopping {
    No,
    /// It may not have begun; its worker was asked to give it back. Should it not answer, its
    /// process is killed at this time.
    Asked {
        until: Instant,
    },
    /// It was told, and is killed at this time.
    Told {
        until: Instant,
    },
    /// Its worker was told to end; should it not, its process is killed at this time.
    Killing {
        until: Instant,
    },
}

#[derive(Debug)]
pub(super) struct Entry<P> {
    pub(super) job: Job<P>,
    pub(super) state: JobState,
    pub(super) stopping: Stopping,
    /// Nothing is before it any more where it is.
    pub(super) begun: bool,
    /// Its place among all that have arrived.
    pub(super) order: u64,
    /// What of the node it holds.
    pub(super) charge: Option<Demand>,
    /// The GPUs it holds.
    pub(super) gpus: Vec<u32>,
    /// The command that follows on it.
    pub(super) follower: Option<JobId>,
    /// A command that was given to the node.
    pub(super) is_given: bool,
}
