use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Serialize;

use super::job::Payload;
use crate::wire::{CallEnd, FinishedCall, FrameError, WireUsage, WireValue};
use crate::{Attempt, EncodedCall, Failure, FailureKind, Outcome, OutputPart, Report, Usage, Work};

use super::connection::Connection;
use super::link::Facts;

/// An attempt as the pool keeps it until it has ended, to send it again if its worker is lost.
pub(super) struct Call {
    pub(super) attempt: Attempt,
    pub(super) work: Arc<dyn Work>,
    /// How long it may take from its begin.
    pub(super) timeout: Option<Duration>,
    /// None of a command, whose body runs here.
    pub(super) encoded: Option<(EncodedCall, u32)>,
}

impl Payload for Arc<Call> {
    fn count_loss(&self) -> u32 {
        self.work.count_loss()
    }

    fn is_timed(&self) -> bool {
        self.timeout.is_some()
    }
}

/// [`ToWorker::Run`](crate::wire::ToWorker::Run) by reference; the place among the variants is the
/// same.
#[derive(Serialize)]
enum Run<'a> {
    #[expect(dead_code, reason = "holds the place of the variant before it")]
    Welcome,
    Run(RunCallRef<'a>),
}

/// [`RunCall`](crate::wire::RunCall) by reference.
#[derive(Serialize)]
struct RunCallRef<'a> {
    sequence: u64,
    task: u64,
    attempt: u32,
    time_left: Option<u64>,
    function: u32,
    name: &'a Option<String>,
    /// The bytes of its path.
    directory: Option<&'a [u8]>,
    variables: &'a [(String, String)],
    arguments: &'a [WireValue],
}

fn bytes(path: Option<&Path>) -> Option<&[u8]> {
    path.map(|path| path.as_os_str().as_bytes())
}

impl Call {
    /// Puts the call into a worker's outbox.
    pub(super) fn send(&self, connection: &Connection, sequence: u64) -> Result<(), FrameError> {
        let Some((encoded, function)) = &self.encoded else {
            return Ok(());
        };
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let run = Run::Run(RunCallRef {
            sequence,
            task: self.attempt.id.task.number(),
            attempt: self.attempt.id.attempt,
            time_left: self.timeout.map(micros),
            function: *function,
            name: &encoded.name,
            directory: bytes(encoded.directory.as_deref()),
            variables: &encoded.variables,
            arguments: &encoded.arguments.values,
        });
        connection.add(&run, &encoded.arguments.bytes)
    }

    /// Takes what a worker says of the call's end, and reports it.
    pub(super) fn settle(&self, finished: FinishedCall, body: Bytes, facts: &Facts) -> Outcome {
        self.work
            .report(report(&finished, self.attempt.id.attempt, facts));
        match finished.end {
            CallEnd::Value(WireValue::Inline(_)) => self.work.returned(body),
            CallEnd::Value(WireValue::Reference(reference)) => {
                let reason = format!(
                    "its value was left at `{}`, from where this version fetches nothing",
                    reference.location
                );
                Outcome::Failed(Failure::permanent(FailureKind::Invalid { reason }))
            }
            CallEnd::Failed(failure) => match &self.encoded {
                Some((encoded, _)) => Outcome::Failed(failure.into_failure(encoded.info)),
                None => Outcome::Stopped,
            },
            CallEnd::Stopped => Outcome::Stopped,
        }
    }
}

fn report(finished: &FinishedCall, attempt: u32, facts: &Facts) -> Report {
    let part = |part: Option<crate::wire::Part>, file: &Arc<Path>| {
        part.map(|part| OutputPart {
            file: Arc::clone(file),
            bytes: part.start..part.start.saturating_add(part.length),
        })
    };
    let usage = usage(&finished.usage);
    let now = Instant::now();
    Report {
        node: Arc::clone(&facts.node),
        worker: Some(Arc::clone(&facts.name)),
        process: facts.process,
        attempt,
        begun: now.checked_sub(usage.run).unwrap_or(now),
        usage,
        stdout: part(finished.stdout, &facts.stdout),
        stderr: part(finished.stderr, &facts.stderr),
    }
}

fn usage(usage: &WireUsage) -> Usage {
    Usage {
        run: Duration::from_micros(usage.run),
        user: Duration::from_micros(usage.user),
        system: Duration::from_micros(usage.system),
        peak_memory: usage.peak_memory,
    }
}

/// The failure of something that the system refuses.
pub(super) fn refused(action: String, error: io::Error) -> Failure {
    Failure::new(FailureKind::System {
        action,
        error: Arc::new(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{RunCall, ToWorker, write_frame};

    #[test]
    fn a_call_by_reference_is_encoded_as_the_message() {
        let call = RunCall {
            sequence: 300,
            task: 1 << 40,
            attempt: 2,
            time_left: Some(77),
            function: 5,
            name: Some("name".to_owned()),
            directory: Some("/directory".into()),
            variables: vec![("A".to_owned(), "b c".to_owned())],
            arguments: vec![WireValue::Inline(3), WireValue::Inline(0)],
        };
        let mut owned = Vec::new();
        write_frame(&mut owned, &ToWorker::Run(call.clone()), b"abc").unwrap();
        let by_reference = Run::Run(RunCallRef {
            sequence: call.sequence,
            task: call.task,
            attempt: call.attempt,
            time_left: call.time_left,
            function: call.function,
            name: &call.name,
            directory: bytes(call.directory.as_deref()),
            variables: &call.variables,
            arguments: &call.arguments,
        });
        let mut referred = Vec::new();
        write_frame(&mut referred, &by_reference, b"abc").unwrap();
        assert_eq!(owned, referred);
    }
}
