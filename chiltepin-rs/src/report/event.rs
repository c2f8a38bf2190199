//! What happens in a run: one vocabulary from where it happens to where it is read.
//!
//! ```text
//!   driver: Event<Text> ──journal──► file: Event<NameId> ──reader──► Event<Arc<str>>
//! ```
//!
//! Times are microseconds since the run began. The file is postcard, so the order of fields and
//! variants is its format: whoever changes it raises `VERSION` of the journal.

use std::sync::Arc;

use chiltepin_executors::TaskKind;
use chiltepin_executors::registry::TaskInfo;
use serde::{Deserialize, Serialize};

/// A text that stands in the file once, and by this number wherever it is meant again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct NameId(pub(crate) u32);

/// A text as the driver has it: cheap to make, and worked out by the writer.
#[derive(Clone, Debug)]
pub(crate) enum Text {
    /// The full name of a task function.
    Function(&'static TaskInfo),
    Words(Arc<str>),
}

/// No text is longer than this, in bytes: what a command wrote last, or what an error holds, can be
/// anything.
const LONGEST: usize = 4096;

impl Text {
    /// A text, or the first part of one that is too long.
    pub(crate) fn new(words: &str) -> Self {
        let mut end = words.len().min(LONGEST);
        while !words.is_char_boundary(end) {
            end -= 1;
        }
        Self::Words(Arc::from(&words[..end]))
    }
}

/// Something that happened, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event<N> {
    pub(crate) at: u64,
    pub(crate) what: What<N>,
}

/// What happened. Tasks go by their number, executors by their place in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum What<N> {
    /// Always the first.
    RunStarted(Box<RunStarted>),
    /// From here on a number stands for a text.
    Named {
        name: NameId,
        text: String,
    },
    Submitted {
        task: u64,
        function: N,
        /// Where it may run, one bit for each executor.
        executors: u64,
        priority: i32,
        kind: Kind,
        more: Option<Box<More<N>>>,
    },
    Depends {
        task: u64,
        on: u64,
    },
    /// On a future of another workflow.
    DependsOutside {
        task: u64,
    },
    /// Its result is looked for in the cache.
    Looking {
        task: u64,
    },
    /// Its result was looked for in the cache.
    Looked {
        task: u64,
        is_there: bool,
    },
    /// Handed to an executor.
    Started {
        task: u64,
        attempt: u32,
        executor: u8,
        /// The executor's number for the room it is bound to.
        offer: u32,
    },
    /// The body began, on an executor that tells so.
    Began {
        task: u64,
        attempt: u32,
    },
    /// It begins as an MPI application, on these nodes.
    Placed {
        task: u64,
        attempt: u32,
        /// By their numbers within the executor.
        nodes: Box<[u32]>,
    },
    /// The worker it was with is gone, and the executor runs it again by itself.
    WorkerLost {
        task: u64,
        /// How many workers the task has lost so far.
        losses: u32,
    },
    /// The arguments of a call, for it to be run again.
    Arguments {
        task: u64,
        arguments: Box<Arguments<N>>,
    },
    /// Told to stop.
    Stopping {
        task: u64,
        attempt: u32,
    },
    Finished {
        task: u64,
        attempt: u32,
        how: How<N>,
    },
    /// What an attempt took, told by an executor that keeps accounts.
    Reported {
        task: u64,
        attempt: u32,
        account: Box<AttemptAccount<N>>,
    },
    Retrying {
        task: u64,
        attempt: u32,
        /// Microseconds until the next attempt may start.
        pause: u64,
        /// None for an attempt that took too long.
        error: Option<N>,
    },
    Ended {
        task: u64,
        ending: Ending<N>,
    },
    Block(Box<BlockChange<N>>),
    /// The room in a place of an executor, by its number; none once it is gone.
    Room {
        executor: u8,
        offer: u32,
        room: Option<Box<Room>>,
    },
    /// An executor runs nothing, or nothing any more.
    Unavailable {
        executor: u8,
        reason: N,
    },
    /// Why an executor asks for no blocks though there is work for them; none once it does again.
    Hindered {
        executor: N,
        reason: Option<N>,
    },
    /// So many events are missing here: they came faster than the disk took them.
    Missed {
        events: u64,
    },
    RunEnded {
        outcome: RunOutcome,
    },
}

/// What a run is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunStarted {
    /// What no other run has: the number of its folder may be given again once that is removed.
    pub(crate) id: String,
    pub(crate) program: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) directory: String,
    pub(crate) host: String,
    pub(crate) process: u32,
    /// The configuration with all defaults, as TOML.
    pub(crate) config: String,
    /// Name and provider of each, in order of their numbers.
    pub(crate) executors: Vec<(String, String)>,
    /// The executors whose nodes are charged to an account, each with it.
    pub(crate) accounts: Vec<(String, String)>,
    /// How many tasks of a label may run at once, for each that has a limit.
    pub(crate) limits: Vec<(String, u32)>,
    /// The arguments with which the program comes to where it is asked what it was started for; none
    /// where it never does.
    pub(crate) restart: Option<Vec<String>>,
    /// Of this crate.
    pub(crate) version: String,
    /// Microseconds since the Unix epoch at time 0 of the run.
    pub(crate) unix_time: u64,
}

/// What few calls set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct More<N> {
    /// Where it is not the function's own.
    pub(crate) name: Option<N>,
    pub(crate) labels: Vec<N>,
    /// What it asks for; 0 for what it does not say.
    pub(crate) cores: u32,
    /// In bytes.
    pub(crate) memory: u64,
    pub(crate) gpus: u32,
    /// The nodes of an MPI application.
    pub(crate) nodes: u32,
}

/// What is recorded of a call's arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Arguments<N> {
    Whole(WholeArguments),
    /// They have more bytes than this.
    TooLarge {
        most: u64,
    },
    /// They have no encoded form.
    NotEncoded {
        reason: N,
    },
    /// Those of others have come to this many bytes.
    NoMore {
        most: u64,
    },
}

/// All that a call is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WholeArguments {
    /// Of the function, as the registry has it.
    pub(crate) body: u128,
    /// How many bytes each argument has.
    pub(crate) sizes: Vec<u32>,
    /// As other processes are sent them.
    pub(crate) bytes: Vec<u8>,
    /// Where the task works, if the call says so.
    pub(crate) directory: Option<String>,
    /// Of a command, beside 0.
    pub(crate) allowed_exit_codes: Vec<i32>,
}

/// How the body of a task runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    #[default]
    Function,
    AsyncFunction,
    Command,
    Join,
}

impl From<TaskKind> for Kind {
    fn from(kind: TaskKind) -> Self {
        match kind {
            TaskKind::AsyncFunction => Self::AsyncFunction,
            TaskKind::Command => Self::Command,
            TaskKind::Join => Self::Join,
            _ => Self::Function,
        }
    }
}

/// Room for tasks, or what a task needs of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Room {
    pub(crate) async_bodies: u32,
    pub(crate) cores: u32,
    /// In bytes.
    pub(crate) memory: u64,
    pub(crate) gpus: u32,
}

/// How an attempt finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum How<N> {
    Succeeded,
    Failed(Box<Trouble<N>>),
    /// It was told to.
    Stopped,
    /// Where it ran is gone; it does not count.
    Returned {
        reason: N,
    },
    /// It was told to stop and cannot be.
    Abandoned,
}

/// An error, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trouble<N> {
    /// One word, as `panicked`.
    pub(crate) kind: N,
    pub(crate) message: N,
    /// File and line, where they are known.
    pub(crate) place: Option<N>,
}

/// What an attempt took, and where; times in microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AttemptAccount<N> {
    pub(crate) node: N,
    pub(crate) worker: Option<N>,
    pub(crate) process: u32,
    /// Since the run began.
    pub(crate) begun: u64,
    pub(crate) run: u64,
    pub(crate) user: u64,
    pub(crate) system: u64,
    /// In bytes.
    pub(crate) peak_memory: Option<u64>,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ending<N> {
    Succeeded,
    /// After its last attempt, or before any: then it could not run.
    Failed(Box<Trouble<N>>),
    /// Not run; the task where the trouble began, if it is one of this run.
    DependencyFailed {
        root: Option<u64>,
    },
    TimedOut {
        is_abandoned: bool,
    },
    Cancelled {
        is_abandoned: bool,
    },
    /// The workflow was closed before.
    Closed,
}

/// How a block of nodes stands from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BlockChange<N> {
    pub(crate) executor: N,
    pub(crate) block: u32,
    /// The batch system's number, once there is one.
    pub(crate) job: Option<N>,
    pub(crate) state: N,
    pub(crate) reason: Option<N>,
    /// How many nodes it was asked for with.
    pub(crate) size: u32,
    /// Those that have joined.
    pub(crate) nodes: Vec<NodeStanding<N>>,
}

/// How a node of a block stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NodeStanding<N> {
    /// Within the executor; offers and [`What::Placed`] mean it by this.
    pub(crate) number: u32,
    pub(crate) name: N,
    pub(crate) state: N,
}

/// How a run ended that did so itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RunOutcome {
    /// Everything was let run to its end.
    Closed,
    /// What had not ended was cancelled.
    Cancelled,
}
