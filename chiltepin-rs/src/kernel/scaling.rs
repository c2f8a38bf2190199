//! What more an attempt gets than the one before, which had too little.

use std::time::Duration;

use chiltepin_executors::TaskId;

use super::machine::Kernel;
use super::{Cause, ExecutorId, ExecutorSet, Scaled, Scaling};

impl Scaling {
    /// The timeout after one that was too short.
    fn next_timeout(&self, timeout: Duration) -> Duration {
        let next = Duration::try_from_secs_f64(timeout.as_secs_f64() * self.timeout);
        // One that is longer from the start stays so.
        let longest = self.longest.max(timeout);
        next.unwrap_or(longest).clamp(timeout, longest)
    }

    /// The memory after there was too little, where executors have so much.
    fn next_memory(&self, memory: u64, rooms: &[(ExecutorId, u64)]) -> u64 {
        let largest = rooms.iter().map(|(_, memory)| *memory).max();
        // It saturates, and what a double does not hold exactly nobody can count on.
        let next = (memory as f64 * self.memory) as u64;
        next.clamp(memory, largest.unwrap_or(memory).max(memory))
    }
}

/// Those that have so much memory.
fn with_memory(rooms: &[(ExecutorId, u64)], memory: u64) -> ExecutorSet {
    let mut fitting = ExecutorSet::default();
    for (executor, there) in rooms {
        if *there >= memory {
            fitting.insert(*executor);
        }
    }
    fitting
}

impl Cause {
    /// Whether it was for want of memory.
    const fn is_of_memory(self) -> bool {
        matches!(self, Self::OutOfMemory | Self::WorkerOutOfMemory) || self.is_killed()
    }
}

impl<P: Clone, F: Clone> Kernel<P, F> {
    /// Gives the next attempt of a task, which holds no room now, more of what this one had too
    /// little of; none if it gets what it had.
    pub(super) fn scale(&mut self, id: TaskId, cause: Cause) -> Option<Scaled> {
        let task = self.table.get(id)?;
        let rules = task.rules.as_ref()?;
        let scaling = rules.scaling.as_ref()?;
        let key = &self.placement.shapes.get(task.shape).key;
        let (mut executors, mut demand, mut timeout) = (key.executors, key.demand, rules.timeout);
        if cause == Cause::Timeout {
            timeout = timeout.map(|timeout| scaling.next_timeout(timeout));
        } else if cause.is_of_memory() {
            // Executors know better by now than when it was submitted.
            let rooms = scaling.rooms.iter();
            let rooms = rooms.filter(|(executor, _)| executors.contains(*executor));
            let rooms: Vec<_> = rooms
                .map(|(executor, most)| (*executor, self.placement.memory(*executor).min(*most)))
                .collect();
            demand.memory = scaling.next_memory(demand.memory, &rooms);
            executors = with_memory(&rooms, demand.memory);
        }
        if (demand.memory, timeout) == (key.demand.memory, rules.timeout) {
            return None;
        }
        let labels = key.labels.to_vec();
        let shape = self.placement.enter(executors, demand, labels, timeout);
        // Executors may have turned out smaller than they were when it was submitted.
        if self.placement.fits_nowhere(shape) {
            self.placement.exit(shape);
            return None;
        }
        let task = self.table.get_mut(id)?;
        let former = std::mem::replace(&mut task.shape, shape);
        if let Some(rules) = &mut task.rules {
            rules.timeout = timeout;
        }
        self.placement.exit(former);
        Some(Scaled {
            memory: demand.memory,
            timeout,
        })
    }
}
