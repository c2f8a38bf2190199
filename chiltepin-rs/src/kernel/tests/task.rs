//! What a random run remembers of tasks, attempts and offers.

use std::time::Duration;

use chiltepin_executors::{Capacity, Demand, TaskId};

use super::step::{How, Sketch};
use super::*;
use crate::kernel::Ending;

/// An attempt that holds room: `zombie` if its task has ended.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) number: u32,
    pub(super) executor: u8,
    pub(super) offer: u32,
    pub(super) deadline: Option<Instant>,
    pub(super) was_stopped: bool,
    pub(super) zombie: bool,
}

#[derive(Debug)]
pub(super) struct Task {
    pub(super) id: TaskId,
    pub(super) sketch: Sketch,
    /// Earlier tasks, by position.
    pub(super) dependencies: Vec<usize>,
    pub(super) external: u8,
    pub(super) external_failed: bool,
    /// The timeout of its next attempt, if it has any.
    pub(super) timeout: Duration,
    pub(super) attempts: u32,
    pub(super) running: Option<Attempt>,
    pub(super) delayed: bool,
    pub(super) looking: bool,
    pub(super) keeping: bool,
    /// Its result was there.
    pub(super) was_there: bool,
    /// Attempts that were returned, and whether the last one was.
    pub(super) returned: u32,
    pub(super) was_returned: bool,
    /// How often another attempt followed a timeout with a limit of its own, and anything else.
    pub(super) repeated: (u32, u32),
    pub(super) was_cancelled: bool,
    pub(super) had_timeout: bool,
    pub(super) last: Option<How>,
    pub(super) ended: Option<Ending<u32>>,
}

/// An offer, as it was last made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stand {
    pub(super) capacity: Capacity,
    pub(super) until: Option<Instant>,
}

impl Attempt {
    /// Whether nobody has told it to stop.
    pub(super) fn goes_on(&self) -> bool {
        !self.was_stopped && !self.zombie
    }
}

/// The limit that timeouts have of their own.
pub(super) const fn timeouts(retries: u32) -> Limit {
    Limit {
        cause: Cause::Timeout,
        retries,
        used: 0,
    }
}

impl Task {
    /// How often another attempt may follow a timeout with a limit of its own, and anything else.
    pub(super) fn may_repeat(&self) -> (u32, u32) {
        (self.sketch.timeouts.unwrap_or(0), self.sketch.retries)
    }

    pub(super) fn demand(&self) -> Demand {
        Demand {
            async_bodies: u32::from(self.sketch.is_async),
            cores: self.sketch.cores,
            memory: 0,
            gpus: self.sketch.gpus,
        }
    }
}
