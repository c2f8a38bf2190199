//! Running one synchronous call, and telling how it ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::company::Company;
use super::queue::Job;
use super::streams::Positions;
use crate::panic::catch;
use crate::registry::Entry;
use crate::system::{ThreadUsage, peak_memory};
use crate::wire::{CallEnd, FinishedCall, WireFailure, WireUsage, WireValue};
use crate::{ByteSize, Failure, FailureKind, PanicReport, ServedCall};

/// A task that ran for at least this long has its memory looked up, which takes a few dozen
/// microseconds.
pub(super) const WORTH_A_LOOK: Duration = Duration::from_millis(1);

/// What one thread of a worker keeps from call to call.
pub(super) struct Slot {
    pub(super) number: usize,
    /// What the thread had taken at the end of the call before.
    usage: ThreadUsage,
    /// How far the streams were written then, if it was alone, and the number of the next call
    /// in this process.
    positions: Option<(Positions, u64)>,
    /// The encoded value of a call.
    pub(super) value: Vec<u8>,
}

/// The most that is kept of a value's memory for the next one.
const KEPT: usize = 64 << 10;

impl Slot {
    pub(super) fn new(number: usize) -> Self {
        Self {
            number,
            usage: ThreadUsage::now(),
            positions: None,
            value: Vec::new(),
        }
    }

    /// The memory of a large value that was sent.
    pub(super) fn spare(&mut self) -> Option<Vec<u8>> {
        (self.value.capacity() > KEPT).then(|| std::mem::take(&mut self.value))
    }

    /// Runs a call; its value is left in `value`.
    ///
    /// `done` is called once the body has returned, and does not return if the call was killed
    /// before.
    pub(super) fn run(
        &mut self,
        job: &Job,
        company: &Company,
        largest: usize,
        done: impl FnOnce(),
    ) -> (FinishedCall, Instant) {
        let turn = company.enter();
        // Nobody can have written since, if this call is the next one.
        let positions = self.positions.take().filter(|(_, next)| *next == turn);
        let before = positions.map_or_else(|| Positions::now(company), |(positions, _)| positions);
        self.value.clear();
        let begun = Instant::now();
        let result = match job.call.info.entry {
            Entry::Function(entry) => catch(|| entry(&job.call, &mut self.value)),
            _ => Ok(Err(not_here(&job.call))),
        };
        done();
        let ended = Instant::now();
        // Asked before it looks: one that is there now and leaves meanwhile may write in between.
        let is_alone = company.is_alone();
        let after = Positions::now(company);
        self.positions = is_alone.then_some((after, turn + 1));
        company.leave();
        let (stdout, stderr) = after.since(before);
        let run = ended.saturating_duration_since(begun);
        let usage = ThreadUsage::now();
        let taken = usage.since(std::mem::replace(&mut self.usage, usage));
        let end = match result {
            Ok(Ok(())) => value_end(&job.call, self.value.len(), largest),
            Ok(Err(failure)) => failed(&job.call, failure),
            Err(report) => panicked(&job.call, report),
        };
        if !matches!(end, CallEnd::Value(_)) {
            self.value.clear();
        }
        let finished = FinishedCall {
            sequence: job.sequence,
            end,
            usage: wire_usage(run, taken),
            stdout,
            stderr,
        };
        (finished, ended)
    }
}

/// A value as the end of its call, unless it is too large.
pub(super) fn value_end(call: &Arc<ServedCall>, size: usize, largest: usize) -> CallEnd {
    match u32::try_from(size) {
        Ok(bytes) if size <= largest => CallEnd::Value(WireValue::Inline(bytes)),
        _ => {
            let reason = format!(
                "gave a result of {size} bytes, more than the {largest} ({}) that may travel to \
                 another process: write it to a file and return the path, or raise \
                 `max_inline_value` of the executor (`{}` returns `{}`)",
                ByteSize(largest as u64),
                call.info.function,
                call.info.returns,
            );
            failed(call, Failure::permanent(FailureKind::Encoding { reason }))
        }
    }
}

pub(super) fn failed(call: &ServedCall, failure: Failure) -> CallEnd {
    let sent = WireFailure::of(&failure, call.info);
    // An error of the user's may panic when it is dropped; it has been read.
    let _ = catch(|| drop(failure));
    CallEnd::Failed(sent)
}

pub(super) fn panicked(call: &ServedCall, report: PanicReport) -> CallEnd {
    failed(call, Failure::new(FailureKind::Panicked(report)))
}

/// The failure of a call whose function is of a kind that no worker runs.
pub(super) fn not_here(call: &ServedCall) -> Failure {
    Failure::permanent(FailureKind::Invalid {
        reason: format!(
            "`{}` was sent to a worker process, which runs no tasks of its kind; this is a bug",
            call.info.function
        ),
    })
}

pub(super) fn wire_usage(run: Duration, taken: ThreadUsage) -> WireUsage {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    WireUsage {
        run: micros(run),
        user: micros(taken.user),
        system: micros(taken.system),
        peak_memory: (run >= WORTH_A_LOOK).then(peak_memory).flatten(),
    }
}

/// The body of a message about a call that ended so.
pub(super) fn body_of<'a>(end: &CallEnd, value: &'a [u8]) -> &'a [u8] {
    match end {
        CallEnd::Value(_) => value,
        CallEnd::Failed(_) | CallEnd::Stopped => &[],
    }
}

/// An end without a body having run.
pub(super) fn stopped(sequence: u64) -> FinishedCall {
    FinishedCall {
        sequence,
        end: CallEnd::Stopped,
        usage: WireUsage::default(),
        stdout: None,
        stderr: None,
    }
}
