//! Which worker is the one for a job.

use super::job::Payload;
use super::state::State;
use super::worker::Worker;

impl<P: Payload> State<P> {
    /// A worker with a free slot: the one that was busy last, so that others can be given back.
    pub(super) fn worker_with_slot(&self, gpus: Option<u32>) -> Option<usize> {
        let threads = self.settings.threads_per_worker as usize;
        let has_slot = |at: usize| {
            let worker = &self.workers[at].1;
            worker.is_ready()
                && worker.calls.len() < threads
                && gpus.is_none_or(|count| self.gpus_of(worker.number, count).is_some())
        };
        if self.cursor < self.workers.len() && has_slot(self.cursor) {
            return Some(self.cursor);
        }
        (0..self.workers.len())
            .filter(|at| has_slot(*at))
            .max_by_key(|at| self.workers[*at].1.last_progress)
    }

    /// A busy worker that may be sent a call ahead.
    pub(super) fn worker_to_fill(&self) -> Option<usize> {
        let threads = self.settings.threads_per_worker;
        // Few calls are shared evenly; many fill up one worker after the other.
        let waiting = self.light.len() + self.sent_ahead as usize;
        let even = waiting.div_ceil(self.ready.max(1)).max(1);
        let most = threads as usize * self.ahead.level() as usize;
        let has_room = |worker: &Worker| {
            let ahead = worker.calls.len().saturating_sub(threads as usize);
            worker.is_ready()
                && worker.calls.len() >= threads as usize
                && !worker.withdrawing
                && ahead < most.min(even)
        };
        let count = self.workers.len();
        (0..count)
            .map(|step| (self.cursor + step) % count)
            .find(|at| has_room(&self.workers[*at].1))
    }

    /// The worker for an async body: that with the fewest.
    pub(super) fn worker_for_body(&self) -> Option<usize> {
        let most = self.settings.max_async as usize;
        (0..self.workers.len())
            .filter(|at| {
                let worker = &self.workers[*at].1;
                worker.is_ready() && worker.bodies.len() < most
            })
            .min_by_key(|at| self.workers[*at].1.bodies.len())
    }

    /// The GPUs that a call takes which asks for so many, on the worker of this number; none if
    /// they are not free.
    pub(super) fn gpus_of(&self, number: u32, count: u32) -> Option<Vec<u32>> {
        let per_worker = self.settings.gpus_per_worker;
        if per_worker == 0 {
            // Every worker sees all of them; they are only counted.
            let free = (0..).zip(&self.free_gpus);
            let gpus: Vec<u32> = free
                .filter_map(|(gpu, free)| free.then_some(gpu))
                .take(count as usize)
                .collect();
            return (gpus.len() == count as usize).then_some(gpus);
        }
        // A worker's process sees its own GPUs, so a call that uses some has them all.
        let first = number * per_worker;
        let own = first..first + per_worker;
        let are_free = own
            .clone()
            .all(|gpu| self.free_gpus.get(gpu as usize) == Some(&true));
        are_free.then(|| own.collect())
    }
}
