//! Shell commands as real process groups.
//!
//! ```text
//!   CommandSpec ──► script (argument or file) ──► spawn ──► wait ──► exit code
//!                                                   │         ▲
//!                                  stderr's tail ◄──┘         │ stop requested:
//!                                                             TERM, kill_grace, KILL
//! ```

use std::path::PathBuf;
use std::time::Duration;

/// A command to execute with `bash -c`, and where its streams go.
#[derive(Clone, Debug)]
pub struct CommandSpec {
    /// The shell script.
    pub script: String,
    /// The working directory, made if it is not there; none for the driver's own.
    pub directory: Option<PathBuf>,
    /// Where stdout goes.
    pub stdout: Stream,
    /// Where stderr goes.
    pub stderr: Stream,
    /// Variables set for the command, beside those it inherits.
    pub environment: Vec<(String, String)>,
    /// Files the command promises to make; relative ones are within its working directory.
    pub outputs: Vec<PathBuf>,
    /// Exit codes other than 0 that are values and no errors.
    pub allowed_exit_codes: Vec<i32>,
    /// How long the command may take to end after TERM, before KILL.
    pub kill_grace: Duration,
}

/// Where a stream of a command goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stream {
    /// Nowhere; of stderr the last lines are kept for the error.
    #[default]
    Discard,
    /// Into a file, whose folder is made if it is not there.
    File {
        /// The file.
        path: PathBuf,
        /// Whether to write behind what the file holds, instead of emptying it first.
        append: bool,
    },
}
