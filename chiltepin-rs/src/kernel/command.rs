use std::time::Instant;

use chiltepin_executors::{AttemptId, TaskId};

use super::{ExecutorId, ExecutorSet, Scaled};

/// What the driver is told to do, after unlocking.
#[derive(Debug)]
pub(crate) enum Command<P, F> {
    /// Look whether the result of this task is there already, and answer with `Looked`.
    Look { id: TaskId, payload: P },
    /// Keep the result of the attempt that was just reported, and answer with `Kept`.
    Keep { attempt: AttemptId, payload: P },
    /// Hand this attempt to that executor, which offered room for it.
    Start {
        attempt: AttemptId,
        executor: ExecutorId,
        payload: P,
        deadline: Option<Instant>,
        /// No further attempt will be made.
        last: bool,
        /// The number of the offer whose room it is bound to.
        offer: u32,
    },
    /// Stop this attempt. May be performed before the start it follows.
    Stop {
        attempt: AttemptId,
        executor: ExecutorId,
        payload: P,
    },
    /// A failed attempt will be repeated at `at`, with what is `scaled`, if that is other than
    /// before.
    Retrying {
        attempt: AttemptId,
        payload: P,
        at: Instant,
        scaled: Option<Scaled>,
        failure: Option<F>,
    },
    /// The task has ended, once and for all. `attempt` and `executor` tell where it ran last.
    Ended {
        id: TaskId,
        attempt: u32,
        executor: Option<ExecutorId>,
        payload: P,
        ending: Ending<F>,
    },
    /// What waits for room on an executor that hears of it is something else by now; how much it
    /// is, `Kernel::wanted` tells.
    Wanted { executor: ExecutorId },
    /// No task is left, and none will come.
    Drained,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending<F> {
    /// With the value of its last attempt.
    Succeeded,
    /// With the failure of its last attempt.
    Failed(F),
    /// Not run: something it waited for, directly or not, ended badly.
    DependencyFailed(Root<F>),
    /// An attempt took longer than it may; `abandoned` if its body still runs.
    TimedOut { abandoned: bool },
    /// The user cancelled it; `abandoned` if its body still runs.
    Cancelled { abandoned: bool },
    /// Not run: none of these executors, on which it could have run, has room for it any more.
    FitsNowhere { executors: ExecutorSet },
    /// The workflow was closed before it ended.
    Closed,
}

/// The failure at the root of a task that was not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Root<F> {
    /// This task, whose `Ended` stands earlier among the same commands.
    Task(TaskId),
    /// A failure the kernel was given with the dependency.
    Failure(F),
}
