use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::command_end::WireEnd;
use super::commands::{Commands, Given};
use super::keepers::Keepers;
use super::message::{FromSpawner, ToSpawner, WireAttempt, WireLaunch};
use super::outgoing::Outgoing;
use super::workers::Starter;
use crate::command::{CommandEnd, CommandSpec, EndedProcess, Process, Shell};
use crate::start::SpawnerStart;
use crate::{Failure, FailureKind, ProcessEnd, StopSignal, Usage};

/// What the main thread of the spawner holds: the workers that run, and who keeps the rest.
pub(super) struct Spawner<'a> {
    starter: Starter<'a>,
    shell: Arc<Shell>,
    workers: HashMap<u32, Process>,
    commands: Arc<Commands>,
    keepers: Keepers,
    outgoing: Arc<Outgoing>,
    /// Nothing is started any more.
    is_closing: bool,
}

impl<'a> Spawner<'a> {
    pub(super) fn new(start: &'a SpawnerStart, outgoing: Arc<Outgoing>, keepers: Keepers) -> Self {
        Self {
            starter: Starter::new(start),
            shell: Arc::new(Shell::from_environment()),
            workers: HashMap::new(),
            commands: Arc::default(),
            keepers,
            outgoing,
            is_closing: false,
        }
    }

    /// Does what the driver says.
    pub(super) fn handle(&mut self, message: ToSpawner) {
        match message {
            ToSpawner::Launch(launch) => self.launch(&launch),
            ToSpawner::Kill { worker } => {
                if let Some(process) = self.workers.remove(&worker) {
                    self.end(worker, process);
                }
            }
            ToSpawner::Execute {
                attempt,
                spec,
                after,
            } => self.execute(attempt, spec, after),
            ToSpawner::Release { attempt } => self.release(attempt),
            ToSpawner::Stop { attempt } => {
                self.commands.stop(attempt);
                // One that waits is begun, which ends it at once.
                self.release(attempt);
            }
            ToSpawner::Hurry => self.commands.hurry(),
            ToSpawner::Close { .. } => self.close(),
        }
    }

    /// Starts nothing any more.
    pub(super) fn close(&mut self) {
        self.is_closing = true;
    }

    /// Whether nothing runs.
    pub(super) fn is_idle(&self) -> bool {
        self.workers.is_empty() && self.keepers.are_done()
    }

    /// The descriptors that tell when a worker exits.
    pub(super) fn exits(&self) -> Vec<(u32, &OwnedFd)> {
        let workers = self.workers.iter();
        workers
            .map(|(worker, process)| (*worker, process.exit()))
            .collect()
    }

    /// A worker has exited by itself: what it has started goes too.
    pub(super) fn exited(&mut self, worker: u32) {
        if let Some(process) = self.workers.remove(&worker) {
            self.end(worker, process);
        }
    }

    /// Kills all that runs.
    pub(super) fn kill_all(&mut self) {
        self.is_closing = true;
        self.commands.kill_all();
        // All groups first: their further descendants take a moment to be found.
        self.workers.values().for_each(Process::kill_group);
        for (worker, process) in std::mem::take(&mut self.workers) {
            self.end(worker, process);
        }
    }

    fn launch(&mut self, launch: &WireLaunch) {
        let worker = launch.worker;
        let refused = if self.is_closing {
            Some("its executor is closing".to_owned())
        } else if self.workers.contains_key(&worker) {
            Some("another worker of this number runs".to_owned())
        } else {
            None
        };
        // From this thread: a worker ends with the thread that started it.
        let started = refused.map_or_else(|| self.starter.start(&self.shell, launch), Err);
        let message = match started {
            Ok(process) => {
                let id = process.id();
                self.workers.insert(worker, process);
                FromSpawner::Launched {
                    worker,
                    process: id,
                }
            }
            Err(reason) => FromSpawner::Exited {
                worker,
                end: ProcessEnd::Unknown,
                stderr: format!("the worker could not be started: {reason}"),
            },
        };
        self.outgoing.send(&message);
    }

    /// Ends a worker with all it has started, and reports that.
    fn end(&self, worker: u32, process: Process) {
        process.kill_group();
        let (shell, outgoing) = (Arc::clone(&self.shell), Arc::clone(&self.outgoing));
        let slot = Arc::new(parking_lot::Mutex::new(Some(process)));
        let taken = Arc::clone(&slot);
        let end = move |process| {
            let EndedProcess { end, stderr } = shell.end_process(process);
            outgoing.send(&FromSpawner::Exited {
                worker,
                end,
                stderr,
            });
        };
        let job = {
            let end = end.clone();
            move || {
                if let Some(process) = taken.lock().take() {
                    end(process);
                }
            }
        };
        if self.keepers.run(job).is_err()
            && let Some(process) = slot.lock().take()
        {
            // With no thread to be had it takes this one for a moment.
            end(process);
        }
    }

    fn execute(&self, attempt: WireAttempt, spec: CommandSpec, after: Option<WireAttempt>) {
        let stop = Arc::new(StopSignal::new());
        if self.is_closing {
            stop.hurry(attempt.attempt);
        }
        let given = Given {
            attempt,
            spec,
            stop,
        };
        if let Some(given) = self.commands.give(given, after) {
            self.keep(given);
        }
    }

    /// Has a command begun that waits for another, if it still does.
    fn release(&self, attempt: WireAttempt) {
        if let Some(given) = self.commands.release(attempt) {
            self.keep(given);
        }
    }

    /// Gives a command to a thread, which goes on with what follows on it.
    fn keep(&self, given: Given) {
        let attempt = given.attempt;
        let stop = Arc::clone(&given.stop);
        let (shell, outgoing) = (Arc::clone(&self.shell), Arc::clone(&self.outgoing));
        let commands = Arc::clone(&self.commands);
        let job = move || {
            let mut next = Some(given);
            while let Some(Given {
                attempt,
                spec,
                stop,
            }) = next.take()
            {
                let execution = shell.run_measured(&spec, &stop, attempt.attempt);
                next = commands.end(attempt, &stop);
                outgoing.send(&FromSpawner::Executed {
                    attempt,
                    end: WireEnd::from(&execution.end),
                    usage: execution.usage,
                    process: execution.process.unwrap_or_default(),
                });
            }
        };
        if let Err(error) = self.keepers.run(job) {
            let follower = self.commands.end(attempt, &stop);
            let failure = Failure::new(FailureKind::System {
                action: "start a thread to keep a command".to_owned(),
                error: Arc::new(error),
            });
            self.outgoing.send(&FromSpawner::Executed {
                attempt,
                end: WireEnd::from(&Err(CommandEnd::Failed(failure))),
                usage: Usage::default(),
                process: 0,
            });
            if let Some(follower) = follower {
                self.keep(follower);
            }
        }
    }
}
