//! What an agent tells of an attempt's end. Pure.

use std::fmt;

use crate::{FailureKind, Outcome, ProcessEnd, signal_name};

/// The signal that batch systems send to all processes of a job that is to end.
const TERMINATED: i32 = 15;

/// The exit code with which a shell tells that the signal has ended its command.
const TERMINATED_CODE: i32 = 128 + TERMINATED;

/// Why an agent ends what runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Departure {
    /// A signal told it to.
    Signal(i32),
    /// The driver did.
    Closed,
}

/// As the end of a sentence that begins with the node.
impl fmt::Display for Departure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(signal) => write!(
                formatter,
                "is about to go: its agent was told to end by signal {signal}{}",
                signal_name(*signal)
            ),
            Self::Closed => formatter.write_str("was given back"),
        }
    }
}

/// How an attempt's end is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As it is.
    AsItIs,
    /// As none: it is for another node. The reason is the end of a sentence that begins with this
    /// one.
    Returned(String),
    /// As none, and so will all that come: nothing can be run here.
    Broken(String),
}

/// Whether an end may be the work of the signal that this agent is about to get too: batch systems
/// send it to all processes of a job, and the others may be faster.
pub(super) fn is_doubtful(outcome: &Outcome) -> bool {
    let Outcome::Failed(failure) = outcome else {
        return false;
    };
    match &failure.kind {
        FailureKind::Signal { signal, .. } => *signal == TERMINATED,
        FailureKind::ExitCode { code, .. } => *code == TERMINATED_CODE,
        FailureKind::WorkerLost(lost) => match lost.end {
            ProcessEnd::Signal(signal) => signal == TERMINATED,
            ProcessEnd::Code(code) => code == TERMINATED_CODE,
            ProcessEnd::Unknown => true,
            ProcessEnd::GivenUp => false,
        },
        FailureKind::Unavailable { .. } => true,
        _ => false,
    }
}

/// How an attempt's end is taken, when it was `asked` to stop by the driver or not.
pub(super) fn verdict(outcome: &Outcome, asked: bool, departure: Option<Departure>) -> Verdict {
    let kind = match outcome {
        Outcome::Succeeded => return Verdict::AsItIs,
        Outcome::Returned { reason } => return Verdict::Returned(reason.clone()),
        Outcome::Stopped if asked => return Verdict::AsItIs,
        Outcome::Stopped => {
            let reason = departure.map_or_else(
                || "has stopped it without being asked to".to_owned(),
                |departure| departure.to_string(),
            );
            return Verdict::Returned(reason);
        }
        Outcome::Failed(failure) => &failure.kind,
    };
    if let Some(departure) = departure {
        return match kind {
            // The body's own words; nobody has ended it.
            FailureKind::User(_)
            | FailureKind::Panicked(_)
            | FailureKind::Encoding { .. }
            | FailureKind::Invalid { .. } => Verdict::AsItIs,
            _ => Verdict::Returned(departure.to_string()),
        };
    }
    match kind {
        FailureKind::Unavailable { reason } => Verdict::Broken(reason.clone()),
        _ => Verdict::AsItIs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Failure, LostWorker, UserError};

    fn failed(kind: FailureKind) -> Outcome {
        Outcome::Failed(Failure::new(kind))
    }

    fn by_signal(signal: i32) -> Outcome {
        let stderr = String::new();
        failed(FailureKind::Signal { signal, stderr })
    }

    fn by_code(code: i32) -> Outcome {
        let stderr = String::new();
        failed(FailureKind::ExitCode { code, stderr })
    }

    fn by_loss(end: ProcessEnd) -> Outcome {
        failed(FailureKind::WorkerLost(LostWorker {
            worker: "compute-n3-1".to_owned(),
            end,
            stderr: String::new(),
            losses: 1,
        }))
    }

    fn by_error() -> Outcome {
        failed(FailureKind::User(UserError {
            message: "no convergence".to_owned(),
            causes: Vec::new(),
            value: None,
        }))
    }

    fn unavailable() -> Outcome {
        let reason = "no bash".to_owned();
        failed(FailureKind::Unavailable { reason })
    }

    #[test]
    fn what_the_end_of_a_job_brings_is_doubtful() {
        for outcome in [
            by_signal(15),
            by_code(143),
            by_loss(ProcessEnd::Signal(15)),
            by_loss(ProcessEnd::Code(143)),
            by_loss(ProcessEnd::Unknown),
            unavailable(),
        ] {
            assert!(is_doubtful(&outcome), "{outcome:?}");
        }
        for outcome in [
            Outcome::Succeeded,
            Outcome::Stopped,
            by_signal(11),
            by_code(1),
            by_loss(ProcessEnd::Signal(11)),
            by_error(),
        ] {
            assert!(!is_doubtful(&outcome), "{outcome:?}");
        }
    }

    #[test]
    fn a_node_that_goes_returns_what_it_has_ended_itself() {
        let departure = Some(Departure::Signal(15));
        let returned = Verdict::Returned(
            "is about to go: its agent was told to end by signal 15 (SIGTERM)".to_owned(),
        );
        for outcome in [
            Outcome::Stopped,
            by_signal(15),
            by_signal(9),
            by_code(1),
            by_loss(ProcessEnd::Signal(9)),
            unavailable(),
        ] {
            assert_eq!(verdict(&outcome, false, departure), returned, "{outcome:?}");
        }
        for outcome in [Outcome::Succeeded, by_error()] {
            assert_eq!(verdict(&outcome, false, departure), Verdict::AsItIs);
        }
        assert_eq!(verdict(&Outcome::Stopped, true, departure), Verdict::AsItIs);
    }

    #[test]
    fn a_node_that_stays_tells_what_happened() {
        for outcome in [
            Outcome::Succeeded,
            by_signal(15),
            by_code(143),
            by_loss(ProcessEnd::Unknown),
            by_error(),
        ] {
            assert_eq!(
                verdict(&outcome, false, None),
                Verdict::AsItIs,
                "{outcome:?}"
            );
        }
        assert_eq!(verdict(&Outcome::Stopped, true, None), Verdict::AsItIs);
        assert!(matches!(
            verdict(&Outcome::Stopped, false, None),
            Verdict::Returned(_)
        ));
        assert_eq!(
            verdict(&unavailable(), false, None),
            Verdict::Broken("no bash".to_owned())
        );
    }
}
