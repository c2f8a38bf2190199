use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use futures::future::{BoxFuture, ready};
use parking_lot::Mutex;

use super::desk::Desk;
use super::message::{StartCall, WirePart, WireReport};
use crate::command::CommandSpec;
use crate::panic::catch;
use crate::registry::{Entry, TaskInfo};
use crate::wire::{Part, WireUsage};
use crate::{
    Attempt, AttemptId, EncodedCall, EncodedValues, Failure, FailureKind, Invocation, Outcome,
    OutputPart, Report, Resources, ServedCall, StopSignal, TaskKind, Work,
};

/// When an attempt of a command is to end, in seconds since 1970 by the clock of its node.
const DEADLINE_VARIABLE: &str = "CHILTEPIN_DEADLINE";

/// Bodies of this size and more are kept where they were read.
const WORTH_SHARING: usize = 16 << 10;

/// A call from the driver, as the pool of this node sees it.
pub(super) struct RemoteWork {
    desk: Arc<Desk>,
    info: &'static TaskInfo,
    attempt: AttemptId,
    call: Box<StartCall>,
    /// The arguments.
    body: Bytes,
    stop: StopSignal,
    /// The driver wants it stopped.
    asked: AtomicBool,
    /// How many workers were lost under the task.
    losses: AtomicU32,
    /// Those among them that the driver does not know of.
    pub(super) untold: AtomicU32,
    report: Mutex<Option<Report>>,
    gain: Mutex<Gain>,
}

/// What an attempt that succeeded has given.
#[derive(Debug, Default)]
pub(super) enum Gain {
    #[default]
    Nothing,
    Value(Bytes),
    Code(i32),
}

impl RemoteWork {
    pub(super) fn new(
        desk: Arc<Desk>,
        info: &'static TaskInfo,
        call: Box<StartCall>,
        body: Bytes,
    ) -> Self {
        // A small body would keep all that was read together with it.
        let body = if body.len() < WORTH_SHARING {
            Bytes::copy_from_slice(&body)
        } else {
            body
        };
        Self {
            desk,
            info,
            attempt: call.attempt.into(),
            losses: AtomicU32::new(call.losses),
            call,
            body,
            stop: StopSignal::new(),
            asked: AtomicBool::new(false),
            untold: AtomicU32::new(0),
            report: Mutex::default(),
            gain: Mutex::default(),
        }
    }

    pub(super) const fn info(&self) -> &'static TaskInfo {
        self.info
    }

    pub(super) const fn id(&self) -> AttemptId {
        self.attempt
    }

    /// Notes that the driver wants it stopped.
    pub(super) fn ask_to_stop(&self) {
        self.asked.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }

    pub(super) fn take_gain(&self) -> Gain {
        std::mem::take(&mut *self.gain.lock())
    }

    /// The account of the attempt, if one was made.
    pub(super) fn take_report(&self) -> Option<WireReport> {
        let report = self.report.lock().take()?;
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Some(WireReport {
            worker: report.worker.map(|worker| worker.as_ref().to_owned()),
            process: report.process,
            usage: WireUsage {
                run: micros(report.usage.run),
                user: micros(report.usage.user),
                system: micros(report.usage.system),
                peak_memory: report.usage.peak_memory,
            },
            stdout: report.stdout.map(wire_part),
            stderr: report.stderr.map(wire_part),
        })
    }

    fn arguments(&self) -> EncodedValues {
        EncodedValues {
            values: self.call.arguments.clone(),
            bytes: self.body.clone(),
        }
    }

    fn not_here(&self) -> Failure {
        Failure::permanent(FailureKind::Invalid {
            reason: format!(
                "`{}` was sent to a node as a task of another kind; this is a bug",
                self.info.function
            ),
        })
    }
}

fn wire_part(part: OutputPart) -> WirePart {
    WirePart {
        file: part.path(),
        part: Part {
            start: part.bytes.start,
            length: part.bytes.end.saturating_sub(part.bytes.start),
        },
    }
}

/// What `CHILTEPIN_DEADLINE` is set to.
fn deadline(deadline: Instant) -> String {
    let left = deadline.saturating_duration_since(Instant::now());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let end = now.unwrap_or_default().saturating_add(left);
    end.as_secs().to_string()
}

impl Work for RemoteWork {
    fn kind(&self) -> TaskKind {
        self.info.kind
    }

    fn stop_signal(&self) -> &StopSignal {
        &self.stop
    }

    /// Bodies of functions run in workers, which are sent them encoded.
    fn call(self: Arc<Self>, _attempt: &Attempt) -> Outcome {
        Outcome::Failed(self.not_here())
    }

    fn call_async(self: Arc<Self>, _attempt: &Attempt) -> BoxFuture<'static, Outcome> {
        Box::pin(ready(Outcome::Failed(self.not_here())))
    }

    fn command(self: Arc<Self>, attempt: &Attempt) -> Result<CommandSpec, Failure> {
        let (Entry::Command(entry), Some(frame)) = (self.info.entry, &self.call.command) else {
            return Err(self.not_here());
        };
        let served = Arc::new(ServedCall {
            info: self.info,
            name: self.call.name.clone(),
            directory: self.call.directory.clone(),
            attempt: *attempt,
            arguments: Mutex::new(self.arguments()),
            variables: self.call.variables.clone(),
            stop: StopSignal::new(),
        });
        let script = catch(|| entry(&served));
        let script = script.map_err(|report| Failure::new(FailureKind::Panicked(report)))??;
        let mut spec = frame.clone();
        spec.script = script;
        // Whoever made the frame could not know it: the time begins here and now.
        let deadline = attempt.deadline.map(deadline);
        spec.environment
            .extend(deadline.map(|deadline| (DEADLINE_VARIABLE.to_owned(), deadline)));
        Ok(spec)
    }

    fn command_frame(&self, _attempt: &Attempt) -> CommandSpec {
        self.call.command.clone().unwrap_or_else(|| CommandSpec {
            prefix: Vec::new(),
            script: String::new(),
            directory: None,
            stdout: crate::command::Stream::Discard,
            stderr: crate::command::Stream::Discard,
            environment: Vec::new(),
            outputs: Vec::new(),
            allowed_exit_codes: Vec::new(),
            kill_grace: Duration::ZERO,
        })
    }

    fn exited(&self, code: i32) -> Outcome {
        *self.gain.lock() = Gain::Code(code);
        Outcome::Succeeded
    }

    fn resources(&self) -> Resources {
        self.call.resources
    }

    fn encode(&self, _attempt: &Attempt, _largest: usize) -> Result<EncodedCall, Failure> {
        Ok(EncodedCall {
            info: self.info,
            name: self.call.name.clone(),
            directory: self.call.directory.clone(),
            on_loss: self.call.on_loss,
            variables: self.call.variables.clone(),
            arguments: self.arguments(),
        })
    }

    fn returned(&self, value: Bytes) -> Outcome {
        *self.gain.lock() = Gain::Value(value);
        Outcome::Succeeded
    }

    fn count_loss(&self) -> u32 {
        let before = self.losses.fetch_add(1, Ordering::SeqCst);
        self.untold.fetch_add(1, Ordering::SeqCst);
        self.desk.lost_worker(self.attempt);
        before.saturating_add(1)
    }

    fn losses(&self) -> u32 {
        self.losses.load(Ordering::SeqCst)
    }

    fn report(&self, report: Report) {
        *self.report.lock() = Some(report);
    }

    fn timeout(&self) -> Option<Duration> {
        self.call.timeout
    }

    fn begun(&self, attempt: AttemptId) {
        self.desk.begun(attempt);
    }

    fn finish(self: Arc<Self>, _attempt: &Attempt, outcome: Outcome) -> Option<Invocation> {
        let desk = Arc::clone(&self.desk);
        desk.finished(self, outcome);
        None
    }

    fn abandoned(self: Arc<Self>, attempt: AttemptId) {
        self.desk.abandoned(attempt);
    }
}
