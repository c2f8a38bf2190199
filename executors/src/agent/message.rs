use std::path::PathBuf;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::command::CommandSpec;
use crate::pool::PoolRequest;
use crate::wire::codec::{self, CodecError};
use crate::wire::{Message, Part, WireFailure, WireUsage, WireValue};
use crate::{AttemptId, Capacity, LossRule, Resources, TaskId};

/// The version of everything in this module. Both sides are the same program.
pub const PROTOCOL: u32 = 2;

/// An attempt on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WireAttempt {
    /// The task's number and its place among the driver's tasks.
    pub task: u64,
    /// The place.
    pub index: u32,
    /// Which attempt, from 1.
    pub attempt: u32,
}

/// What an agent says first, before it knows anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentHello {
    /// The [`PROTOCOL`] it speaks; first, so that every version can read it.
    pub protocol: u32,
    /// The executor it was started for.
    pub executor: String,
    /// The block, as its claim says.
    pub block: u32,
    /// The fingerprint of its registry.
    pub registry: u64,
    /// The host name.
    pub host: String,
    /// The name under which the batch system knows the node, else the host name.
    pub node: String,
    /// Its process id.
    pub process: u32,
    /// Cores of the node that this job may use.
    pub cores: u32,
    /// Bytes of memory of the node that this job may use.
    pub memory: u64,
    /// GPUs that the job was granted on this node; none if no variable tells, and the node has what
    /// the configuration says.
    pub gpus: Option<u32>,
    /// How long ago the block began, by the block's own clock; none if that is not known.
    pub age: Option<Duration>,
    /// The flavour and version of the MPI launcher, in its own words, if the claim asked for it;
    /// or why that cannot be told.
    pub launcher: Option<Result<String, String>>,
}

/// What an agent is told in answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentWelcome {
    /// What its pool is made of.
    pub pool: PoolRequest,
    /// Where workers' output files are made.
    #[serde(with = "crate::wire::path")]
    pub output_folder: PathBuf,
}

/// Why what was said first cannot be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GreetingError {
    /// The peer is of another build.
    #[error(
        "it speaks version {0} of the protocol of agents, where this program speaks {PROTOCOL}"
    )]
    OtherProtocol(u32),
    /// It is none.
    #[error("what it said first cannot be read: {0}")]
    Malformed(#[from] CodecError),
}

impl AgentHello {
    /// Its bytes.
    ///
    /// # Errors
    /// It has none, as a text of more than 4 GiB.
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        encoded(self)
    }

    /// Reads it.
    ///
    /// # Errors
    /// It is none, or one of another version.
    pub fn decode(bytes: &[u8]) -> Result<Self, GreetingError> {
        // What follows the number is another version's own.
        let (protocol, _) = codec::decode_front::<u32>(bytes)?;
        if protocol != PROTOCOL {
            return Err(GreetingError::OtherProtocol(protocol));
        }
        decoded(bytes)
    }
}

impl AgentWelcome {
    /// Its bytes.
    ///
    /// # Errors
    /// It has none, as a text of more than 4 GiB.
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        encoded(self)
    }

    /// Reads it.
    ///
    /// # Errors
    /// It is none.
    pub fn decode(bytes: &[u8]) -> Result<Self, GreetingError> {
        decoded(bytes)
    }
}

fn encoded<T: Serialize + 'static>(greeting: &T) -> Result<Vec<u8>, CodecError> {
    let mut bytes = Vec::new();
    codec::encode(greeting, &mut bytes)?;
    Ok(bytes)
}

fn decoded<T: DeserializeOwned + 'static>(bytes: &[u8]) -> Result<T, GreetingError> {
    Ok(codec::decode(bytes)?)
}

/// What an agent is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToAgent {
    /// Run this. The body holds the inline arguments.
    Start(Box<StartCall>),
    /// Stop this attempt; without effect if it has ended.
    Stop {
        /// The attempt.
        attempt: WireAttempt,
    },
    /// What was told to stop, or is from now on, is killed without its grace.
    Hurry,
    /// Kill what is left on this node of an application, wherever it was started, and say when it
    /// is gone.
    Sweep {
        /// Numbers the sweeps.
        number: u64,
        /// The value that its processes have in [`APPLICATION_VARIABLE`](crate::mpi::APPLICATION_VARIABLE).
        application: String,
    },
    /// End: what runs may end within the grace, then it is killed. Then close.
    Close {
        /// The grace.
        grace: Duration,
    },
}

/// A call for a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartCall {
    /// The attempt.
    pub attempt: WireAttempt,
    /// The function, by its place in the registry in order of names.
    pub function: u32,
    /// The call's own name, if it has one.
    pub name: Option<String>,
    /// Where the task works, if not where its process does.
    #[serde(with = "crate::wire::path")]
    pub directory: Option<PathBuf>,
    /// What becomes of the task when its worker is lost.
    pub on_loss: LossRule,
    /// How many workers were lost under the task so far.
    pub losses: u32,
    /// How long the attempt may take from its begin.
    pub timeout: Option<Duration>,
    /// What it asks for while it runs.
    pub resources: Resources,
    /// Of a command: what to execute but for the script, which the body gives.
    pub command: Option<CommandSpec>,
    /// Variables that a function's body can ask its context for; a command has them in its
    /// environment already.
    pub variables: Vec<(String, String)>,
    /// Its arguments.
    pub arguments: Vec<WireValue>,
}

/// What an agent says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromAgent {
    /// The time of an attempt begins.
    Begun {
        /// The attempt.
        attempt: WireAttempt,
    },
    /// An attempt has ended. The body holds its value, if that is inline.
    Finished(Box<FinishedAttempt>),
    /// The attempt was asked to stop and cannot be made to.
    Abandoned {
        /// The attempt.
        attempt: WireAttempt,
    },
    /// A worker was lost under the task of this attempt, which goes on.
    WorkerLost {
        /// The attempt.
        attempt: WireAttempt,
    },
    /// So many more calls may wait at the node than those that run.
    Ahead {
        /// The room.
        #[serde(with = "WireCapacity")]
        capacity: Capacity,
    },
    /// The sweep is done: nothing is left, or so many processes cannot be killed.
    Swept {
        /// The sweep's number.
        number: u64,
        /// How many were there.
        found: u32,
        /// How many are still there.
        left: u32,
    },
    /// The agent was told to go, by a signal: it starts nothing any more, and what runs is stopped.
    Leaving {
        /// The signal's number.
        signal: i32,
    },
    /// The node can run nothing, for this reason, as an environment line that fails.
    Broken {
        /// Why.
        reason: String,
    },
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishedAttempt {
    /// The attempt.
    pub attempt: WireAttempt,
    /// How it ended.
    pub end: AttemptEnd,
    /// The account of it, where one was made.
    pub report: Option<WireReport>,
}

/// The ways in which an attempt ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttemptEnd {
    /// With this value.
    Value(WireValue),
    /// As a command that exited with this code, which is allowed.
    Exited(i32),
    /// With a failure.
    Failed(WireFailure),
    /// It was stopped on request.
    Stopped,
    /// It was stopped because the node is about to go.
    Returned {
        /// Why.
        reason: String,
    },
}

/// The account of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireReport {
    /// The worker, as `compute-n1-3`; none for a command.
    pub worker: Option<String>,
    /// The process id of the worker, or of the command's shell.
    pub process: u32,
    /// What it took; times in microseconds.
    pub usage: WireUsage,
    /// What it wrote to stdout, where that was kept.
    pub stdout: Option<WirePart>,
    /// What it wrote to stderr, where that was kept.
    pub stderr: Option<WirePart>,
}

/// A part of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WirePart {
    /// The file.
    #[serde(with = "crate::wire::path")]
    pub file: PathBuf,
    /// Its first byte and how many.
    pub part: Part,
}

/// Room on the wire.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Capacity")]
struct WireCapacity {
    async_bodies: u32,
    cores: u32,
    memory: u64,
    gpus: u32,
}

impl From<AttemptId> for WireAttempt {
    fn from(attempt: AttemptId) -> Self {
        Self {
            task: attempt.task.number(),
            index: attempt.task.index(),
            attempt: attempt.attempt,
        }
    }
}

impl From<WireAttempt> for AttemptId {
    fn from(attempt: WireAttempt) -> Self {
        Self {
            task: TaskId::new(attempt.task, attempt.index),
            attempt: attempt.attempt,
        }
    }
}

impl Message for ToAgent {
    fn body_length(&self) -> Option<usize> {
        match self {
            Self::Start(call) => crate::wire::inline_length(&call.arguments),
            _ => Some(0),
        }
    }
}

impl Message for FromAgent {
    fn body_length(&self) -> Option<usize> {
        match self {
            Self::Finished(finished) => match &finished.end {
                AttemptEnd::Value(value) => crate::wire::inline_length(std::slice::from_ref(value)),
                _ => Some(0),
            },
            _ => Some(0),
        }
    }
}
