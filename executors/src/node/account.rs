//! How a command ended, on its way from the spawner to the driver.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::command::CommandEnd;
use crate::{Failure, FailureKind};

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum WireEnd {
    Code(i32),
    Stopped,
    Failed { kind: WireKind, retryable: bool },
}

/// The kinds of failure that a command can meet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum WireKind {
    ExitCode {
        code: i32,
        stderr: String,
    },
    Signal {
        signal: i32,
        stderr: String,
    },
    MissingOutput {
        #[serde(with = "crate::wire::path")]
        path: PathBuf,
    },
    System {
        action: String,
        /// The system's number for the error, if it has one.
        code: Option<i32>,
        message: String,
    },
    Invalid {
        reason: String,
    },
}

impl From<&Result<i32, CommandEnd>> for WireEnd {
    fn from(end: &Result<i32, CommandEnd>) -> Self {
        match end {
            Ok(code) => Self::Code(*code),
            Err(CommandEnd::Stopped) => Self::Stopped,
            Err(CommandEnd::Failed(failure)) => Self::Failed {
                kind: WireKind::from(&failure.kind),
                retryable: failure.retryable,
            },
        }
    }
}

impl From<&FailureKind> for WireKind {
    fn from(kind: &FailureKind) -> Self {
        match kind {
            FailureKind::ExitCode { code, stderr } => Self::ExitCode {
                code: *code,
                stderr: stderr.clone(),
            },
            FailureKind::Signal { signal, stderr } => Self::Signal {
                signal: *signal,
                stderr: stderr.clone(),
            },
            FailureKind::MissingOutput { path } => Self::MissingOutput { path: path.clone() },
            FailureKind::System { action, error } => Self::System {
                action: action.clone(),
                code: error.raw_os_error(),
                message: error.to_string(),
            },
            FailureKind::Invalid { reason } => Self::Invalid {
                reason: reason.clone(),
            },
            // A command meets no other kind.
            other => Self::Invalid {
                reason: format!("{other:?}"),
            },
        }
    }
}

impl From<WireEnd> for Result<i32, CommandEnd> {
    fn from(wire: WireEnd) -> Self {
        Err(match wire {
            WireEnd::Code(code) => return Ok(code),
            WireEnd::Stopped => CommandEnd::Stopped,
            WireEnd::Failed { kind, retryable } => CommandEnd::Failed(Failure {
                kind: kind.into(),
                retryable,
            }),
        })
    }
}

impl From<WireKind> for FailureKind {
    fn from(wire: WireKind) -> Self {
        match wire {
            WireKind::ExitCode { code, stderr } => Self::ExitCode { code, stderr },
            WireKind::Signal { signal, stderr } => Self::Signal { signal, stderr },
            WireKind::MissingOutput { path } => Self::MissingOutput { path },
            WireKind::System {
                action,
                code,
                message,
            } => {
                let error =
                    code.map_or_else(|| io::Error::other(message), io::Error::from_raw_os_error);
                Self::System {
                    action,
                    error: Arc::new(error),
                }
            }
            WireKind::Invalid { reason } => Self::Invalid { reason },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(end: Result<i32, CommandEnd>) -> Result<i32, CommandEnd> {
        let bytes = postcard::to_stdvec(&WireEnd::from(&end)).unwrap();
        postcard::from_bytes::<WireEnd>(&bytes).unwrap().into()
    }

    #[test]
    fn every_end_of_a_command_arrives() {
        let failed = |kind, retryable| Err(CommandEnd::Failed(Failure { kind, retryable }));
        let error = |code| Arc::new(io::Error::from_raw_os_error(code));
        let ends = [
            Ok(0),
            Ok(-3),
            Err(CommandEnd::Stopped),
            failed(
                FailureKind::ExitCode {
                    code: 7,
                    stderr: "no data".to_owned(),
                },
                true,
            ),
            failed(
                FailureKind::Signal {
                    signal: 9,
                    stderr: String::new(),
                },
                true,
            ),
            failed(FailureKind::MissingOutput { path: "a/b".into() }, true),
            failed(
                FailureKind::System {
                    action: "start `bash`".to_owned(),
                    error: error(libc::ENOSPC),
                },
                false,
            ),
            failed(
                FailureKind::Invalid {
                    reason: "a NUL byte".to_owned(),
                },
                false,
            ),
        ];
        for end in ends {
            assert_eq!(
                format!("{:?}", there_and_back(end.clone())),
                format!("{end:?}")
            );
        }
    }

    #[test]
    fn an_error_without_a_number_keeps_its_words() {
        let error = Arc::new(io::Error::new(io::ErrorKind::NotFound, "no bash"));
        let action = "find `bash`".to_owned();
        let kind = FailureKind::System { action, error };
        let Err(CommandEnd::Failed(failure)) =
            there_and_back(Err(CommandEnd::Failed(Failure::permanent(kind))))
        else {
            panic!("no failure")
        };
        let FailureKind::System { error, .. } = failure.kind else {
            panic!("{failure:?}")
        };
        assert_eq!(error.to_string(), "no bash");
    }
}
