use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::ledger::Ledger;
use crate::ServedCall;

/// A synchronous call that was read and waits to be run.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) sequence: u64,
    pub(super) call: Arc<ServedCall>,
    /// How long it may take from its begin.
    pub(super) time_left: Option<Duration>,
}

impl Job {
    /// Notes that its time begins.
    pub(super) fn begin(&mut self) {
        if let Some(left) = self.time_left
            && let Some(call) = Arc::get_mut(&mut self.call)
        {
            call.attempt.deadline = Instant::now().checked_add(left);
        }
    }
}

/// The synchronous calls that were read and have not begun.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    available: Condvar,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Threads that wait for a call.
    waiting: usize,
}

impl Queue {
    pub(super) fn push(&self, job: Job) {
        let mut state = self.state.lock();
        state.jobs.push_back(job);
        let wakes = state.waiting > 0;
        drop(state);
        if wakes {
            self.available.notify_one();
        }
    }

    /// Begins the next call, if there is one.
    pub(super) fn pick(&self, ledger: &Ledger, slot: usize) -> Option<Job> {
        let mut state = self.state.lock();
        let job = state.jobs.pop_front()?;
        // Within the lock, so that calls are picked in order and none is given back that is.
        ledger.pick(slot, job.sequence);
        Some(job)
    }

    /// Waits for the next call and begins it.
    pub(super) fn wait(&self, ledger: &Ledger, slot: usize) -> Job {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                ledger.pick(slot, job.sequence);
                return job;
            }
            state.waiting += 1;
            self.available.wait(&mut state);
            state.waiting -= 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state.lock().jobs.is_empty()
    }

    /// Takes those of these calls out that have not begun.
    pub(super) fn withdraw(&self, sequences: &[u64]) -> Vec<u64> {
        let mut state = self.state.lock();
        let mut withdrawn = Vec::new();
        state.jobs.retain(|job| {
            let is_asked = sequences.contains(&job.sequence);
            if is_asked {
                withdrawn.push(job.sequence);
            }
            !is_asked
        });
        withdrawn
    }
}
