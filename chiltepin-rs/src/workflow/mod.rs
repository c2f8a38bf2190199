//! Workflows: opened from a configuration, fed with calls, closed.
//!
//! ```text
//!   Builder ──► Session: runtime + driver ──► Workflow handles ──► close, or drop
//!   #[chiltepin::main] ──► program: session + signals + exit code
//! ```

mod builder;
mod handle;
mod program;
mod session;
mod signals;

pub use builder::WorkflowBuilder;
pub use handle::Workflow;
pub use program::{MainOptions, run_main, run_main_blocking, run_test, run_test_blocking};
