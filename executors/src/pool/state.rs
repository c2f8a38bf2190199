use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::PoolSettings;
use super::ahead::Ahead;
use super::job::{Command, Entry, Job, JobEnd, JobId, JobState, Payload, Stopping, WorkerId};
use super::worker::{Phase, Worker};
use crate::{AttemptId, Capacity, Demand, TaskKind};

/// All jobs and workers of a pool. Pure; told the time.
#[derive(Debug)]
pub(super) struct State<P> {
    pub(super) settings: PoolSettings,
    jobs: Vec<Option<Entry<P>>>,
    vacant: Vec<JobId>,
    /// Calls that fit a slot, in order.
    pub(super) light: VecDeque<JobId>,
    /// Commands of one core, in order.
    pub(super) scripts: VecDeque<JobId>,
    /// Async calls that need a place and no more: nobody else takes those, so they wait for none of
    /// the others.
    pub(super) bodies: VecDeque<JobId>,
    /// Jobs that need more than a slot.
    pub(super) heavy: VecDeque<JobId>,
    /// Commands of one core that run and have no follower.
    pub(super) unfollowed: VecDeque<JobId>,
    /// Commands that follow on others.
    pub(super) following: VecDeque<JobId>,
    /// Light jobs that were started past the first heavy one.
    pub(super) passed: u32,
    /// In order of their ids.
    pub(super) workers: Vec<(WorkerId, Worker)>,
    pub(super) last_worker: u32,
    last_order: u64,
    /// What is free on the node.
    pub(super) free: Capacity,
    /// Which of the node's GPUs are free.
    pub(super) free_gpus: Vec<bool>,
    /// Jobs whose begin is to be told.
    begun: Vec<JobId>,
    pub(super) ahead: Ahead,
    /// Calls sent to workers that they have not begun, as far as is known here.
    pub(super) sent_ahead: u32,
    /// Queued synchronous calls.
    pub(super) waiting_calls: usize,
    /// Queued async calls.
    pub(super) waiting_bodies: usize,
    /// Workers that are ready.
    pub(super) ready: usize,
    /// The worker that is filled up next.
    pub(super) cursor: usize,
    /// Workers in a row that ended before they said hello.
    pub(super) failed_starts: u32,
    /// Workers in a row that ended before they began anything of what they were sent.
    pub(super) fruitless: u32,
    /// Why nothing can be run here.
    pub(super) broken: Option<String>,
    pub(super) closing: bool,
    /// What is told to stop is killed without its time.
    pub(super) hurried: bool,
    /// When to be told the time, if ever.
    pub(super) wake: Option<Instant>,
}

impl<P: Payload> State<P> {
    pub(super) fn new(settings: PoolSettings) -> Self {
        let free = settings.capacity();
        Self {
            settings,
            jobs: Vec::new(),
            vacant: Vec::new(),
            light: VecDeque::new(),
            scripts: VecDeque::new(),
            bodies: VecDeque::new(),
            heavy: VecDeque::new(),
            unfollowed: VecDeque::new(),
            following: VecDeque::new(),
            passed: 0,
            workers: Vec::new(),
            last_worker: 0,
            last_order: 0,
            free,
            free_gpus: vec![true; free.gpus as usize],
            begun: Vec::new(),
            ahead: Ahead::new(),
            sent_ahead: 0,
            waiting_calls: 0,
            waiting_bodies: 0,
            ready: 0,
            cursor: 0,
            failed_starts: 0,
            fruitless: 0,
            broken: None,
            closing: false,
            hurried: false,
            wake: None,
        }
    }

    /// Takes a job.
    pub(super) fn arrive(&mut self, job: Job<P>, commands: &mut Vec<Command<P>>) {
        if let Some(reason) = &self.broken {
            commands.push(Command::Ended {
                end: JobEnd::Unavailable(reason.clone()),
                payload: job.payload,
            });
            return;
        }
        let id = self.add(job);
        if let Some(queue) = self.queue_of(id) {
            queue.push_back(id);
        }
    }

    /// Takes a job that was here before, ahead of all others.
    pub(super) fn arrive_first(&mut self, job: Job<P>) {
        let id = self.add(job);
        if let Some(queue) = self.queue_of(id) {
            queue.push_front(id);
        }
    }

    /// Where a job waits.
    pub(super) fn queue_of(&mut self, id: JobId) -> Option<&mut VecDeque<JobId>> {
        let job = &self.entry(id)?.job;
        Some(if self.is_heavy(job) {
            &mut self.heavy
        } else {
            match job.kind {
                TaskKind::Function => &mut self.light,
                TaskKind::Command => &mut self.scripts,
                TaskKind::AsyncFunction | TaskKind::Join => &mut self.bodies,
            }
        })
    }

    fn add(&mut self, job: Job<P>) -> JobId {
        self.last_order += 1;
        let entry = Entry {
            job,
            state: JobState::Queued,
            stopping: Stopping::No,
            begun: false,
            order: self.last_order,
            charge: None,
            gpus: Vec::new(),
            follower: None,
            is_given: false,
        };
        let id = match self.vacant.pop() {
            Some(id) => {
                self.jobs[id.0 as usize] = Some(entry);
                id
            }
            None => {
                self.jobs.push(Some(entry));
                // The kernel's room bounds the jobs to far fewer.
                JobId(u32::try_from(self.jobs.len() - 1).unwrap_or(u32::MAX))
            }
        };
        self.count_waiting(id, 1);
        id
    }

    /// Counts a queued job that came, or one that goes.
    pub(super) fn count_waiting(&mut self, id: JobId, change: isize) {
        let job = self
            .entry(id)
            .map(|entry| (entry.job.kind, entry.job.demand));
        match job.map(|(kind, demand)| (kind, demand.gpus > 0)) {
            // A body that needs a worker's GPUs needs one that nobody else uses.
            Some((TaskKind::Function, _) | (TaskKind::AsyncFunction, true)) => {
                self.waiting_calls = self.waiting_calls.saturating_add_signed(change);
            }
            Some((TaskKind::AsyncFunction | TaskKind::Join, _)) => {
                self.waiting_bodies = self.waiting_bodies.saturating_add_signed(change);
            }
            Some((TaskKind::Command, _)) | None => {}
        }
    }

    /// Whether a job needs more than a slot, or than a command's one core.
    pub(super) fn is_heavy(&self, job: &Job<P>) -> bool {
        let Demand {
            cores,
            memory,
            gpus,
            ..
        } = job.demand;
        let most = match job.kind {
            TaskKind::Function => self.settings.share(),
            TaskKind::Command => 1,
            TaskKind::AsyncFunction | TaskKind::Join => 0,
        };
        cores > most || memory > 0 || gpus > 0
    }

    /// A call has ended at its worker; none if that worker has no such call.
    pub(super) fn finished(
        &mut self,
        worker: WorkerId,
        sequence: u64,
        run: Duration,
        now: Instant,
        commands: &mut Vec<Command<P>>,
    ) -> Option<Job<P>> {
        let at = self.position(worker)?;
        let (job, is_sync) = self.workers[at].1.find(sequence)?;
        self.cursor = at;
        self.fruitless = 0;
        let worker = &mut self.workers[at].1;
        worker.last_progress = now;
        let entry = self.take_sent(at, job, sequence);
        if is_sync {
            self.learn(run, commands);
        }
        self.note_idle(at, now);
        entry.map(|entry| entry.job)
    }

    fn learn(&mut self, run: Duration, commands: &mut Vec<Command<P>>) {
        if self.ahead.learn(run) {
            commands.push(Command::Ahead);
        }
    }

    /// Notes that a job begins.
    pub(super) fn begins(&mut self, id: JobId) {
        if let Some(entry) = self.entry_mut(id)
            && !std::mem::replace(&mut entry.begun, true)
            && entry.job.payload.is_timed()
        {
            self.begun.push(id);
        }
    }

    /// Tells of the jobs that begin.
    pub(super) fn tell_begun(&mut self, commands: &mut Vec<Command<P>>) {
        for id in std::mem::take(&mut self.begun) {
            // It may have ended since.
            if let Some(entry) = self.entry(id)
                && entry.begun
            {
                commands.push(Command::Begun {
                    payload: entry.job.payload.clone(),
                });
            }
        }
    }

    /// Calls that may be here beside those that run.
    pub(super) fn room_ahead(&self) -> u32 {
        self.settings.slots().saturating_mul(self.ahead.room())
    }

    /// A command has ended.
    pub(super) fn executed(
        &mut self,
        attempt: AttemptId,
        run: Duration,
        commands: &mut Vec<Command<P>>,
    ) -> Option<Job<P>> {
        let id = self.find(attempt)?;
        self.learn(run, commands);
        match self.entry(id)?.state {
            JobState::Executing => self.end_followed(id),
            // One that was stopped before it began.
            JobState::Following(_) => self.unfollow(id),
            JobState::Queued | JobState::Sent { .. } => return None,
        }
        self.remove(id).map(|entry| entry.job)
    }

    /// Begins to end: workers go as soon as they have nothing to do.
    pub(super) fn close(&mut self, now: Instant, commands: &mut Vec<Command<P>>) {
        self.closing = true;
        for at in 0..self.workers.len() {
            self.release(at, now, commands);
        }
    }

    /// Gives a worker back that has nothing to do.
    pub(super) fn release(&mut self, at: usize, now: Instant, commands: &mut Vec<Command<P>>) {
        let (id, worker) = &mut self.workers[at];
        match worker.phase {
            Phase::Ready if worker.is_idle() => {
                self.ready -= 1;
                worker.phase = Phase::Closing { since: now };
                commands.push(Command::Close { worker: *id });
                self.wake_at(now + super::worker::CLOSING);
            }
            Phase::Starting { .. } if self.closing => {
                commands.push(Command::Destroy { worker: *id });
            }
            _ => {}
        }
    }

    /// Whether a worker has just this one call: it had nothing to do before.
    pub(super) fn has_one(&self, worker: WorkerId) -> bool {
        self.position(worker).is_some_and(|at| {
            let worker = &self.workers[at].1;
            worker.calls.len() + worker.bodies.len() == 1
        })
    }

    /// Whether no worker is left.
    pub(super) fn is_empty(&self) -> bool {
        self.workers.is_empty()
    }

    /// Ends every job that has not been sent anywhere, and every one to come.
    pub(super) fn give_up(&mut self, reason: String, commands: &mut Vec<Command<P>>) {
        let queues = [
            &mut self.heavy,
            &mut self.light,
            &mut self.scripts,
            &mut self.bodies,
        ];
        let queued: Vec<_> = queues.into_iter().flat_map(std::mem::take).collect();
        for id in queued {
            if let Some(entry) = self.remove(id) {
                commands.push(Command::Ended {
                    payload: entry.job.payload,
                    end: JobEnd::Unavailable(reason.clone()),
                });
            }
        }
        self.broken = Some(reason);
    }

    /// The next worker's id, and the lowest number that no other has: it stands in its name.
    pub(super) fn new_worker(&mut self, now: Instant) -> (WorkerId, u32) {
        self.last_worker += 1;
        let id = WorkerId(self.last_worker);
        let taken = |number: u32| {
            self.workers
                .iter()
                .any(|(_, worker)| worker.number == number)
        };
        let number = (0..).find(|number| !taken(*number)).unwrap_or_default();
        self.workers.push((id, Worker::new(number, now)));
        (id, number)
    }

    pub(super) fn position(&self, worker: WorkerId) -> Option<usize> {
        self.workers
            .binary_search_by_key(&worker, |(id, _)| *id)
            .ok()
    }

    pub(super) fn entry(&self, id: JobId) -> Option<&Entry<P>> {
        self.jobs.get(id.0 as usize)?.as_ref()
    }

    pub(super) fn entry_mut(&mut self, id: JobId) -> Option<&mut Entry<P>> {
        self.jobs.get_mut(id.0 as usize)?.as_mut()
    }

    /// The job of an attempt. Asked for stops alone, which are rare: it looks through all.
    pub(super) fn find(&self, attempt: AttemptId) -> Option<JobId> {
        let is_it = |entry: &Option<Entry<P>>| {
            entry
                .as_ref()
                .is_some_and(|entry| entry.job.attempt == attempt)
        };
        let at = self.jobs.iter().position(is_it)?;
        u32::try_from(at).ok().map(JobId)
    }

    pub(super) fn jobs(&self) -> impl Iterator<Item = (JobId, &Entry<P>)> {
        (0..)
            .zip(&self.jobs)
            .filter_map(|(at, entry)| Some((JobId(at), entry.as_ref()?)))
    }

    /// Takes a job out of the table, and gives back what it holds of the node.
    pub(super) fn remove(&mut self, id: JobId) -> Option<Entry<P>> {
        if self.entry(id)?.state == JobState::Queued {
            self.count_waiting(id, -1);
        }
        let entry = self.jobs.get_mut(id.0 as usize)?.take()?;
        self.vacant.push(id);
        self.give_back(entry.charge, &entry.gpus);
        Some(entry)
    }

    pub(super) fn give_back(&mut self, charge: Option<Demand>, gpus: &[u32]) {
        if let Some(charge) = charge {
            self.free.give(&charge);
        }
        for gpu in gpus {
            if let Some(free) = self.free_gpus.get_mut(*gpu as usize) {
                *free = true;
            }
        }
    }

    /// Asks to be told the time then.
    pub(super) fn wake_at(&mut self, at: Instant) {
        if self.wake.is_none_or(|wake| at < wake) {
            self.wake = Some(at);
        }
    }
}
