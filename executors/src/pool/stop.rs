//! Stopping jobs: those that wait leave, those that run are told, and killed if they do not heed.

use std::time::{Duration, Instant};

use super::job::{Command, JobEnd, JobId, JobState, Payload, Stopping, WorkerId};
use super::state::State;
use super::worker::Phase;
use crate::{AttemptId, TaskKind};

/// A worker that was told to end itself and has not after this long is killed from outside: it may
/// be stopped, or have no time to listen.
const OBEYS_WITHIN: Duration = Duration::from_millis(500);

/// A worker that was asked for a call back answers within a few milliseconds, whatever it runs.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

impl<P: Payload> State<P> {
    /// Stops an attempt; one that is not here has ended.
    pub(super) fn stop(
        &mut self,
        attempt: AttemptId,
        now: Instant,
        commands: &mut Vec<Command<P>>,
    ) {
        let hurry = self.hurried;
        let Some(id) = self.find(attempt) else { return };
        let Some(entry) = self.entry(id) else { return };
        let is_told = entry.stopping != Stopping::No;
        match entry.state {
            JobState::Queued => {
                if let Some(queue) = self.queue_of(id) {
                    queue.retain(|queued| *queued != id);
                }
                if let Some(entry) = self.remove(id) {
                    commands.push(Command::Ended {
                        payload: entry.job.payload,
                        end: JobEnd::Stopped,
                    });
                }
            }
            JobState::Executing | JobState::Following(_) => {
                // How long it may take, and what is done then, is known where it runs.
                if !is_told && let Some(entry) = self.entry_mut(id) {
                    entry.stopping = Stopping::Asked { until: now };
                    commands.push(Command::Interrupt { attempt });
                }
            }
            JobState::Sent { .. } if is_told && !hurry => {}
            JobState::Sent { worker, sequence } => {
                let Some(at) = self.position(worker) else {
                    return;
                };
                let threads = self.settings.threads_per_worker as usize;
                let has_begun = self.workers[at]
                    .1
                    .calls
                    .iter()
                    .position(|sent| sent.sequence == sequence)
                    .is_none_or(|place| place < threads);
                if has_begun {
                    self.stop_sent(id, hurry, now, commands);
                    return;
                }
                let until = now + ANSWERS_WITHIN;
                if let Some(entry) = self.entry_mut(id) {
                    entry.stopping = Stopping::Asked { until };
                }
                self.wake_at(until);
                // Another withdrawal may be under way, and its answer comes first.
                commands.push(Command::Withdraw {
                    worker,
                    sequences: vec![sequence],
                });
            }
        }
    }

    /// Tells a call's worker to stop it.
    fn stop_sent(&mut self, id: JobId, hurry: bool, now: Instant, commands: &mut Vec<Command<P>>) {
        let grace = self.settings.kill_grace;
        let Some(entry) = self.entry_mut(id) else {
            return;
        };
        let JobState::Sent { worker, sequence } = entry.state else {
            return;
        };
        let may_heed = entry.job.heeds_stop || entry.job.kind != TaskKind::Function;
        let until = if may_heed && !hurry {
            let until = now.checked_add(grace).unwrap_or(now + OBEYS_WITHIN);
            entry.stopping = Stopping::Told { until };
            commands.push(Command::Stop { worker, sequence });
            until
        } else {
            let until = now + OBEYS_WITHIN;
            entry.stopping = Stopping::Killing { until };
            commands.push(Command::Kill { worker, sequence });
            until
        };
        self.wake_at(until);
    }

    /// Stops the calls of a worker that were to be taken back and turned out to have begun.
    pub(super) fn stop_begun(&mut self, at: usize, now: Instant, commands: &mut Vec<Command<P>>) {
        let asked: Vec<JobId> = self.workers[at]
            .1
            .calls
            .iter()
            .map(|sent| sent.job)
            .filter(|job| {
                self.entry(*job)
                    .is_some_and(|entry| matches!(entry.stopping, Stopping::Asked { .. }))
            })
            .collect();
        for job in asked {
            self.stop_sent(job, self.hurried, now, commands);
        }
    }

    /// Kills what was told to stop and has had its time.
    pub(super) fn kill_overdue(&mut self, now: Instant, commands: &mut Vec<Command<P>>) {
        let stopping: Vec<_> = self
            .jobs()
            .filter_map(|(id, entry)| match (entry.stopping, entry.state) {
                (Stopping::Told { until }, JobState::Sent { .. }) => Some((id, until, false)),
                (
                    Stopping::Asked { until } | Stopping::Killing { until },
                    JobState::Sent { .. },
                ) => Some((id, until, true)),
                _ => None,
            })
            .collect();
        for (id, until, was_killed) in stopping {
            if now < until {
                self.wake_at(until);
                continue;
            }
            let Some(entry) = self.entry_mut(id) else {
                continue;
            };
            let JobState::Sent { worker, sequence } = entry.state else {
                continue;
            };
            let again = now + OBEYS_WITHIN;
            entry.stopping = Stopping::Killing { until: again };
            commands.push(if was_killed {
                self.give_up_on(worker, now);
                Command::Destroy { worker }
            } else {
                Command::Kill { worker, sequence }
            });
            self.wake_at(again);
        }
    }

    /// Sends nothing more to a worker that is about to be destroyed.
    fn give_up_on(&mut self, worker: WorkerId, now: Instant) {
        if let Some(at) = self.position(worker)
            && self.workers[at].1.is_ready()
        {
            self.ready -= 1;
            self.workers[at].1.phase = Phase::Closing { since: now };
        }
    }

    /// Lets nothing that was told to stop have its time any more.
    pub(super) fn hurry(&mut self, now: Instant, commands: &mut Vec<Command<P>>) {
        self.hurried = true;
        let told: Vec<_> = self
            .jobs()
            .filter(|(_, entry)| matches!(entry.stopping, Stopping::Told { .. }))
            .map(|(id, _)| id)
            .collect();
        for id in told {
            self.stop_sent(id, true, now, commands);
        }
    }
}
