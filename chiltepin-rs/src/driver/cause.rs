//! Why attempts fail, in the kernel's words.

use chiltepin_executors::{Failure, FailureKind, LostWorker, OnLoss, ProcessEnd};

use crate::kernel::{self, Limit, Retry};
use crate::retries::{Cause, Retries};
use crate::task::Header;

/// The signal by which the out-of-memory killer ends processes. Batch systems do the same to what
/// exceeds its memory, and hardly anything else kills tasks so.
const KILL: i32 = 9;

/// The exit status of a shell, or of a container, whose command was ended by that signal.
const KILLED: i32 = 128 + KILL;

/// Why a task's attempt failed; none if it is not to be repeated.
pub(super) fn cause(failure: &Failure, header: &Header) -> Option<kernel::Cause> {
    Some(match &failure.kind {
        FailureKind::WorkerLost(_) | FailureKind::NodesLost { .. }
            if header.on_loss() == OnLoss::Fail =>
        {
            return None;
        }
        FailureKind::WorkerLost(LostWorker {
            end: ProcessEnd::Signal(KILL) | ProcessEnd::Code(KILLED),
            ..
        }) => kernel::Cause::WorkerOutOfMemory,
        // An executor does not repeat it any more.
        FailureKind::WorkerLost(_) => kernel::Cause::WorkerLost,
        FailureKind::NodesLost { .. } => kernel::Cause::Lost,
        _ if !failure.retryable => return None,
        FailureKind::Panicked(_) => kernel::Cause::Panic,
        FailureKind::ExitCode { code, .. } => kernel::Cause::ExitCode(*code),
        FailureKind::Signal { signal: KILL, .. } => kernel::Cause::OutOfMemory,
        FailureKind::System { .. } => kernel::Cause::System,
        _ => kernel::Cause::Error,
    })
}

/// A task's retries as the kernel counts them; with `crash_limit` where it counts the workers too
/// that are lost, on an executor that lets a task lose so many.
pub(super) fn retry(retries: &Retries, crash_limit: Option<u32>, seed: u64) -> Retry {
    let limit = |cause, retries| Limit {
        cause,
        retries,
        used: 0,
    };
    let counts = retries.counts().iter();
    let mut limits: Vec<_> = counts
        .map(|(cause, count)| limit(in_kernel(*cause), *count))
        .collect();
    if let Some(crash_limit) = crash_limit
        && !retries.names(Cause::Lost)
    {
        // The executor reports every worker that is lost, and what is none of memory is to go on
        // as ever.
        let workers = crash_limit.saturating_sub(1);
        limits.push(limit(kernel::Cause::WorkerLost, workers));
    }
    let back_off = retries.given_back_off().unwrap_or_default();
    Retry {
        retries: retries.others(),
        limits,
        base: back_off.base,
        longest: back_off.longest,
        seed,
        ..Retry::default()
    }
}

/// Whether the kernel counts workers that are lost, and not the executor.
pub(super) fn counts_losses(retries: &Retries) -> bool {
    retries.names(Cause::Lost) || retries.names(Cause::OutOfMemory)
}

const fn in_kernel(cause: Cause) -> kernel::Cause {
    match cause {
        Cause::Error => kernel::Cause::Error,
        Cause::Panic => kernel::Cause::Panic,
        Cause::Timeout => kernel::Cause::Timeout,
        Cause::Lost => kernel::Cause::Lost,
        Cause::OutOfMemory => kernel::Cause::OutOfMemory,
        Cause::ExitCode(code) => kernel::Cause::ExitCode(code),
        Cause::System => kernel::Cause::System,
    }
}
