#![doc = include_str!("../docs/guide.md")]

// The macros write paths from `::chiltepin`, in this crate's own tests too.
#[cfg(test)]
extern crate self as chiltepin;

mod arg;
#[cfg(feature = "records")]
#[cfg_attr(
    not(any(test, feature = "cli")),
    expect(dead_code, reason = "listing and removing are for the commands")
)]
mod cache;
mod call;
#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
mod driver;
pub mod environment;
mod error;
mod file;
mod future;
mod kernel;
mod log;
mod private;
mod registry;
mod report;
#[cfg(feature = "records")]
mod rerun;
mod retries;
mod run;
mod serve;
mod shell;
mod task;
mod value;
mod workflow;

pub use arg::{IntoArg, IntoInputs};
pub use call::{Call, Capture, kind};
pub use chiltepin_executors::mpi::TaskGeometry;
pub use chiltepin_executors::registry::Location;
pub use chiltepin_executors::{
    BlockStatus, BlocksStatus, NodeStatus, OnLoss, ProcessEnd, Resources, TaskId, TaskKind,
};
pub use chiltepin_macros::{bash_task, join_task, main, sh, task, tasks, test};
pub use error::{Error, ErrorKind, Result, TaskError};
pub use file::File;
pub use future::{AppFuture, Status, TaskOutput, TaskReport};
pub use registry::{TaskDescription, registry};
pub use retries::{Cause, Retries};
pub use shell::{ShellWord, ShellWords};
pub use task::TaskContext;
pub use value::Value;
pub use workflow::{ExecutorStatus, TaskCounts, Workflow, WorkflowBuilder, WorkflowStatus, init};

#[doc = include_str!("../docs/from_chiltepin.md")]
pub mod from_chiltepin {}

#[doc = include_str!("../docs/cluster.md")]
pub mod on_your_cluster {}

#[doc = include_str!("../docs/cache.md")]
#[cfg(feature = "records")]
pub mod caching {
    pub use crate::cache::{Cache, CacheError, CachedResult, KeyPart, Listing, Selection, Why};
}
#[doc = include_str!("../docs/records.md")]
pub mod records_of_runs {}

/// The README's program, run as a test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}

#[doc(hidden)]
pub mod __private {
    pub use crate::private::*;
}
