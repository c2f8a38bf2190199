//! Workflows: opened from a configuration, fed with calls, closed.
//!
//! ```text
//!   Builder ──► Session: runtime + driver ──► Workflow handles ──► close, or drop
//!   #[chiltepin::main] ──► program: session + signals + exit code
//! ```

#[cfg(test)]
mod beside;
mod builder;
#[cfg(feature = "records")]
pub(crate) mod caching;
#[cfg(feature = "cluster")]
pub(crate) mod cluster;
mod handle;
mod init;
mod install;
mod program;
mod record;
mod session;
mod signals;
mod status;

#[cfg(test)]
pub(crate) use beside::open_with;
pub use builder::WorkflowBuilder;
pub use handle::Workflow;
pub use init::init;
pub use program::{MainOptions, run_main, run_main_blocking, run_test, run_test_blocking};
#[cfg(feature = "cli")]
pub(crate) use status::BlocksTable;
pub use status::{ExecutorStatus, TaskCounts, WorkflowStatus};
