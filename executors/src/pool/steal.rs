//! Taking calls back from busy workers for idle ones, and giving idle workers back: what the
//! passing of time leads to.

use std::time::{Duration, Instant};

use super::job::{Command, JobEnd, Payload, Stopping, WorkerId};
use super::state::State;
use super::worker::{CLOSING, Phase, STARTING};

/// A worker that has not reported for so long runs something that takes its time; what was sent
/// ahead to it waits in vain.
const STUCK: Duration = Duration::from_millis(1);

impl<P: Payload> State<P> {
    /// Takes calls back for workers that have nothing to do.
    pub(super) fn steal(&mut self, now: Instant, commands: &mut Vec<Command<P>>) {
        let is_room = self.free.fits(&self.slot_demand());
        if self.sent_ahead == 0 || !self.light.is_empty() || !is_room {
            return;
        }
        let threads = self.settings.threads_per_worker;
        let idle = self
            .workers
            .iter()
            .filter(|(_, worker)| worker.is_ready() && worker.calls.len() < threads as usize)
            .count();
        if idle == 0 {
            return;
        }
        let victim = (0..self.workers.len())
            .filter(|at| {
                let worker = &self.workers[*at].1;
                !worker.withdrawing && worker.is_ready() && worker.ahead(threads) > 0
            })
            .max_by_key(|at| self.workers[*at].1.ahead(threads));
        let Some(at) = victim else { return };
        let (id, worker) = &mut self.workers[at];
        let due = worker.last_progress + STUCK;
        if now < due {
            self.wake_at(due);
            return;
        }
        let ahead = worker.ahead(threads);
        let count = (ahead * idle).div_ceil(idle + 1);
        let taken = worker.calls.iter().rev().take(count);
        let mut sequences: Vec<u64> = taken.map(|sent| sent.sequence).collect();
        sequences.reverse();
        worker.withdrawing = true;
        commands.push(Command::Withdraw {
            worker: *id,
            sequences,
        });
    }

    /// A worker gives calls back; of those that it was asked for, the others have begun.
    ///
    /// False if it gives back what it does not have.
    pub(super) fn withdrawn(
        &mut self,
        worker: WorkerId,
        sequences: &[u64],
        now: Instant,
        commands: &mut Vec<Command<P>>,
    ) -> bool {
        let Some(at) = self.position(worker) else {
            return true;
        };
        self.workers[at].1.withdrawing = false;
        // The first of them is to be the first again.
        for &sequence in sequences.iter().rev() {
            let Some((job, true)) = self.workers[at].1.find(sequence) else {
                return false;
            };
            let is_stopping = self
                .entry(job)
                .is_some_and(|entry| entry.stopping != Stopping::No);
            if is_stopping {
                if let Some(entry) = self.take_sent(at, job, sequence) {
                    commands.push(Command::Ended {
                        payload: entry.job.payload,
                        end: JobEnd::Stopped,
                    });
                }
            } else {
                self.requeue(at, job, sequence);
            }
        }
        self.stop_begun(at, now, commands);
        self.note_idle(at, now);
        true
    }

    /// The time has come that `wake` named.
    pub(super) fn woken(&mut self, now: Instant, commands: &mut Vec<Command<P>>) {
        self.wake = None;
        self.kill_overdue(now, commands);
        for at in 0..self.workers.len() {
            let (id, worker) = &self.workers[at];
            let id = *id;
            match worker.phase {
                // What comes before the launch has a time of its own.
                Phase::Starting { launched: None } => {}
                Phase::Starting {
                    launched: Some(launched),
                } => self.destroy_at(id, launched + STARTING, now, commands),
                Phase::Closing { since } => self.destroy_at(id, since + CLOSING, now, commands),
                Phase::Ready => {
                    let idle_since = worker.idle_since;
                    self.release_idle(at, idle_since, now, commands);
                }
            }
        }
        self.steal(now, commands);
    }

    fn destroy_at(
        &mut self,
        worker: WorkerId,
        at: Instant,
        now: Instant,
        commands: &mut Vec<Command<P>>,
    ) {
        if at <= now {
            commands.push(Command::Destroy { worker });
            // Should even that have no effect, it is said again.
            self.wake_at(now + CLOSING);
        } else {
            self.wake_at(at);
        }
    }

    fn release_idle(
        &mut self,
        at: usize,
        idle_since: Option<Instant>,
        now: Instant,
        commands: &mut Vec<Command<P>>,
    ) {
        let end = idle_since.and_then(|since| since.checked_add(self.settings.max_idletime));
        let Some(end) = end else { return };
        if now < end {
            self.wake_at(end);
        } else if self.closing || self.ready > self.settings.min_workers as usize {
            self.release(at, now, commands);
        }
    }
}
