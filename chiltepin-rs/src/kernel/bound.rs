//! What executors will ever have room for.

use chiltepin_executors::{Capacity, Demand};

use super::{ExecutorId, ExecutorSet};

/// The room for nothing.
const NOTHING: Capacity = Capacity {
    async_bodies: 0,
    cores: 0,
    memory: 0,
    gpus: 0,
};

/// The largest room that each executor will ever have; without bound until it says so.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    largest: Vec<Capacity>,
    /// Those that will run nothing any more.
    broken: ExecutorSet,
}

impl Bounds {
    /// Whether none has said anything.
    pub(super) const fn is_unknown(&self) -> bool {
        self.largest.is_empty()
    }

    /// Sets a bound; none for an executor that will run nothing any more, which is for good.
    pub(super) fn set(&mut self, executor: ExecutorId, largest: Option<Capacity>) {
        let at = usize::from(executor.0);
        if at >= self.largest.len() {
            self.largest.resize(at + 1, Capacity::UNBOUNDED);
        }
        if largest.is_none() {
            self.broken.0 |= 1 << executor.0;
        }
        self.largest[at] = largest.unwrap_or(NOTHING);
    }

    /// The most memory that one place of an executor will ever have, once it has said so.
    pub(super) fn memory(&self, executor: ExecutorId) -> Option<u64> {
        let largest = self.largest.get(usize::from(executor.0))?;
        (*largest != Capacity::UNBOUNDED).then_some(largest.memory)
    }

    pub(super) const fn is_broken(&self, executor: ExecutorId) -> bool {
        self.broken.0 & (1 << executor.0) != 0
    }

    /// Which of these executors may ever have room for this.
    pub(super) fn fitting(&self, executors: ExecutorSet, demand: &Demand) -> ExecutorSet {
        let mut fitting = ExecutorSet::default();
        for executor in executors.iter() {
            if self.fits(executor, demand) {
                fitting.insert(executor);
            }
        }
        fitting
    }

    fn fits(&self, executor: ExecutorId, demand: &Demand) -> bool {
        let largest = self.largest.get(usize::from(executor.0));
        !self.is_broken(executor) && largest.is_none_or(|largest| largest.fits(demand))
    }
}
