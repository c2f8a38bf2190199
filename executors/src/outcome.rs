use std::any::Any;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// How an attempt ended. On success the work has kept the value itself.
#[derive(Debug)]
pub enum Outcome {
    /// The body returned a value.
    Succeeded,
    /// The body failed, or could not be run.
    Failed(Failure),
    /// The attempt was stopped on request.
    Stopped,
}

/// Why an attempt failed, before task, executor and attempt are added to it.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What happened.
    pub kind: FailureKind,
    /// Whether another attempt could end better.
    pub retryable: bool,
}

impl Failure {
    /// A failure that a retry may cure.
    #[must_use]
    pub const fn new(kind: FailureKind) -> Self {
        Self {
            kind,
            retryable: true,
        }
    }

    /// A failure that every attempt would meet.
    #[must_use]
    pub const fn permanent(kind: FailureKind) -> Self {
        Self {
            kind,
            retryable: false,
        }
    }
}

/// The kinds of failure an executor tells apart.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FailureKind {
    /// The body returned an error.
    User(UserError),
    /// The body panicked.
    Panicked(PanicReport),
    /// The command exited with a code that is not allowed.
    ExitCode {
        /// The exit code.
        code: i32,
        /// The last lines the command wrote to stderr.
        stderr: String,
    },
    /// A signal ended the command.
    Signal {
        /// The signal's number.
        signal: i32,
        /// The last lines the command wrote to stderr.
        stderr: String,
    },
    /// The command exited well but did not make a file it promised.
    MissingOutput {
        /// The promised file.
        path: PathBuf,
    },
    /// The value of an argument is not to be had; the cause is the driver's own error.
    Dependency(Arc<dyn std::error::Error + Send + Sync>),
    /// A future that a join returned ended badly; the cause is the driver's own error.
    Join(Arc<dyn std::error::Error + Send + Sync>),
    /// Something the attempt needed from the system was not to be had.
    System {
        /// What was attempted, as in "open stdout file `/x`".
        action: String,
        /// What the system said.
        error: Arc<io::Error>,
    },
    /// The work cannot be run as it is, as a script that contains a NUL byte.
    Invalid {
        /// What is wrong, and what to do instead.
        reason: String,
    },
}

/// An error returned by a task's body, by the best rung its type allows.
#[derive(Clone)]
pub struct UserError {
    /// The error's own words.
    pub message: String,
    /// The words of its causes, nearest first.
    pub causes: Vec<String>,
    /// The value itself, where its type can travel to other processes.
    pub value: Option<Arc<dyn Any + Send + Sync>>,
}

impl fmt::Debug for UserError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("UserError")
            .field("message", &self.message)
            .field("causes", &self.causes)
            .field("typed", &self.value.is_some())
            .finish()
    }
}

/// Where and with which words a body panicked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PanicReport {
    /// The panic's message.
    pub message: String,
    /// The source file, where known.
    pub file: Option<String>,
    /// The line in that file, from 1.
    pub line: Option<u32>,
}
