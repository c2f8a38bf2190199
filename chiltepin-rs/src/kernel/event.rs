use std::time::{Duration, Instant};

use chiltepin_executors::{AttemptId, Capacity, Demand, TaskId};

/// An executor of the workflow, by its place in the configuration; below 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ExecutorId(pub(crate) u8);

/// The executors a task may run on, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ExecutorSet(pub(crate) u64);

/// A label whose tasks may only run so many at a time, by its place in the kernel's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LabelId(pub(crate) u16);

/// What the kernel is told.
#[derive(Debug)]
pub(crate) enum Event<'a, P, F> {
    /// A call was submitted; `id` came from `Kernel::place` under the same lock.
    Submitted {
        id: TaskId,
        submission: Submission<'a, P, F>,
    },
    /// One of the submission's external dependencies, as a future of another workflow, is there;
    /// an error fails the task.
    DependencyMet { id: TaskId, result: Result<(), F> },
    /// An executor has room; `offer` numbers it within the executor. Made again under the same
    /// number, it says anew how much there is in all: what runs there is part of it.
    Offered {
        executor: ExecutorId,
        offer: u32,
        capacity: Capacity,
        /// When the room goes away, where the executor has offers that end: an attempt whose
        /// timeout may end later is not bound to it.
        until: Option<Instant>,
    },
    /// From now on no room of an executor is larger than this, or there is none ever again. What
    /// fits on none of its executors any more ends, unless it runs.
    Bounded {
        executor: ExecutorId,
        largest: Option<Capacity>,
    },
    /// Room is gone; the attempts bound to it still report `Finished`.
    Withdrawn { executor: ExecutorId, offer: u32 },
    /// An attempt begins, on an executor that tells so; its time counts from here. One that is not
    /// running, or whose time counts already, is ignored.
    Begun { attempt: AttemptId },
    /// An attempt has ended. One that is not running, or no longer, is ignored.
    Finished {
        attempt: AttemptId,
        finish: Finish<F>,
    },
    /// The answer to `Look`: whether the result is there, and need not be worked out. One that was
    /// not asked for is ignored.
    Looked { id: TaskId, is_there: bool },
    /// The answer to `Keep`: the result is kept, or it is known that it cannot be. One that was not
    /// asked for is ignored.
    Kept { id: TaskId },
    /// The user cancels a task. One that has ended is left alone.
    Cancelled { id: TaskId },
    /// Time has passed: `Kernel::next_wake` has come.
    Woken,
    /// No more calls from outside; what is there runs to its end, and joins may submit.
    Draining,
    /// What has not started ends as closed; what runs goes on.
    Closing,
    /// Everything ends as closed; what runs is stopped.
    Killing,
    /// What was killed and has not ended is given up; nobody will report it any more.
    Abandoning,
}

/// How an attempt ended.
#[derive(Debug)]
pub(crate) enum Finish<F> {
    /// With a value, which the driver holds.
    Succeeded,
    /// With a failure, for a cause; none if every attempt would meet it.
    Failed { failure: F, cause: Option<Cause> },
    /// Because it was told to stop.
    Stopped,
    /// Not at all: where it ran is gone. Another attempt follows, which does not count as a retry.
    Returned,
    /// It was told to stop and cannot be: the task ends, its room stays taken until the attempt
    /// is reported once more.
    Abandoned,
}

/// A call as the kernel needs to know it.
#[derive(Debug)]
pub(crate) struct Submission<'a, P, F> {
    /// What the driver keeps of the task.
    pub(crate) payload: P,
    /// Where it may run; not empty.
    pub(crate) executors: ExecutorSet,
    /// What it needs.
    pub(crate) demand: Demand,
    /// Higher goes first.
    pub(crate) priority: i32,
    /// Submitted by a join of this workflow, so taken while draining.
    pub(crate) inside: bool,
    /// What it waits for, as it stands under the lock; met ones are left out.
    pub(crate) dependencies: &'a [Dependency<F>],
    /// What is seldom set.
    pub(crate) rules: Option<Box<Rules>>,
}

/// One thing a task waits for, as it stands at submit.
#[derive(Clone, Debug)]
pub(crate) enum Dependency<F> {
    /// A task of this kernel that has not ended.
    Pending(TaskId),
    /// Something else, reported by `Event::DependencyMet`.
    External,
    /// It has failed already, for this root cause.
    Failed(F),
}

/// The rules of a task that has any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    /// The limits that apply to it, all of them; one the kernel does not know limits nothing.
    pub(crate) labels: Vec<LabelId>,
    /// How long an attempt may take.
    pub(crate) timeout: Option<Duration>,
    /// Whether and when a failed attempt is repeated.
    pub(crate) retry: Retry,
    /// What more the next attempt gets, where that may be any.
    pub(crate) scaling: Option<Scaling>,
    /// Its result is looked for before it runs, and kept before it ends.
    pub(crate) is_cached: bool,
}

/// Repetition after failure: exponential back-off with jitter, as data.
///
/// The pause before the attempt after `attempt` is
/// `min(base · 2^(attempt-1), longest) · (1 - jitter · u)`, with `u` in 0..1 drawn from `seed`,
/// the task's number and the attempt, so that the same inputs give the same pause.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Retry {
    /// How many attempts may follow those that failed for causes without a limit of their own.
    pub(crate) retries: u32,
    /// How many of them did.
    pub(crate) used: u32,
    /// The causes that have a limit of their own, each once.
    pub(crate) limits: Vec<Limit>,
    /// The pause after the first failure.
    pub(crate) base: Duration,
    /// The longest pause.
    pub(crate) longest: Duration,
    /// How much of the pause is random, 0 to 1.
    pub(crate) jitter: f64,
    /// Where the randomness comes from.
    pub(crate) seed: u64,
}

impl Eq for Retry {}

impl Default for Retry {
    fn default() -> Self {
        Self {
            retries: 0,
            used: 0,
            limits: Vec::new(),
            base: Duration::from_millis(100),
            longest: Duration::from_secs(60),
            jitter: 0.5,
            seed: 0,
        }
    }
}

/// How often attempts may follow those that failed for one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) cause: Cause,
    pub(crate) retries: u32,
    /// How many of them did.
    pub(crate) used: u32,
}

/// Why an attempt failed, as far as it decides whether another one follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// What it runs says so itself.
    Error,
    Panic,
    Timeout,
    /// A command ended with this code, which is an error where the code has no limit of its own.
    ExitCode(i32),
    /// A command was killed, in all likelihood because it took more memory than there was; an error
    /// where that has no limit of its own.
    OutOfMemory,
    /// What it ran on is lost. It is repeated only where that has a limit of its own: an executor
    /// repeats it too, and this comes after.
    Lost,
    /// Its worker is lost, which counts as that.
    WorkerLost,
    /// Its worker was killed, in all likelihood because it took more memory than there was; lost
    /// where that has no limit of its own.
    WorkerOutOfMemory,
    /// The system did not give what it needs.
    System,
}

/// What more an attempt gets than one that had too little.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scaling {
    /// By how much the timeout grows after one that was too short; at least 1.
    pub(crate) timeout: f64,
    /// No timeout grows beyond this.
    pub(crate) longest: Duration,
    /// By how much the memory grows after there was too little; at least 1.
    pub(crate) memory: f64,
    /// The most memory that its executors have for one task; it grows up to the largest of these.
    pub(crate) rooms: Vec<(ExecutorId, u64)>,
}

impl Eq for Scaling {}

/// What the next attempt gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scaled {
    pub(crate) memory: u64,
    pub(crate) timeout: Option<Duration>,
}
