use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::super::PoolSettings;
use super::super::job::{Command, Job, JobEnd, Payload, WorkerId};
use super::super::lost::{Begun, Exit};
use super::super::state::State;
use crate::{AttemptId, Demand, LossRule, ProcessEnd, TaskId, TaskKind};

/// What the tests keep of a job.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub(super) number: u64,
    pub(super) losses: Rc<Cell<u32>>,
}

impl Payload for Work {
    fn count_loss(&self) -> u32 {
        self.losses.set(self.losses.get() + 1);
        self.losses.get()
    }

    fn is_timed(&self) -> bool {
        true
    }
}

/// How a job ended in the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Value,
    Other(JobEnd),
}

/// A worker as the model plays it.
#[derive(Debug, Default)]
struct Process {
    number: u32,
    connected: bool,
    /// Read and not begun.
    queue: VecDeque<u64>,
    /// Begun: the synchronous ones.
    running: Vec<u64>,
    bodies: BTreeSet<u64>,
    /// Ended, and not reported yet.
    unsent: Vec<u64>,
    picked: u64,
    taken: u64,
    works: BTreeMap<u64, u64>,
    /// Withdrawals to answer.
    withdrawals: Vec<Vec<u64>>,
    closing: bool,
    /// It was told to end itself for a call, which the pool has yet to learn.
    dying: bool,
}

/// A pool and the world around it.
pub(super) struct World {
    pub(super) state: State<Work>,
    pub(super) now: Instant,
    processes: BTreeMap<WorkerId, Process>,
    executing: BTreeMap<u64, AttemptId>,
    /// The commands that wait at the node, each by the one it follows on.
    followers: HashMap<AttemptId, AttemptId>,
    pub(super) ended: BTreeMap<u64, Ended>,
    kinds: BTreeMap<u64, TaskKind>,
    pub(super) last: u64,
    /// How often a job's body was begun.
    pub(super) begun: BTreeMap<u64, u32>,
    /// How often that was told.
    pub(super) told: BTreeMap<u64, u32>,
    threads: usize,
    misspeaks: bool,
}

impl World {
    pub(super) fn new(settings: PoolSettings) -> Self {
        Self {
            threads: settings.threads_per_worker as usize,
            misspeaks: false,
            state: State::new(settings),
            now: Instant::now(),
            processes: BTreeMap::new(),
            executing: BTreeMap::new(),
            followers: HashMap::new(),
            ended: BTreeMap::new(),
            kinds: BTreeMap::new(),
            last: 0,
            begun: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    /// Lets the state do something, and does what it commands.
    pub(super) fn with<R>(
        &mut self,
        act: impl FnOnce(&mut State<Work>, Instant, &mut Vec<Command<Work>>) -> R,
    ) -> R {
        let mut commands = Vec::new();
        let result = act(&mut self.state, self.now, &mut commands);
        self.state.schedule(self.now, &mut commands);
        for command in commands {
            self.obey(command);
        }
        self.state.check();
        result
    }

    pub(super) fn arrive(&mut self, kind: TaskKind, demand: Demand, on_loss: LossRule) -> u64 {
        self.last += 1;
        let number = self.last;
        self.kinds.insert(number, kind);
        let job = Job {
            attempt: attempt(number),
            kind,
            demand,
            on_loss,
            heeds_stop: number.is_multiple_of(3),
            payload: Work {
                number,
                losses: Rc::default(),
            },
        };
        self.with(|state, _, commands| state.arrive(job, commands));
        number
    }

    fn end(&mut self, number: u64, end: Ended) {
        let before = self.ended.insert(number, end);
        assert_eq!(before, None, "job {number} ended twice");
    }

    fn obey(&mut self, command: Command<Work>) {
        match command {
            Command::Launch { worker, number } => {
                let taken = self.processes.values().any(|other| other.number == number);
                assert!(!taken, "two workers have the number {number}");
                let process = Process {
                    number,
                    ..Process::default()
                };
                assert!(self.processes.insert(worker, process).is_none());
            }
            Command::Send {
                worker,
                sequence,
                payload,
            } => {
                let kind = self.kinds[&payload.number];
                let process = self.processes.get_mut(&worker).expect("it is there");
                assert!(process.connected && !process.closing);
                process.works.insert(sequence, payload.number);
                process.taken = sequence;
                if kind == TaskKind::Function {
                    process.queue.push_back(sequence);
                } else {
                    process.bodies.insert(sequence);
                    *self.begun.entry(payload.number).or_default() += 1;
                }
            }
            Command::Withdraw { worker, sequences } => {
                let process = self.processes.get_mut(&worker).expect("it is there");
                process.withdrawals.push(sequences);
            }
            Command::Stop { worker, sequence } => self.stop(worker, sequence, false),
            Command::Kill { worker, sequence } => self.stop(worker, sequence, true),
            Command::Close { worker } => {
                let process = self.processes.get_mut(&worker).expect("it is there");
                assert!(process.works.is_empty(), "what has calls is not closed");
                process.closing = true;
            }
            // What was to be destroyed may have ended meanwhile.
            Command::Destroy { worker } => {
                if let Some(process) = self.processes.get_mut(&worker) {
                    process.closing = true;
                }
            }
            Command::Execute { payload, .. } => {
                let attempt = attempt(payload.number);
                match self.state.give(attempt) {
                    Some(first) => {
                        let before = self.followers.insert(first, attempt);
                        assert_eq!(before, None, "it had a follower");
                    }
                    None => self.begin(attempt),
                }
            }
            Command::Release { attempt } => self.release(attempt),
            Command::Interrupt { attempt } => self.release(attempt),
            Command::Begun { payload } => {
                *self.told.entry(payload.number).or_default() += 1;
            }
            Command::Ended { payload, end } => self.end(payload.number, Ended::Other(end)),
            Command::Ahead => {}
        }
    }

    fn begin(&mut self, attempt: AttemptId) {
        let number = attempt.task.number();
        self.executing.insert(number, attempt);
        *self.begun.entry(number).or_default() += 1;
    }

    /// A command begins that waited for another, if it still does.
    fn release(&mut self, attempt: AttemptId) {
        let first = self
            .followers
            .iter()
            .find(|(_, follower)| **follower == attempt)
            .map(|(first, _)| *first);
        if let Some(first) = first {
            self.followers.remove(&first);
            self.begin(attempt);
        }
    }

    /// A worker hears that a call is to stop.
    fn stop(&mut self, worker: WorkerId, sequence: u64, kill: bool) {
        let Some(process) = self.processes.get_mut(&worker) else {
            return;
        };
        if process.bodies.remove(&sequence) {
            process.unsent.push(sequence);
        } else if process.queue.contains(&sequence) {
            process.queue.retain(|queued| *queued != sequence);
            process.unsent.push(sequence);
        } else if kill && process.running.contains(&sequence) {
            process.dying = true;
        }
    }

    pub(super) fn workers(&self) -> Vec<WorkerId> {
        self.processes.keys().copied().collect()
    }

    /// A worker does the next thing it can do, the `choice`-th of several.
    pub(super) fn step(&mut self, worker: WorkerId, choice: usize) {
        let threads = self.threads;
        let Some(process) = self.processes.get_mut(&worker) else {
            return;
        };
        if process.closing || process.dying {
            self.kill(worker);
        } else if !process.connected {
            process.connected = true;
            self.with(|state, now, commands| assert!(state.connected(worker, now, commands)));
        } else if !process.withdrawals.is_empty() && choice.is_multiple_of(3) {
            let asked = process.withdrawals.remove(0);
            let given: Vec<u64> = process
                .queue
                .iter()
                .copied()
                .filter(|sequence| asked.contains(sequence))
                .collect();
            process.queue.retain(|sequence| !given.contains(sequence));
            for sequence in &given {
                process.works.remove(sequence);
            }
            self.with(|state, now, commands| {
                assert!(state.withdrawn(worker, &given, now, commands));
            });
        } else if process.running.len() < threads && !process.queue.is_empty() {
            let sequence = process.queue.pop_front().expect("it is not empty");
            process.picked = sequence;
            process.running.push(sequence);
            let number = process.works[&sequence];
            *self.begun.entry(number).or_default() += 1;
        } else if !process.unsent.is_empty() && choice.is_multiple_of(2) {
            for sequence in std::mem::take(&mut process.unsent) {
                self.report(worker, sequence, choice);
            }
        } else if !process.running.is_empty() {
            let at = choice % process.running.len();
            let sequence = process.running.remove(at);
            process.unsent.push(sequence);
        } else if let Some(sequence) = process.bodies.pop_first() {
            process.unsent.push(sequence);
        }
    }

    fn report(&mut self, worker: WorkerId, sequence: u64, choice: usize) {
        let run = Duration::from_micros(if choice.is_multiple_of(5) { 5000 } else { 1 });
        let process = self.processes.get_mut(&worker).expect("it is there");
        let number = process.works.remove(&sequence).expect("it has the call");
        let job =
            self.with(|state, now, commands| state.finished(worker, sequence, run, now, commands));
        assert_eq!(job.expect("the pool has the call").payload.number, number);
        self.end(number, Ended::Value);
    }

    /// A worker's process ends, whatever it does.
    pub(super) fn kill(&mut self, worker: WorkerId) {
        let Some(process) = self.processes.remove(&worker) else {
            return;
        };
        let exit = Exit {
            end: ProcessEnd::Signal(9),
            stderr: String::new(),
            begun: Begun {
                taken: process.taken,
                picked: process.picked,
                current: process.running,
            },
            misspoke: self.misspeaks,
        };
        self.with(|state, _, commands| state.lost(worker, &exit, commands));
    }

    /// A worker's process ends before it has read anything.
    pub(super) fn kill_before_it_reads(&mut self, worker: WorkerId) {
        if let Some(process) = self.processes.get_mut(&worker) {
            (process.taken, process.picked) = (0, 0);
            process.running.clear();
        }
        self.kill(worker);
    }

    /// A worker says what makes no sense, and is ended for it.
    pub(super) fn misspeak(&mut self, worker: WorkerId) {
        self.misspeaks = true;
        self.kill(worker);
        self.misspeaks = false;
    }

    /// A command ends.
    pub(super) fn execute(&mut self) {
        if let Some(&number) = self.executing.keys().next() {
            self.end_command(number);
        }
    }

    /// The command of this number ends.
    pub(super) fn end_command(&mut self, number: u64) {
        let Some(attempt) = self.executing.remove(&number) else {
            return;
        };
        // The node goes on before the pool hears of it.
        if let Some(follower) = self.followers.remove(&attempt) {
            self.begin(follower);
        }
        let job = self
            .with(|state, _, commands| state.executed(attempt, Duration::from_millis(1), commands));
        assert_eq!(
            job.expect("the pool has the command").payload.number,
            number
        );
        self.end(number, Ended::Value);
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        if self.state.wake.is_some_and(|wake| wake <= self.now) {
            self.with(|state, now, commands| state.woken(now, commands));
        }
    }

    /// Lets everything run to its end.
    pub(super) fn settle(&mut self) {
        for round in 0..10_000 {
            if self.ended.len() as u64 == self.last {
                return;
            }
            for worker in self.workers() {
                self.step(worker, round);
            }
            self.execute();
            self.pass(Duration::from_millis(2));
        }
        panic!(
            "{} of {} jobs ended; {:?}",
            self.ended.len(),
            self.last,
            self.state
        );
    }
}

pub(super) fn attempt(number: u64) -> AttemptId {
    AttemptId {
        task: TaskId::new(number, 0),
        attempt: 1,
    }
}
