use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::ProcessEnd;

/// The version of everything in this module. Both sides must have the same: they are the same
/// program, so another one is a mistake and no older release.
pub const PROTOCOL: u32 = 2;

/// What a worker is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToWorker {
    /// The answer to its hello.
    Welcome(Welcome),
    /// Run this. The body holds the inline arguments.
    Run(RunCall),
    /// Stop this call: drop its async body, or tell its synchronous one by its context.
    Stop {
        /// The call's sequence number.
        sequence: u64,
    },
    /// If this call runs, end the process with all it started; its body cannot be stopped otherwise.
    Kill {
        /// The call's sequence number.
        sequence: u64,
    },
    /// Give back those of these calls that have not begun.
    Withdraw {
        /// Their sequence numbers.
        sequences: Vec<u64>,
    },
    /// End, once what runs has ended.
    Close,
}

/// What a worker says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromWorker {
    /// Its first message: who it is.
    Hello(Hello),
    /// A call has ended. The body holds its value, if that is inline.
    Finished(FinishedCall),
    /// The answer to a withdrawal: these have not begun and never will; the others have.
    Withdrawn {
        /// Their sequence numbers.
        sequences: Vec<u64>,
    },
}

/// Who a worker is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The [`PROTOCOL`] it speaks; first, so that every version can read it.
    pub protocol: u32,
    /// Its number within its executor.
    pub worker: u32,
    /// Its process id.
    pub process: u32,
    /// The file it is started from.
    pub program: ProgramIdentity,
    /// The fingerprint of its registry: of all names and signatures.
    pub registry: u64,
}

/// Which file a program is: a copy made for a run never changes, so this tells whether a worker
/// was started from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramIdentity {
    /// The file system.
    pub device: u64,
    /// The file within it.
    pub inode: u64,
    /// Its size in bytes.
    pub size: u64,
    /// When its content was changed last, in nanoseconds since 1970.
    pub modified: i128,
}

/// What a worker needs to know before its first call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Its name in messages, as `compute-3`.
    pub name: String,
    /// How many synchronous bodies it runs at once.
    pub threads: u32,
    /// How many cores it has to itself.
    pub cores: u32,
    /// The most bytes of an inline value.
    pub largest_value: u64,
}

/// A call to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCall {
    /// Numbers the calls sent to this worker, one by one.
    pub sequence: u64,
    /// The task's number.
    pub task: u64,
    /// Which attempt at it, from 1.
    pub attempt: u32,
    /// How many microseconds the attempt may take from its begin, if it has a timeout.
    pub time_left: Option<u64>,
    /// The function, by its place in the registry in order of names.
    pub function: u32,
    /// The call's own name, if it has one.
    pub name: Option<String>,
    /// Where the task works, if not where its process does.
    #[serde(with = "crate::wire::path")]
    pub directory: Option<PathBuf>,
    /// Variables that its body can ask its context for.
    pub variables: Vec<(String, String)>,
    /// Its arguments.
    pub arguments: Vec<WireValue>,
}

/// How a value travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WireValue {
    /// In the body, with so many bytes.
    Inline(u32),
    /// Somewhere else, to be fetched.
    Reference(Reference),
}

/// A value that was left somewhere to be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// Where.
    pub location: String,
    /// How many bytes it has.
    pub size: u64,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishedCall {
    /// The call's sequence number.
    pub sequence: u64,
    /// How it ended.
    pub end: CallEnd,
    /// What it took.
    pub usage: WireUsage,
    /// What it wrote to the worker's stdout, by its place in that file.
    pub stdout: Option<Part>,
    /// The same of stderr.
    pub stderr: Option<Part>,
}

/// A part of a file: the first byte, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The first byte.
    pub start: u64,
    /// How many bytes.
    pub length: u64,
}

/// The ways in which a call ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallEnd {
    /// With this value.
    Value(WireValue),
    /// With a failure.
    Failed(WireFailure),
    /// It was stopped on request.
    Stopped,
}

/// What a call took; times in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireUsage {
    /// From its start to its end.
    pub run: u64,
    /// Processor time in the program.
    pub user: u64,
    /// Processor time in the system.
    pub system: u64,
    /// The most memory, in bytes.
    pub peak_memory: Option<u64>,
}

/// A failure on its way to the driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireFailure {
    /// What happened.
    pub kind: WireFailureKind,
    /// Whether another attempt could end better.
    pub retryable: bool,
}

/// The kinds of failure that other processes report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WireFailureKind {
    /// The body returned an error.
    User {
        /// Its own words.
        message: String,
        /// The words of its causes, nearest first.
        causes: Vec<String>,
        /// The error itself, encoded, where its type can travel.
        value: Option<Vec<u8>>,
    },
    /// The body panicked.
    Panicked {
        /// The panic's message.
        message: String,
        /// The source file, where known.
        file: Option<String>,
        /// The line in that file, from 1.
        line: Option<u32>,
    },
    /// A command exited with a code that is not allowed, or a signal ended it.
    Command {
        /// How its shell ended.
        end: ProcessEnd,
        /// The last lines of its stderr.
        stderr: String,
    },
    /// A command did not make a file it promised.
    MissingOutput {
        /// The file.
        #[serde(with = "crate::wire::path")]
        path: PathBuf,
    },
    /// Something was not to be had from the system.
    System {
        /// What was attempted.
        action: String,
        /// The system's number for the error, if it has one.
        code: Option<i32>,
        /// What sort of error it is, by its place in a table; 0 for none of those in it.
        kind: u8,
        /// The system's words.
        message: String,
    },
    /// The work cannot be run as it is.
    Invalid {
        /// Why.
        reason: String,
    },
    /// An argument, or the result, cannot travel.
    Encoding {
        /// Which and why.
        reason: String,
    },
    /// The workers that ran the body were lost, as often as may be.
    WorkerLost {
        /// The last one's name.
        worker: String,
        /// How its process ended.
        end: ProcessEnd,
        /// The last lines of its stderr.
        stderr: String,
        /// How many the task has lost.
        losses: u32,
    },
    /// What was to run it can run nothing.
    Unavailable {
        /// Why.
        reason: String,
    },
}
