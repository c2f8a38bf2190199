//! Where jobs go: to idle workers, ahead to busy ones, into free room; and when workers are
//! started for them.

use std::time::Instant;

use super::job::{Command, JobId, JobState, Payload, Stopping};
use super::state::State;
use super::worker::Sent;
use crate::{Demand, TaskKind};

/// So many light jobs may be started past a heavy one that does not fit yet; from then on the
/// room is kept until it does.
const MAY_PASS: u32 = 64;

/// What a job lacks to be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lack {
    /// Nothing: it is placed.
    Nothing,
    /// Cores, memory, or GPUs of the node.
    Room,
    /// A worker that is free for it.
    Worker,
}

impl<P: Payload> State<P> {
    /// Sends what can be sent, and starts workers for what cannot.
    pub(super) fn schedule(&mut self, now: Instant, commands: &mut Vec<Command<P>>) {
        self.tell_begun(commands);
        if let Some(reason) = &self.broken {
            // What was put back since finds no other place.
            let reason = reason.clone();
            self.give_up(reason, commands);
            return;
        }
        while let Some(&id) = self.bodies.front() {
            if !self.place_body(id, commands) {
                break;
            }
            self.bodies.pop_front();
        }
        self.place_all(commands);
        self.release_followers(commands);
        self.tell_begun(commands);
        self.steal(now, commands);
        self.launch(now, commands);
    }

    /// Places heavy jobs, calls and commands. Of a call and a command the one goes first that came
    /// first; they compete for cores, and a call needs a slot beside.
    fn place_all(&mut self, commands: &mut Vec<Command<P>>) {
        loop {
            let mut holds_back = Lack::Nothing;
            if let Some(&id) = self.heavy.front() {
                let lack = self.place_heavy(id, commands);
                if lack == Lack::Nothing {
                    self.heavy.pop_front();
                    self.passed = 0;
                    continue;
                }
                if self.passed >= MAY_PASS {
                    holds_back = lack;
                }
            }
            if holds_back == Lack::Room || !self.place_light(holds_back, commands) {
                return;
            }
            if !self.heavy.is_empty() {
                self.passed += 1;
            }
        }
    }

    /// Places one call or command; false if none can be.
    fn place_light(&mut self, holds_back: Lack, commands: &mut Vec<Command<P>>) -> bool {
        let order = |id: Option<&JobId>| {
            let entry = id.and_then(|id| self.entry(*id));
            entry.map_or(u64::MAX, |entry| entry.order)
        };
        let call_is_first = order(self.light.front()) < order(self.scripts.front());
        let may_call = holds_back == Lack::Nothing;
        if call_is_first {
            (may_call && self.place_call(commands)) || self.place_command(commands)
        } else if self.place_command(commands) {
            true
        } else {
            // A command that waits for a core gets the next one: no call is sent ahead meanwhile.
            self.scripts.is_empty() && may_call && self.place_call(commands)
        }
    }

    fn place_command(&mut self, commands: &mut Vec<Command<P>>) -> bool {
        let Some(&id) = self.scripts.front() else {
            return false;
        };
        let is_placed = self.execute(id, commands) == Lack::Nothing || self.follow(id, commands);
        if is_placed {
            self.scripts.pop_front();
        }
        is_placed
    }

    fn place_call(&mut self, commands: &mut Vec<Command<P>>) -> bool {
        let Some(&id) = self.light.front() else {
            return false;
        };
        let share = self.slot_demand();
        let with_slot = self
            .free
            .fits(&share)
            .then(|| self.worker_with_slot(None))
            .flatten();
        if let Some(at) = with_slot {
            self.send(at, id, Some(share), commands);
        } else if let Some(at) = self.worker_to_fill() {
            self.send(at, id, None, commands);
        } else {
            return false;
        }
        self.light.pop_front();
        true
    }

    fn place_body(&mut self, id: JobId, commands: &mut Vec<Command<P>>) -> bool {
        let Some(entry) = self.entry(id) else {
            return true;
        };
        let demand = entry.job.demand;
        match self.worker_for_body() {
            Some(at) => {
                self.send(at, id, Some(demand), commands);
                true
            }
            None => false,
        }
    }

    fn place_heavy(&mut self, id: JobId, commands: &mut Vec<Command<P>>) -> Lack {
        let Some(entry) = self.entry(id) else {
            return Lack::Nothing;
        };
        let (kind, demand) = (entry.job.kind, entry.job.demand);
        if kind == TaskKind::Command {
            return self.execute(id, commands);
        }
        let is_body = kind != TaskKind::Function;
        let mut charge = demand;
        if !is_body {
            charge.cores = charge.cores.max(self.settings.share());
        }
        if !self.free.fits(&charge) {
            return Lack::Room;
        }
        let with_gpus = (demand.gpus > 0).then_some(demand.gpus);
        let at = if is_body && with_gpus.is_none() {
            self.worker_for_body()
        } else {
            self.worker_with_slot(with_gpus)
        };
        let Some(at) = at else { return Lack::Worker };
        if let Some(count) = with_gpus {
            let Some(gpus) = self.gpus_of(self.workers[at].1.number, count) else {
                return Lack::Worker;
            };
            self.hold_gpus(id, gpus);
        }
        self.send(at, id, Some(charge), commands);
        Lack::Nothing
    }

    /// Executes a command where its room is free.
    fn execute(&mut self, id: JobId, commands: &mut Vec<Command<P>>) -> Lack {
        let Some(entry) = self.entry(id) else {
            return Lack::Nothing;
        };
        let demand = entry.job.demand;
        if !self.free.fits(&demand) {
            return Lack::Room;
        }
        if demand.gpus > 0 {
            let free = (0..).zip(&self.free_gpus);
            let gpus: Vec<u32> = free
                .filter_map(|(gpu, free)| free.then_some(gpu))
                .take(demand.gpus as usize)
                .collect();
            if gpus.len() < demand.gpus as usize {
                return Lack::Room;
            }
            self.hold_gpus(id, gpus);
        }
        let taken = self.free.take(&demand);
        debug_assert!(taken, "room that fits can be taken");
        if let Some(entry) = self.entry_mut(id) {
            entry.state = JobState::Executing;
            entry.charge = Some(demand);
            let command = Command::Execute {
                payload: entry.job.payload.clone(),
                gpus: entry.gpus.clone(),
            };
            commands.push(command);
        }
        self.begins(id);
        self.note_unfollowed(id);
        Lack::Nothing
    }

    fn hold_gpus(&mut self, id: JobId, gpus: Vec<u32>) {
        for gpu in &gpus {
            if let Some(free) = self.free_gpus.get_mut(*gpu as usize) {
                *free = false;
            }
        }
        if let Some(entry) = self.entry_mut(id) {
            entry.gpus = gpus;
        }
    }

    /// What a slot takes of the node while a call runs in it.
    pub(super) fn slot_demand(&self) -> Demand {
        Demand {
            async_bodies: 0,
            cores: self.settings.share(),
            memory: 0,
            gpus: 0,
        }
    }

    fn send(
        &mut self,
        at: usize,
        job: JobId,
        charge: Option<Demand>,
        commands: &mut Vec<Command<P>>,
    ) {
        if let Some(charge) = &charge {
            let taken = self.free.take(charge);
            debug_assert!(taken, "room that fits can be taken");
        } else {
            self.sent_ahead += 1;
        }
        let (worker, known) = &mut self.workers[at];
        let worker = *worker;
        let sequence = known.next_sequence();
        known.idle_since = None;
        self.count_waiting(job, -1);
        let Some(entry) = self.entry_mut(job) else {
            return;
        };
        entry.state = JobState::Sent { worker, sequence };
        let is_ahead = charge.is_none();
        entry.charge = charge;
        entry.stopping = Stopping::No;
        let is_sync = entry.job.kind == TaskKind::Function;
        let payload = entry.job.payload.clone();
        let known = &mut self.workers[at].1;
        if is_sync {
            known.calls.push_back(Sent { sequence, job });
        } else {
            known.bodies.insert(sequence, job);
        }
        commands.push(Command::Send {
            worker,
            sequence,
            payload,
        });
        if !is_ahead {
            self.begins(job);
        }
    }

    /// Takes a job away from its worker, and out of the table. A call behind it begins, with the
    /// room that it gives back.
    pub(super) fn take_sent(
        &mut self,
        at: usize,
        job: JobId,
        sequence: u64,
    ) -> Option<super::job::Entry<P>> {
        self.unsend(at, sequence);
        let entry = self.remove(job);
        if entry.as_ref().is_some_and(|entry| entry.charge.is_none()) {
            self.sent_ahead = self.sent_ahead.saturating_sub(1);
        }
        self.begin_next(at);
        entry
    }

    fn unsend(&mut self, at: usize, sequence: u64) {
        let worker = &mut self.workers[at].1;
        if let Some(place) = worker
            .calls
            .iter()
            .position(|sent| sent.sequence == sequence)
        {
            worker.calls.remove(place);
        } else {
            worker.bodies.remove(&sequence);
        }
    }

    /// Takes a job away from its worker and puts it back into the queue, before all others.
    pub(super) fn requeue(&mut self, at: usize, job: JobId, sequence: u64) {
        self.unsend(at, sequence);
        let Some(entry) = self.entry_mut(job) else {
            return;
        };
        let charge = entry.charge.take();
        let gpus = std::mem::take(&mut entry.gpus);
        entry.state = JobState::Queued;
        entry.stopping = Stopping::No;
        entry.begun = false;
        if charge.is_none() {
            self.sent_ahead = self.sent_ahead.saturating_sub(1);
        }
        self.give_back(charge, &gpus);
        self.count_waiting(job, 1);
        if let Some(queue) = self.queue_of(job) {
            queue.push_front(job);
        }
        self.begin_next(at);
    }

    /// Notes and charges the calls that have begun because others ended.
    fn begin_next(&mut self, at: usize) {
        let threads = self.settings.threads_per_worker as usize;
        let share = self.slot_demand();
        for place in 0..threads.min(self.workers[at].1.calls.len()) {
            let job = self.workers[at].1.calls[place].job;
            self.begins(job);
            let is_charged = self.entry(job).is_none_or(|entry| entry.charge.is_some());
            if is_charged || !self.free.take(&share) {
                continue;
            }
            self.sent_ahead = self.sent_ahead.saturating_sub(1);
            if let Some(entry) = self.entry_mut(job) {
                entry.charge = Some(share);
            }
        }
    }

    /// Notes that a worker may have nothing to do from now on.
    pub(super) fn note_idle(&mut self, at: usize, now: Instant) {
        let worker = &mut self.workers[at].1;
        if worker.is_ready() && worker.is_idle() && worker.idle_since.is_none() {
            worker.idle_since = Some(now);
            if let Some(end) = now.checked_add(self.settings.max_idletime) {
                self.wake_at(end);
            }
        }
    }
}
