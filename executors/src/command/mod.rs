//! Shell commands as real process groups.
//!
//! ```text
//!                 launch                                run                      judge
//!   CommandSpec ─► script: argument or file ─► spawn ─► wait ─► exited ─► code, outputs ─► value
//!                  streams: files or nowhere             │ ▲  └► stderr's tail ─────────► Failure
//!                  mark: names all descendants           │ │
//!                                         stop requested │ │ all gone
//!                                                        ▼ │
//!                    census of /proc ─► TERM ─► kill_grace ─► KILL ─► reap      ─────► Stopped
//! ```
//!
//! A [`Shell`] executes a [`CommandSpec`] with `bash -c`, in a process group of its own, with
//! `/dev/null` as stdin. One thread keeps one command: it opens the files, spawns, waits in
//! `poll` for exit, stderr and a request to stop, and reaps. That is the fastest way measured:
//! handing the wait to an async runtime cost a tenth of a short command's time in wake-ups, and
//! spawning on a runtime's worker keeps its input and output from being polled meanwhile.
//!
//! What a script leaves running in the background when it exits by itself is left alone: it was
//! started to stay. What runs when a command is *stopped* is ended, wherever it went: members of
//! the process group, descendants that left it, and orphans, which are found by a variable in
//! their environment, [`COMMAND_VARIABLE`]. Only a process that is an orphan, left the group and
//! cleared its environment escapes.

mod application;
mod bell;
mod census;
mod failure;
mod launch;
mod leftovers;
mod mark;
mod orphans;
mod process;
mod running;
mod script;
mod shell;
mod stopping;
mod streams;
mod subreaper;
mod tail;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(crate) use application::kill_application;
pub(crate) use bell::{Bell, wait_on};
pub use mark::COMMAND_VARIABLE;
pub(crate) use orphans::StartedBy;
pub(crate) use process::{EndedProcess, Process};
pub(crate) use running::watch_exit;
pub(crate) use script::quoted;
pub use shell::{Execution, Shell};
pub(crate) use streams::{end_of_file, open_file};

use crate::Failure;

/// A command to execute with `bash -c`, and where its streams go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandSpec {
    /// The words put before the shell, as those that run it in a container; mostly none.
    pub prefix: Vec<String>,
    /// The shell script.
    pub script: String,
    /// The working directory, made if it is not there; none for the driver's own.
    #[serde(with = "crate::wire::path")]
    pub directory: Option<PathBuf>,
    /// Where stdout goes.
    pub stdout: Stream,
    /// Where stderr goes.
    pub stderr: Stream,
    /// Variables set for the command, beside those it inherits.
    pub environment: Vec<(String, String)>,
    /// Files the command promises to make; relative ones are within its working directory.
    #[serde(with = "crate::wire::path")]
    pub outputs: Vec<PathBuf>,
    /// Exit codes other than 0 that are values and no errors.
    pub allowed_exit_codes: Vec<i32>,
    /// How long the command may take to end after TERM, before KILL.
    pub kill_grace: Duration,
}

/// Where a stream of a command goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stream {
    /// Nowhere; of stderr the last lines are kept for the error.
    #[default]
    Discard,
    /// Into a file, whose folder is made if it is not there.
    ///
    /// Two streams that name one file share it, and neither overwrites the other.
    File {
        /// The file; a relative path starts from the driver's working directory, since it is the
        /// driver that opens it.
        #[serde(with = "crate::wire::path")]
        path: PathBuf,
        /// Whether to write behind what the file holds, instead of emptying it first.
        append: bool,
    },
}

/// How a command ended, other than with an exit code that is a value.
#[derive(Clone, Debug)]
pub enum CommandEnd {
    /// It failed, or could not be started.
    Failed(Failure),
    /// It was stopped on request, and nothing of it runs any more.
    Stopped,
}

impl From<Failure> for CommandEnd {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
