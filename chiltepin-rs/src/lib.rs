#![doc = include_str!("../docs/guide.md")]

mod arg;
mod call;
#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
mod driver;
pub mod environment;
mod error;
mod future;
mod kernel;
mod log;
mod private;
mod run;
mod shell;
mod task;
mod value;
mod workflow;

pub use arg::{IntoArg, IntoInputs};
pub use call::{Call, Capture, kind};
pub use chiltepin_executors::mpi::TaskGeometry;
pub use chiltepin_executors::{Resources, TaskId};
pub use chiltepin_macros::{bash_task, join_task, main, sh, task, tasks, test};
pub use error::{Error, ErrorKind, Result, TaskError};
pub use future::{AppFuture, Status};
pub use shell::{ShellWord, ShellWords};
pub use task::TaskContext;
pub use value::Value;
pub use workflow::{Workflow, WorkflowBuilder};

#[doc = include_str!("../docs/from_chiltepin.md")]
pub mod from_chiltepin {}

/// The README's program, run as a test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}

#[doc(hidden)]
pub mod __private {
    pub use crate::private::*;
}
