use std::time::Instant;

use super::offer::Room;
use super::{ExecutorId, ExecutorSet, LabelId};

/// Where a task that has not ended stands, with what belongs to that stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// For `pending` tasks of this kernel and `external` other things.
    Waiting { pending: u32, external: u32 },
    /// For the answer whether its result is there already.
    Looking,
    /// In the queue of its shape, for room and for its labels.
    Ready,
    /// For the time of its next attempt.
    Delayed { until: Instant },
    /// Bound to room; `timed` if a timer watches it.
    Running { room: Room, timed: bool },
    /// Told to stop, and not heard of since.
    Stopping { room: Room, cause: StopCause },
    /// It has run well, and its result is being kept.
    Keeping,
}

/// Why a running attempt was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopCause {
    /// It took longer than it may.
    Timeout,
    /// The user cancelled the task.
    Cancel,
    /// The workflow is being killed.
    Close,
}

/// Where a task stands, as shown to the user: the visible reason why it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// For so many dependencies.
    Waiting { on: u32 },
    /// For the answer whether its result is there already.
    Looking,
    /// For room on one of its executors.
    Ready { executors: ExecutorSet },
    /// For this label: as many of its tasks run as may.
    Limited(LabelId),
    /// For the time of its next attempt.
    Delayed { until: Instant },
    /// Started.
    Running { executor: ExecutorId, attempt: u32 },
    /// Told to stop.
    Stopping { executor: ExecutorId, attempt: u32 },
    /// Its result is being kept.
    Keeping { attempt: u32 },
}
