//! Failures that commands meet before they run.

use std::io;
use std::sync::Arc;

use crate::{Failure, FailureKind};

/// The system refused what `action` says.
///
/// A full disk, a slow file server or a lack of processes may be over at the next attempt. What
/// is wrong with the request itself, as a directory where a file should be, will not.
pub(super) fn system(action: String, error: io::Error) -> Failure {
    let retryable = !matches!(
        error.kind(),
        io::ErrorKind::AlreadyExists
            | io::ErrorKind::InvalidFilename
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::ReadOnlyFilesystem
    );
    Failure {
        kind: FailureKind::System {
            action,
            error: Arc::new(error),
        },
        retryable,
    }
}

/// The command cannot be run as it is.
pub(super) fn invalid(reason: String) -> Failure {
    Failure::permanent(FailureKind::Invalid { reason })
}
