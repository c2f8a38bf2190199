//! What happens to tasks, told to whoever keeps the run's record. All of it outside of the lock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chiltepin_executors::panic::catch;
use chiltepin_executors::{AttemptId, Capacity, Report, Resources, TaskId, is_ahead};

use super::Driver;
use super::lock::Payload;
use crate::error::{ErrorKind, TaskError};
use crate::kernel::{Command, Ending as KernelEnding, ExecutorId, ExecutorSet, Finish};
use crate::report::{AttemptAccount, Ending, How, More, Room, RunOutcome, Text, Trouble, What};
use crate::task::{AnyTask, Header};

/// Who keeps the record of a run. Each of these but the last returns at once.
pub(crate) trait Recorder: Send + Sync {
    /// Takes what happened at that time.
    fn record(&self, at: Instant, what: What<Text>);

    /// Microseconds since the run began.
    fn micros(&self, time: Instant) -> u64;

    /// Puts the record where it outlives the process; nothing is taken afterwards.
    fn close(&self, outcome: RunOutcome);
}

/// Tells the recorder of a list of commands; the time is looked at once.
pub(super) struct Notes<'a> {
    #[cfg_attr(
        not(feature = "records"),
        expect(dead_code, reason = "only arguments are asked of it")
    )]
    driver: &'a Driver,
    recorder: &'a dyn Recorder,
    at: Option<Instant>,
}

impl Notes<'_> {
    pub(super) fn command(&mut self, command: &Command<Payload, TaskError>) {
        #[cfg(feature = "records")]
        if let Command::Ended {
            payload, ending, ..
        } = command
        {
            let has_failed = matches!(
                ending,
                KernelEnding::Failed(_) | KernelEnding::TimedOut { .. }
            );
            self.driver.note_arguments(payload.header(), has_failed);
        }
        if let Some(what) = of_command(command) {
            let at = *self.at.get_or_insert_with(Instant::now);
            self.recorder.record(at, what);
        }
    }
}

impl Driver {
    /// The workflow's own number, which tells its tasks from those of others.
    pub(crate) fn number(&self) -> u64 {
        self.settings.seed
    }

    pub(super) fn notes(&self) -> Option<Notes<'_>> {
        let recorder = self.settings.recorder.as_deref()?;
        Some(Notes {
            driver: self,
            recorder,
            at: None,
        })
    }

    /// A call is about to go to the kernel.
    pub(super) fn note_submitted(
        &self,
        task: &dyn AnyTask,
        number: u64,
        executors: ExecutorSet,
        priority: i32,
    ) {
        let Some(recorder) = &self.settings.recorder else {
            return;
        };
        let at = Instant::now();
        let header = task.header();
        let what = What::Submitted {
            task: number,
            function: Text::Function(header.info()),
            executors: executors.0,
            priority,
            kind: task.kind().into(),
            more: more(header),
        };
        recorder.record(at, what);
        if !task.has_dependencies() {
            return;
        }
        task.visit_dependencies(&mut |future| {
            let Some(other) = future.task() else { return };
            let is_ours = |driver: &Arc<Self>| std::ptr::eq(&raw const **driver, self);
            // A future of another workflow has a number that means another task here.
            let what = if other.header().driver().is_some_and(is_ours) {
                let on = other.header().id().number();
                What::Depends { task: number, on }
            } else {
                What::DependsOutside { task: number }
            };
            recorder.record(at, what);
        });
    }

    /// A call cannot run, and was not handed to the kernel.
    pub(super) fn note_refused(&self, task: &dyn AnyTask, number: u64, kind: &ErrorKind) {
        if let Some(recorder) = &self.settings.recorder {
            self.note_submitted(task, number, ExecutorSet::default(), 0);
            let ending = Ending::Failed(trouble(kind));
            let task = number;
            recorder.record(Instant::now(), What::Ended { task, ending });
        }
    }

    pub(super) fn note_finished(
        &self,
        header: &Header,
        attempt: AttemptId,
        finish: &Finish<TaskError>,
        reason: Option<&str>,
    ) {
        let Some(recorder) = &self.settings.recorder else {
            return;
        };
        let at = Instant::now();
        let task = attempt.task.number();
        if self.settings.accounts {
            let account = |report: &Report| {
                (report.attempt == attempt.attempt).then(|| account(report, &**recorder))
            };
            if let Some(account) = header.read_report(account) {
                let what = What::Reported {
                    task,
                    attempt: attempt.attempt,
                    account,
                };
                recorder.record(at, what);
            }
        }
        let how = match finish {
            Finish::Succeeded => How::Succeeded,
            Finish::Failed { failure, .. } => How::Failed(trouble(failure.kind())),
            Finish::Stopped => How::Stopped,
            Finish::Abandoned => How::Abandoned,
            Finish::Returned => How::Returned {
                reason: Text::new(reason.unwrap_or_default()),
            },
        };
        let attempt = attempt.attempt;
        recorder.record(at, What::Finished { task, attempt, how });
    }

    pub(super) fn note_begun(&self, attempt: AttemptId) {
        if let Some(recorder) = &self.settings.recorder {
            let task = attempt.task.number();
            let attempt = attempt.attempt;
            recorder.record(Instant::now(), What::Began { task, attempt });
        }
    }

    /// A place of an executor has this room, or none any more. What it has for calls that wait
    /// there changes with each that ends, and is left out.
    pub(super) fn note_room(&self, executor: ExecutorId, offer: u32, room: Option<Capacity>) {
        let Some(recorder) = self.settings.recorder.as_ref().filter(|_| !is_ahead(offer)) else {
            return;
        };
        let room = room.map(|room| {
            Box::new(Room {
                async_bodies: room.async_bodies,
                cores: room.cores,
                memory: room.memory,
                gpus: room.gpus,
            })
        });
        let what = What::Room {
            executor: executor.0,
            offer,
            room,
        };
        recorder.record(Instant::now(), what);
    }

    /// An executor runs nothing, or nothing any more.
    pub(super) fn note_unavailable(&self, executor: ExecutorId, reason: &str) {
        if let Some(recorder) = &self.settings.recorder {
            let what = What::Unavailable {
                executor: executor.0,
                reason: Text::new(reason),
            };
            recorder.record(Instant::now(), what);
        }
    }

    /// An MPI application begins on these nodes.
    pub(crate) fn note_placed(&self, attempt: AttemptId, nodes: &[u32]) {
        if let Some(recorder) = &self.settings.recorder {
            let what = What::Placed {
                task: attempt.task.number(),
                attempt: attempt.attempt,
                nodes: nodes.into(),
            };
            recorder.record(Instant::now(), what);
        }
    }

    /// An executor has lost the worker of a task.
    pub(crate) fn note_worker_lost(&self, id: TaskId, losses: u32) {
        if let Some(recorder) = &self.settings.recorder {
            let task = id.number();
            recorder.record(Instant::now(), What::WorkerLost { task, losses });
        }
    }

    pub(super) fn note_abandoned(&self, attempt: AttemptId) {
        if let Some(recorder) = &self.settings.recorder {
            let task = attempt.task.number();
            let attempt = attempt.attempt;
            let how = How::Abandoned;
            recorder.record(Instant::now(), What::Finished { task, attempt, how });
        }
    }

    pub(super) fn note_looked(&self, id: TaskId, is_there: bool) {
        if let Some(recorder) = &self.settings.recorder {
            let task = id.number();
            recorder.record(Instant::now(), What::Looked { task, is_there });
        }
    }

    /// The run is over, and nothing more happens.
    pub(crate) fn close_record(&self, outcome: RunOutcome) {
        #[cfg(feature = "records")]
        self.finish_recording();
        if let Some(recorder) = &self.settings.recorder {
            recorder.close(outcome);
        }
    }
}

fn more(header: &Header) -> Option<Box<More<Text>>> {
    let name = header
        .options()
        .and_then(|options| options.name.as_deref())
        .map(Text::new);
    let labels: Vec<_> = header.labels().map(Text::new).collect();
    let asked = header.resources();
    let nodes = header.geometry().map_or(0, |it| it.num_nodes.get());
    let says_more = name.is_some() || !labels.is_empty();
    (says_more || asked != Resources::default() || nodes > 0).then(|| {
        Box::new(More {
            name,
            labels,
            cores: asked.cores,
            memory: asked.memory,
            gpus: asked.gpus,
            nodes,
        })
    })
}

fn of_command(command: &Command<Payload, TaskError>) -> Option<What<Text>> {
    Some(match command {
        Command::Start {
            attempt,
            executor,
            offer,
            ..
        } => What::Started {
            task: attempt.task.number(),
            attempt: attempt.attempt,
            executor: executor.0,
            offer: *offer,
        },
        Command::Stop { attempt, .. } => What::Stopping {
            task: attempt.task.number(),
            attempt: attempt.attempt,
        },
        Command::Retrying {
            attempt,
            at,
            failure,
            ..
        } => {
            let pause = at.saturating_duration_since(Instant::now());
            What::Retrying {
                task: attempt.task.number(),
                attempt: attempt.attempt,
                pause: u64::try_from(pause.as_micros()).unwrap_or(u64::MAX),
                error: failure.as_ref().map(|error| message(error.kind())),
            }
        }
        Command::Ended {
            id,
            payload,
            ending,
            ..
        } => What::Ended {
            task: id.number(),
            ending: of_ending(ending, payload.header()),
        },
        Command::Look { id, .. } => What::Looking { task: id.number() },
        Command::Keep { .. } | Command::Wanted { .. } | Command::Drained => {
            return None;
        }
    })
}

/// The ending as the user learns of it: that was decided under the lock.
fn of_ending(ending: &KernelEnding<TaskError>, header: &Header) -> Ending<Text> {
    let failure = || header.decision().failure();
    match ending {
        KernelEnding::Succeeded => Ending::Succeeded,
        KernelEnding::TimedOut { abandoned } => Ending::TimedOut {
            is_abandoned: *abandoned,
        },
        KernelEnding::Cancelled { abandoned } => Ending::Cancelled {
            is_abandoned: *abandoned,
        },
        KernelEnding::Closed => Ending::Closed,
        KernelEnding::DependencyFailed(_) => {
            // A task of another workflow has a number that means another one here.
            let of_ours = |root: &TaskError| {
                let is_ours = header.driver()?.number() == root.workflow();
                root.id().filter(|_| is_ours).map(|id| id.number())
            };
            Ending::DependencyFailed {
                root: failure().and_then(|error| of_ours(error.root())),
            }
        }
        KernelEnding::Failed(error) => Ending::Failed(trouble(error.kind())),
        KernelEnding::FitsNowhere { .. } => match failure() {
            Some(error) => Ending::Failed(trouble(error.kind())),
            None => Ending::Closed,
        },
    }
}

fn trouble(kind: &ErrorKind) -> Box<Trouble<Text>> {
    let place = match kind {
        ErrorKind::Panicked(report) => match (&report.file, report.line) {
            (Some(file), Some(line)) => Some(Text::new(&format!("{file}:{line}"))),
            _ => None,
        },
        _ => None,
    };
    Box::new(Trouble {
        kind: Text::new(word(kind)),
        message: message(kind),
        place,
    })
}

/// What happened, as the end of a sentence that begins with the task.
fn message(kind: &ErrorKind) -> Text {
    // It may hold errors that the user wrote, which show themselves.
    match catch(|| kind.to_string()) {
        Ok(message) => Text::new(&message),
        Err(_) => Text::new("failed with an error that cannot be shown"),
    }
}

fn word(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Failed(_) => "failed",
        ErrorKind::Panicked(_) => "panicked",
        ErrorKind::TimedOut { .. } => "timed out",
        ErrorKind::Cancelled { .. } => "cancelled",
        ErrorKind::DependencyFailed { .. } => "dependency failed",
        ErrorKind::JoinFailed { .. } => "join failed",
        ErrorKind::ExitCode { .. } => "exit code",
        ErrorKind::Signal { .. } => "signal",
        ErrorKind::MissingOutput { .. } => "missing output",
        ErrorKind::WorkerLost { .. } => "worker lost",
        ErrorKind::NodesLost { .. } => "nodes lost",
        ErrorKind::Encoding { .. } => "encoding",
        ErrorKind::UnknownExecutor { .. } => "unknown executor",
        ErrorKind::UnavailableExecutor { .. } => "unavailable executor",
        ErrorKind::ImpossibleGeometry { .. } => "impossible geometry",
        ErrorKind::ImpossibleResources { .. } => "impossible resources",
        ErrorKind::WorkflowClosed => "workflow closed",
        ErrorKind::System { .. } => "system",
        ErrorKind::InvalidCall { .. } => "invalid call",
        ErrorKind::NoSuchElement { .. } => "no such element",
    }
}

fn account(report: &Report, recorder: &dyn Recorder) -> Box<AttemptAccount<Text>> {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    Box::new(AttemptAccount {
        node: Text::Words(Arc::clone(&report.node)),
        worker: report
            .worker
            .as_ref()
            .map(|worker| Text::Words(Arc::clone(worker))),
        process: report.process,
        begun: recorder.micros(report.begun),
        run: micros(report.usage.run),
        user: micros(report.usage.user),
        system: micros(report.usage.system),
        peak_memory: report.usage.peak_memory,
    })
}
