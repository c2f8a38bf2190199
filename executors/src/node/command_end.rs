//! How a command ended, on its way from the spawner to the driver.

use serde::{Deserialize, Serialize};

use crate::command::CommandEnd;
use crate::wire::WireFailure;

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum WireEnd {
    Code(i32),
    Stopped,
    Failed(WireFailure),
}

impl From<&Result<i32, CommandEnd>> for WireEnd {
    fn from(end: &Result<i32, CommandEnd>) -> Self {
        match end {
            Ok(code) => Self::Code(*code),
            Err(CommandEnd::Stopped) => Self::Stopped,
            Err(CommandEnd::Failed(failure)) => Self::Failed(WireFailure::of_command(failure)),
        }
    }
}

impl From<WireEnd> for Result<i32, CommandEnd> {
    fn from(wire: WireEnd) -> Self {
        Err(match wire {
            WireEnd::Code(code) => return Ok(code),
            WireEnd::Stopped => CommandEnd::Stopped,
            WireEnd::Failed(failure) => CommandEnd::Failed(failure.into_command_failure()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use super::*;
    use crate::{Failure, FailureKind};

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
