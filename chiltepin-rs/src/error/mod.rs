//! How a task, a configuration and a program go wrong.
//!
//! ```text
//!   Failure (executors: what happened) ──► TaskError (+ task, executor, attempt) ──► Error
//!   a body's own error ─ ladder ─► UserError            of AppFuture<T>             of main
//! ```

mod kind;
pub mod ladder;
mod task;
mod top;

pub use kind::ErrorKind;
pub use task::TaskError;

pub(crate) use task::ErrorPlace;
pub use top::{Error, Result};
