use std::any::Any;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The value of an error, whatever its type.
pub type AnyError = dyn Any + Send + Sync;

/// How an attempt ended. On success the work has kept the value itself.
#[derive(Debug)]
pub enum Outcome {
    /// The body returned a value.
    Succeeded,
    /// The body failed, or could not be run.
    Failed(Failure),
    /// The attempt was stopped on request.
    Stopped,
    /// The attempt did not end, and is none of the task's failures: where it ran is gone. Another
    /// one follows, which does not count as a retry.
    Returned {
        /// What is gone, and why: `node n3 is lost: ...`.
        reason: String,
    },
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
    /// The worker process that ran the body ended under it, as often as it may.
    WorkerLost(LostWorker),
    /// The nodes under the attempts at the task were lost, as often as they may be.
    NodesLost {
        /// How the last one was lost, as the end of a sentence that begins with the task.
        reason: String,
        /// How many attempts at this task have lost their node.
        losses: u32,
    },
    /// The executor cannot run anything, as one whose workers do not start.
    Unavailable {
        /// Why, and what to do.
        reason: String,
    },
    /// An argument, or the result, cannot travel between processes.
    Encoding {
        /// Which and why, as the end of a sentence that begins with the task.
        reason: String,
    },
    /// The work cannot be run as it is, as a script that contains a NUL byte.
    Invalid {
        /// What is wrong, and what to do instead.
        reason: String,
    },
}

/// How a worker process ended that ran a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostWorker {
    /// The worker's name, as `compute-3`.
    pub worker: String,
    /// How its process ended.
    pub end: ProcessEnd,
    /// The last lines it wrote to stderr.
    pub stderr: String,
    /// How many workers this task has lost, this one among them.
    pub losses: u32,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProcessEnd {
    /// It exited with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// Nobody can tell: what would know is gone too.
    Unknown,
    /// It was killed because what it said made no sense.
    GivenUp,
}

/// As the end of a sentence that begins with the process.
impl fmt::Display for ProcessEnd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(formatter, "exited with code {code}"),
            Self::Signal(signal) => {
                write!(
                    formatter,
                    "was ended by signal {signal}{}",
                    signal_name(*signal)
                )
            }
            Self::GivenUp => formatter.write_str("was killed because what it said made no sense"),
            Self::Unknown => formatter.write_str("is gone, with what knew how it ended"),
        }
    }
}

/// The names of the signals that end processes in practice, in brackets.
#[must_use]
pub fn signal_name(signal: i32) -> &'static str {
    match signal {
        1 => " (SIGHUP)",
        2 => " (SIGINT)",
        3 => " (SIGQUIT)",
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        8 => " (SIGFPE)",
        9 => " (SIGKILL: often the kernel's out-of-memory killer)",
        11 => " (SIGSEGV)",
        13 => " (SIGPIPE)",
        15 => " (SIGTERM)",
        24 => " (SIGXCPU)",
        _ => "",
    }
}

/// An error returned by a task's body, by the best rung its type allows.
#[derive(Clone)]
pub struct UserError {
    /// The error's own words.
    pub message: String,
    /// The words of its causes, nearest first.
    pub causes: Vec<String>,
    /// The value itself, where its type can travel to other processes.
    pub value: Option<Arc<AnyError>>,
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
