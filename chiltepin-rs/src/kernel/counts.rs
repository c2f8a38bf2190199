//! How many tasks stand where.

use super::machine::Kernel;
use super::state::State;

/// How many tasks there are of each stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Those that wait for others.
    pub(crate) waiting: u64,
    /// Those whose result is looked for, or is being kept.
    pub(crate) caching: u64,
    /// Those that wait for room.
    pub(crate) ready: u64,
    /// Those that wait for a label.
    pub(crate) limited: u64,
    /// Those that wait for the time of their next attempt.
    pub(crate) delayed: u64,
    pub(crate) running: u64,
    /// Those that were told to stop.
    pub(crate) stopping: u64,
    /// Those that have ended with a value, ever.
    pub(crate) succeeded: u64,
    /// Those that have ended otherwise, ever.
    pub(crate) failed: u64,
    /// By executor: those that run there, told to stop or not.
    pub(crate) running_on: Vec<u64>,
}

impl<P: Clone, F: Clone> Kernel<P, F> {
    /// Counts all tasks, one by one.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts {
            succeeded: self.succeeded,
            failed: self.ended - self.succeeded,
            ..Counts::default()
        };
        for (_, task) in self.table.iter() {
            let count = match task.state {
                State::Waiting { .. } => &mut counts.waiting,
                State::Looking | State::Keeping => &mut counts.caching,
                State::Ready if self.placement.exhausted(task.shape).is_some() => {
                    &mut counts.limited
                }
                State::Ready => &mut counts.ready,
                State::Delayed { .. } => &mut counts.delayed,
                State::Running { .. } => &mut counts.running,
                State::Stopping { .. } => &mut counts.stopping,
            };
            *count += 1;
            if let State::Running { room, .. } | State::Stopping { room, .. } = task.state {
                let at = usize::from(room.executor.0);
                if at >= counts.running_on.len() {
                    counts.running_on.resize(at + 1, 0);
                }
                counts.running_on[at] += 1;
            }
        }
        counts
    }
}
