//! Failures on their way between processes.

use std::io;
use std::sync::Arc;

use super::cut::{Allowance, MOST_DETAIL, MOST_VALUE, MOST_WORDS};
use super::io_kind;
use super::message::{WireFailure, WireFailureKind};
use crate::panic::catch;
use crate::registry::{ErrorCodec, TaskInfo};
use crate::{AnyError, Failure, FailureKind, LostWorker, PanicReport, ProcessEnd, UserError};

impl WireFailure {
    /// The failure of a call of this task, as it is sent: in less than a mebibyte, whatever it
    /// says. Panics of the user's code are caught.
    #[must_use]
    pub fn of(failure: &Failure, info: &TaskInfo) -> Self {
        Self {
            kind: WireFailureKind::of(&failure.kind, Some(info)),
            retryable: failure.retryable,
        }
    }

    /// The failure of a command, which meets none that is of a task's own type.
    pub(crate) fn of_command(failure: &Failure) -> Self {
        Self {
            kind: WireFailureKind::of(&failure.kind, None),
            retryable: failure.retryable,
        }
    }

    /// The failure of a command, as it was.
    pub(crate) fn into_command_failure(self) -> Failure {
        Failure {
            kind: self.kind.into_kind(None),
            retryable: self.retryable,
        }
    }

    /// The failure as its task has it. Panics of the user's code are caught.
    #[must_use]
    pub fn into_failure(self, info: &TaskInfo) -> Failure {
        Failure {
            kind: self.kind.into_kind(Some(info)),
            retryable: self.retryable,
        }
    }
}

impl WireFailureKind {
    fn of(kind: &FailureKind, info: Option<&TaskInfo>) -> Self {
        let mut allowed = Allowance::new();
        match kind {
            FailureKind::User(error) => user(error, info, &mut allowed),
            FailureKind::Panicked(PanicReport {
                message,
                file,
                line,
            }) => Self::Panicked {
                message: allowed.beginning(message, MOST_WORDS),
                file: file
                    .as_ref()
                    .map(|file| allowed.beginning(file, MOST_DETAIL)),
                line: *line,
            },
            FailureKind::ExitCode { code, stderr } => Self::Command {
                end: ProcessEnd::Code(*code),
                stderr: allowed.end(stderr, MOST_WORDS),
            },
            FailureKind::Signal { signal, stderr } => Self::Command {
                end: ProcessEnd::Signal(*signal),
                stderr: allowed.end(stderr, MOST_WORDS),
            },
            FailureKind::MissingOutput { path } => Self::MissingOutput {
                path: if path.as_os_str().len() <= MOST_DETAIL {
                    path.clone()
                } else {
                    // No file has so long a path.
                    allowed
                        .beginning(&path.to_string_lossy(), MOST_DETAIL)
                        .into()
                },
            },
            FailureKind::System { action, error } => Self::System {
                action: allowed.beginning(action, MOST_WORDS),
                code: error.raw_os_error(),
                kind: io_kind::number(error.kind()),
                message: allowed.beginning(&error.to_string(), MOST_WORDS),
            },
            FailureKind::Invalid { reason } => Self::Invalid {
                reason: allowed.beginning(reason, MOST_WORDS),
            },
            FailureKind::Unavailable { reason } => Self::Unavailable {
                reason: allowed.beginning(reason, MOST_WORDS),
            },
            FailureKind::Encoding { reason } => Self::Encoding {
                reason: allowed.beginning(reason, MOST_WORDS),
            },
            // What follows is known only where the call was made, and comes from there.
            FailureKind::Dependency(error) | FailureKind::Join(error) => Self::Invalid {
                reason: allowed.beginning(&error.to_string(), MOST_WORDS),
            },
            FailureKind::NodesLost { reason, .. } => Self::Invalid {
                reason: allowed.beginning(reason, MOST_WORDS),
            },
            FailureKind::WorkerLost(lost) => Self::WorkerLost {
                worker: allowed.beginning(&lost.worker, MOST_DETAIL),
                end: lost.end,
                stderr: allowed.end(&lost.stderr, MOST_WORDS),
                losses: lost.losses,
            },
        }
    }

    fn into_kind(self, info: Option<&TaskInfo>) -> FailureKind {
        match self {
            Self::User {
                message,
                causes,
                value,
            } => FailureKind::User(UserError {
                message,
                causes,
                value: value.and_then(|bytes| decode(&bytes, info)),
            }),
            Self::Panicked {
                message,
                file,
                line,
            } => FailureKind::Panicked(PanicReport {
                message,
                file,
                line,
            }),
            Self::Command { end, stderr } => match end {
                ProcessEnd::Code(code) => FailureKind::ExitCode { code, stderr },
                ProcessEnd::Signal(signal) => FailureKind::Signal { signal, stderr },
                ProcessEnd::Unknown | ProcessEnd::GivenUp => FailureKind::System {
                    action: "learn how its command ended".to_owned(),
                    error: Arc::new(io::Error::other("what would know is gone too")),
                },
            },
            Self::MissingOutput { path } => FailureKind::MissingOutput { path },
            Self::System {
                action,
                code,
                kind,
                message,
            } => FailureKind::System {
                action,
                error: Arc::new(match code {
                    Some(code) => io::Error::from_raw_os_error(code),
                    None => io::Error::new(io_kind::kind(kind), message),
                }),
            },
            Self::Invalid { reason } => FailureKind::Invalid { reason },
            Self::Encoding { reason } => FailureKind::Encoding { reason },
            Self::WorkerLost {
                worker,
                end,
                stderr,
                losses,
            } => FailureKind::WorkerLost(LostWorker {
                worker,
                end,
                stderr,
                losses,
            }),
            Self::Unavailable { reason } => FailureKind::Unavailable { reason },
        }
    }
}

/// The error that a body returned.
fn user(error: &UserError, info: Option<&TaskInfo>, allowed: &mut Allowance) -> WireFailureKind {
    let mut message = allowed.beginning(&error.message, MOST_WORDS);
    let value = error
        .value
        .as_ref()
        .and_then(|value| encode(&**value, info));
    let size = value.as_ref().map_or(0, Vec::len);
    let value = value.filter(|_| size <= MOST_VALUE);
    if value.is_none() && size > 0 {
        message.push_str(&format!(
            " [the error itself has {size} bytes when it is encoded, and at most {MOST_VALUE} \
             travel to another process: only its words are left]"
        ));
    }
    WireFailureKind::User {
        message,
        causes: allowed.causes(&error.causes),
        value,
    }
}

fn encode(value: &AnyError, info: Option<&TaskInfo>) -> Option<Vec<u8>> {
    // An error that cannot be encoded keeps its words, and so does one whose `Serialize` panics.
    catch(|| codec(info).and_then(|codec| (codec.encode)(value))).ok()?
}

fn decode(bytes: &[u8], info: Option<&TaskInfo>) -> Option<Arc<AnyError>> {
    catch(|| codec(info).and_then(|codec| (codec.decode)(bytes))).ok()?
}

fn codec(info: Option<&TaskInfo>) -> Option<ErrorCodec> {
    (info?.error)()
}
