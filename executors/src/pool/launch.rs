//! When workers are started, and what becomes of them until they are ready.

use std::time::Instant;

use super::job::{Command, Payload, WorkerId};
use super::state::State;
use super::worker::{Phase, Worker};

/// Async bodies for which one worker is enough.
const BODIES_PER_WORKER: usize = 32;

impl<P: Payload> State<P> {
    /// Starts workers for the calls that have none.
    pub(super) fn launch(&mut self, now: Instant, commands: &mut Vec<Command<P>>) {
        while !self.closing && self.broken.is_none() && self.wants_worker() {
            let (worker, number) = self.new_worker(now);
            commands.push(Command::Launch { worker, number });
        }
    }

    /// Whether there are more calls than the slots there are and will soon be, and cores for
    /// another worker.
    fn wants_worker(&self) -> bool {
        let (calls, bodies) = (
            self.waiting_calls + self.sent_ahead as usize,
            self.waiting_bodies,
        );
        let least = self.settings.min_workers.min(self.settings.max_workers) as usize;
        if calls == 0 && bodies == 0 && self.workers.len() >= least {
            return false;
        }
        let starting = self.starting() as usize;
        // One that is about to end still has its number, and the GPUs and cores that go with it.
        let there = self.workers.len();
        if there >= self.settings.max_workers as usize {
            return false;
        }
        if starting + self.ready < least {
            return true;
        }
        let soon = starting * self.settings.threads_per_worker as usize;
        let cores = (soon + 1) * self.settings.share() as usize;
        starting + self.ready == 0
            || (calls > soon && self.free.cores as usize >= cores)
            || bodies > (starting + 1) * BODIES_PER_WORKER
            || bodies > starting * self.settings.max_async as usize
    }

    /// Starts the workers that are to be there from the start.
    pub(super) fn begin(&mut self, now: Instant, commands: &mut Vec<Command<P>>) {
        let settings = &self.settings;
        let count = settings
            .init_workers
            .max(settings.min_workers)
            .min(settings.max_workers);
        for _ in 0..count {
            let (worker, number) = self.new_worker(now);
            commands.push(Command::Launch { worker, number });
        }
    }

    /// Workers that have not said hello.
    pub(super) fn starting(&self) -> u32 {
        let is_starting = |worker: &Worker| matches!(worker.phase, Phase::Starting { .. });
        let starting = self
            .workers
            .iter()
            .filter(|(_, worker)| is_starting(worker));
        u32::try_from(starting.count()).unwrap_or(u32::MAX)
    }

    /// A worker's process is started.
    pub(super) fn launched(&mut self, worker: WorkerId, now: Instant) {
        if let Some(at) = self.position(worker)
            && let Phase::Starting { launched } = &mut self.workers[at].1.phase
        {
            *launched = Some(now);
            self.wake_at(now + super::worker::STARTING);
        }
    }

    /// A worker has said hello.
    pub(super) fn connected(
        &mut self,
        worker: WorkerId,
        now: Instant,
        commands: &mut Vec<Command<P>>,
    ) -> bool {
        let Some(at) = self.position(worker) else {
            return false;
        };
        let known = &mut self.workers[at].1;
        if !matches!(known.phase, Phase::Starting { .. }) {
            return false;
        }
        known.phase = Phase::Ready;
        self.ready += 1;
        let known = &mut self.workers[at].1;
        known.last_progress = now;
        self.failed_starts = 0;
        self.note_idle(at, now);
        if self.closing {
            self.release(at, now, commands);
        }
        true
    }
}
