//! Providers: where blocks of nodes come from.
//!
//! ```text
//!   blocks ── BlockRequest ─► Provider ─► script (pure) ─► commands ─► sbatch, qsub
//!          ◄─ JobStatus ─────          ◄─ parse (pure) ◄── commands ◄─ squeue, qstat
//!
//!   script     what the scripts of all batch systems have in common
//!   commands   runs a batch system's command, with a time limit, without this job's own variables
//!   slurm/     script, states, parse; Slurm's own words in every error
//!   pbs/       the same for PBS Pro
//!   unanswered requests of which nobody knows whether they were heard
//!   current    the allocation that this process runs in: no batch job, one step
//!   ledger     the jobs of a run, in its folder, for whoever cleans up after it
//! ```

mod commands;
mod current;
mod ledger;
mod pbs;
mod script;
mod settings;
mod slurm;
mod unanswered;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use commands::Commands;
pub use current::Current;
pub use ledger::{LEDGER_FILE, Ledger, LedgerJob, read_ledger};
pub use pbs::Pbs;
pub use script::STARTED_VARIABLE;
pub use settings::{BatchSettings, BlockRequest};
pub use slurm::Slurm;

/// A batch system, or what stands in for one.
#[async_trait]
pub trait Provider: Send + Sync + fmt::Debug {
    /// Its name in messages, as `Slurm`.
    fn name(&self) -> &'static str;

    /// What would be submitted for a block, to be shown.
    fn render(&self, request: &BlockRequest) -> String;

    /// Asks for a block; returns when the batch system has taken the request.
    ///
    /// # Errors
    /// It was refused, or not answered.
    async fn submit(&self, request: &BlockRequest) -> Result<JobId, ProviderError>;

    /// Asks once how these jobs stand; those that it knows nothing of are
    /// [forgotten](JobState::Forgotten).
    ///
    /// # Errors
    /// It was not answered.
    async fn poll(&self, jobs: &[JobId]) -> Result<Vec<(JobId, JobStatus)>, ProviderError>;

    /// Cancels jobs; those that are over already are none that cannot be cancelled.
    ///
    /// # Errors
    /// It was refused, or not answered.
    async fn cancel(&self, jobs: &[JobId]) -> Result<(), ProviderError>;

    /// Looks for jobs by their names, those that are over among them if they are still known; none
    /// where jobs have no names.
    ///
    /// # Errors
    /// It was not answered.
    async fn find(&self, names: &[String]) -> Result<Vec<NamedJob>, ProviderError> {
        let _ = names;
        Ok(Vec::new())
    }
}

/// A job that was looked for by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedJob {
    /// Its name.
    pub name: String,
    /// The batch system's name for it.
    pub job: JobId,
    /// How it stands.
    pub status: JobStatus,
}

/// A batch system's name for a job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobId(pub String);

impl fmt::Display for JobId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl JobStatus {
    /// Of a job that the batch system knows nothing of.
    fn forgotten() -> Self {
        Self {
            state: JobState::Forgotten,
            word: "forgotten".to_owned(),
            reason: None,
            nodes: Vec::new(),
            left: None,
            exit: None,
        }
    }
}

/// How a job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobStatus {
    /// Its state.
    pub state: JobState,
    /// The state in the batch system's own words, as `PENDING`.
    pub word: String,
    /// Why it is pending or how it ended, in the batch system's own words, where it says so.
    pub reason: Option<String>,
    /// Its nodes, once it has some.
    pub nodes: Vec<String>,
    /// How long it may still run, if that is told.
    pub left: Option<Duration>,
    /// The exit code and the signal, where they are told.
    pub exit: Option<(i32, i32)>,
}

/// The states of a job that make a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobState {
    /// It waits for nodes.
    Pending,
    /// It will never get any, as things stand: the reason says why.
    Stuck,
    /// It has nodes.
    Running,
    /// It has nodes and is not let run.
    Suspended,
    /// It is coming to its end.
    Completing,
    /// It is over.
    Over(JobEnd),
    /// A state that nobody here knows: it is watched on.
    Unknown,
    /// The batch system knows nothing of it any more.
    Forgotten,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobEnd {
    /// With exit code 0.
    Completed,
    /// With another exit code.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
    /// Its time was over.
    TimedOut,
    /// A node failed.
    NodeFailed,
    /// It made room for others.
    Preempted,
    /// It took too much memory.
    OutOfMemory,
    /// Its nodes did not start.
    BootFailed,
    /// It could not be done by its deadline.
    Deadline,
}

/// Why a batch system did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// Its command is not there.
    #[error("`{command}` is not on this machine (looked for along `PATH`); {cure}")]
    Missing {
        /// The command.
        command: String,
        /// What to do.
        cure: String,
    },
    /// It says no, and would say so again.
    #[error("`{command}` refused: {message}")]
    Refused {
        /// The command.
        command: String,
        /// Its own words.
        message: String,
    },
    /// It says not now: there are too many jobs, and some will end.
    #[error("`{command}` did not take it now: {message}")]
    NotNow {
        /// The command.
        command: String,
        /// Its own words.
        message: String,
    },
    /// It failed, and may do better later.
    #[error("`{command}` failed: {message}")]
    Failed {
        /// The command.
        command: String,
        /// Its own words, or how it ended.
        message: String,
    },
    /// It took too long.
    #[error("`{command}` did not answer within {} s", .limit.as_secs_f64())]
    TimedOut {
        /// The command.
        command: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// Something on this side was not to be had.
    #[error("cannot {action}: {message}")]
    System {
        /// What was attempted.
        action: String,
        /// What the system said.
        message: String,
    },
}

impl ProviderError {
    /// Whether asking again would meet the same.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        matches!(self.refusal(), Refusal::ForGood)
    }

    /// What it tells of asking again.
    #[must_use]
    pub const fn refusal(&self) -> Refusal {
        match self {
            Self::Missing { .. } | Self::Refused { .. } => Refusal::ForGood,
            Self::NotNow { .. } => Refusal::NotNow,
            Self::Failed { .. } | Self::TimedOut { .. } | Self::System { .. } => Refusal::NoAnswer,
        }
    }
}

/// What a request that did not come to anything tells of the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// It would meet the same.
    ForGood,
    /// It was heard, and the system is well: it will be taken once there are fewer jobs.
    NotNow,
    /// Nobody can tell: it may not even have been heard, or it was heard and nobody said so.
    NoAnswer,
}
