//! What becomes of a worker's calls when its process ends.

use super::job::{Command, Job, JobEnd, JobState, Payload, Stopping, WorkerId};
use super::state::State;
use super::worker::{Phase, Sent};
use crate::{LossRule, LostWorker, ProcessEnd, TaskKind};

/// Workers that may end in a row before they say hello; then it is no accident.
const MAY_FAIL_TO_START: u32 = 3;

/// Workers that may end in a row before they begin anything of what they were sent. Somebody may be
/// killing them, so it takes more to be sure.
const MAY_BE_FRUITLESS: u32 = 10;

/// What a worker has written of itself into its page, which outlives it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Begun {
    /// The sequence number of the last call it has read and passed on to where it is run.
    pub(super) taken: u64,
    /// The sequence number of the last synchronous call it has begun.
    pub(super) picked: u64,
    /// The synchronous calls that were running, by their sequence numbers.
    pub(super) current: Vec<u64>,
}

/// A process that has ended.
#[derive(Clone, Debug)]
pub(super) struct Exit {
    pub(super) end: ProcessEnd,
    /// The last lines of its stderr.
    pub(super) stderr: String,
    pub(super) begun: Begun,
    /// What it said made no sense, so it was given up; what it had ended cannot be told.
    pub(super) misspoke: bool,
}

/// How far a call had come that was with a lost worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    NotBegun,
    /// It was running, so it may be the reason.
    Running,
    /// It had ended, and its result is lost.
    Ended,
}

impl<P: Payload> State<P> {
    /// A worker's process has ended.
    pub(super) fn lost(&mut self, worker: WorkerId, exit: &Exit, commands: &mut Vec<Command<P>>) {
        let Some(at) = self.position(worker) else {
            return;
        };
        let was = self.workers[at].1.phase;
        if was == Phase::Ready {
            self.ready -= 1;
        }
        let sent: Vec<Sent> = self.workers[at].1.calls.drain(..).collect();
        let bodies: Vec<_> = self.workers[at].1.bodies.drain().collect();
        let mut calls: Vec<_> = sent
            .iter()
            .map(|sent| (sent.sequence, sent.job))
            .chain(bodies)
            .collect();
        // Put back from the last to the first, they keep their order.
        calls.sort_unstable_by_key(|(sequence, _)| std::cmp::Reverse(*sequence));
        let name = format!("{}-{}", self.settings.name, self.workers[at].1.number);
        // It was killed for a call that is to stop, and the others have nothing to do with it.
        let is_deliberate = calls.iter().any(|(_, job)| {
            self.entry(*job)
                .is_some_and(|entry| matches!(entry.stopping, Stopping::Killing { .. }))
        });
        let is_fruitless = was == Phase::Ready
            && !is_deliberate
            && !calls.is_empty()
            && (exit.begun.taken, exit.begun.picked) == (0, 0);
        self.workers.remove(at);
        self.cursor = 0;
        for (sequence, job) in calls {
            let Some(mut entry) = self.take_out(job) else {
                continue;
            };
            let progress = match entry.kind() {
                TaskKind::Function if sequence > exit.begun.picked => Progress::NotBegun,
                TaskKind::Function if exit.begun.current.contains(&sequence) => Progress::Running,
                // Its result may be what could not be told.
                TaskKind::Function if exit.misspoke => Progress::Running,
                TaskKind::Function => Progress::Ended,
                _ if sequence > exit.begun.taken => Progress::NotBegun,
                _ => Progress::Running,
            };
            let progress = match progress {
                Progress::Running if is_deliberate => Progress::Ended,
                progress => progress,
            };
            match self.verdict(&mut entry, progress, exit, &name) {
                None => self.arrive_first(entry.job),
                Some(end) => commands.push(Command::Ended {
                    payload: entry.job.payload,
                    end,
                }),
            }
        }
        if matches!(was, Phase::Starting { .. }) && !self.closing {
            self.failed_starts += 1;
        }
        self.fruitless += u32::from(is_fruitless);
        // While others are on their way, they may do better.
        let has_failed =
            self.ready == 0 && self.failed_starts >= MAY_FAIL_TO_START + self.starting();
        if has_failed || self.fruitless >= MAY_BE_FRUITLESS {
            self.give_up(useless(&name, exit), commands);
        }
    }

    /// How a call ends whose worker is lost; none if it is to run again.
    fn verdict(
        &self,
        entry: &mut Taken<P>,
        progress: Progress,
        exit: &Exit,
        worker: &str,
    ) -> Option<JobEnd> {
        if entry.stopping != Stopping::No {
            return Some(JobEnd::Stopped);
        }
        let losses = match progress {
            Progress::NotBegun => return None,
            Progress::Running => entry.job.payload.count_loss(),
            Progress::Ended => 0,
        };
        let repeats = match entry.job.on_loss {
            LossRule::Repeat => losses < self.settings.crash_limit.max(1),
            LossRule::Report => progress == Progress::Ended,
            LossRule::Fail => false,
        };
        if repeats {
            return None;
        }
        let end = match exit.misspoke {
            true => ProcessEnd::GivenUp,
            false => exit.end,
        };
        Some(JobEnd::Lost(LostWorker {
            worker: worker.to_owned(),
            end,
            stderr: exit.stderr.clone(),
            losses: losses.max(1),
        }))
    }

    /// Everything on the node is gone: its workers, and the commands that ran, if it `was_there`.
    pub(super) fn node_lost(
        &mut self,
        was_there: bool,
        begun: impl Fn(WorkerId) -> Begun,
        commands: &mut Vec<Command<P>>,
    ) {
        let workers: Vec<_> = self.workers.iter().map(|(worker, _)| *worker).collect();
        for worker in workers {
            let exit = Exit {
                end: ProcessEnd::Unknown,
                stderr: String::new(),
                begun: begun(worker),
                misspoke: false,
            };
            // That they did not start is no fault of theirs.
            let (failed, fruitless) = (self.failed_starts, self.fruitless);
            (self.failed_starts, self.fruitless) = (0, 0);
            self.lost(worker, &exit, commands);
            (self.failed_starts, self.fruitless) = (failed, fruitless);
        }
        self.unfollowed.clear();
        self.following.clear();
        let exit = Exit {
            end: ProcessEnd::Unknown,
            stderr: String::new(),
            begun: Begun::default(),
            misspoke: false,
        };
        for id in self.at_node() {
            let has_begun = self.entry(id).is_some_and(|entry| {
                entry.state == JobState::Executing && entry.is_given && was_there
            });
            let progress = if has_begun {
                Progress::Running
            } else {
                Progress::NotBegun
            };
            let Some(entry) = self.remove(id) else {
                continue;
            };
            let mut entry = Taken {
                stopping: entry.stopping,
                job: entry.job,
            };
            let name = self.settings.name.clone();
            match self.verdict(&mut entry, progress, &exit, &name) {
                None => self.arrive_first(entry.job),
                Some(end) => commands.push(Command::Ended {
                    payload: entry.job.payload,
                    end,
                }),
            }
        }
    }

    /// Takes a job out of the table that is at no worker any more.
    fn take_out(&mut self, id: super::job::JobId) -> Option<Taken<P>> {
        let entry = self.remove(id)?;
        if entry.charge.is_none() {
            self.sent_ahead = self.sent_ahead.saturating_sub(1);
        }
        Some(Taken {
            stopping: entry.stopping,
            job: entry.job,
        })
    }
}

/// Why a pool is given up whose workers end before they are of use.
fn useless(name: &str, exit: &Exit) -> String {
    let mut reason = format!(
        "its workers end before they can be used; the last, `{name}`, {}",
        exit.end
    );
    if !exit.stderr.trim().is_empty() {
        reason.push_str("; the end of its stderr:");
        for line in exit.stderr.trim_end().lines() {
            reason.push_str("\n    ");
            reason.push_str(line);
        }
    }
    reason
}

/// A job out of the table.
struct Taken<P> {
    job: Job<P>,
    stopping: Stopping,
}

impl<P> Taken<P> {
    fn kind(&self) -> TaskKind {
        self.job.kind
    }
}
