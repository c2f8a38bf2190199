//! What driver and spawner say to each other. They are the same program, so there is no older
//! version to be understood.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::command_end::WireEnd;
use super::settings::Launch;
use crate::command::CommandSpec;
use crate::{AttemptId, ProcessEnd, TaskId, Usage};

/// The most bytes of a message to the driver, which holds at most two pieces of stderr.
pub(super) const LARGEST_TO_DRIVER: usize = 4 << 20;

/// The most bytes of a message to the spawner, which may hold a script of any length: what a frame
/// can say. The driver refuses what is longer.
pub(super) const LARGEST_TO_SPAWNER: usize = u32::MAX as usize;

/// What the spawner is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ToSpawner {
    Launch(WireLaunch),
    Kill {
        worker: u32,
    },
    Execute {
        attempt: WireAttempt,
        spec: CommandSpec,
        /// Begin it when this one has ended.
        after: Option<WireAttempt>,
    },
    /// Begin a command now that was to follow on another.
    Release {
        attempt: WireAttempt,
    },
    /// Without effect on a command that is not running.
    Stop {
        attempt: WireAttempt,
    },
    /// What is told to stop, or was, is killed without its grace.
    Hurry,
    /// End; what still runs after this time is killed.
    Close {
        grace: Duration,
    },
}

/// What the spawner says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum FromSpawner {
    Hello(Hello),
    Launched {
        worker: u32,
        process: u32,
    },
    Exited {
        worker: u32,
        end: ProcessEnd,
        stderr: String,
    },
    Executed {
        attempt: WireAttempt,
        end: WireEnd,
        usage: Usage,
        process: u32,
    },
}

/// Its first message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    /// The version of the protocol; first, so that every version can read it.
    pub(super) protocol: u32,
    pub(super) process: u32,
    pub(super) host: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WireLaunch {
    pub(super) worker: u32,
    pub(super) environment: Vec<(String, String)>,
    #[serde(with = "crate::wire::path")]
    pub(super) stdout: PathBuf,
    #[serde(with = "crate::wire::path")]
    pub(super) stderr: PathBuf,
    pub(super) cpus: Vec<u32>,
    #[serde(with = "crate::wire::path")]
    pub(super) socket: PathBuf,
    #[serde(with = "crate::wire::path")]
    pub(super) page: PathBuf,
}

impl From<Launch> for WireLaunch {
    fn from(launch: Launch) -> Self {
        let Launch {
            worker,
            environment,
            stdout,
            stderr,
            cpus,
            socket,
            page,
        } = launch;
        Self {
            worker,
            environment,
            stdout,
            stderr,
            cpus,
            socket,
            page,
        }
    }
}

/// An attempt on its way to the spawner and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct WireAttempt {
    number: u64,
    index: u32,
    pub(super) attempt: u32,
}

impl From<AttemptId> for WireAttempt {
    fn from(id: AttemptId) -> Self {
        Self {
            number: id.task.number(),
            index: id.task.index(),
            attempt: id.attempt,
        }
    }
}

impl From<WireAttempt> for AttemptId {
    fn from(wire: WireAttempt) -> Self {
        Self {
            task: TaskId::new(wire.number, wire.index),
            attempt: wire.attempt,
        }
    }
}
