//! The threads executor: bodies run in this process, values stay in memory.
//!
//! ```text
//!                  ┌── Function, Command ─► pool     up to max_threads threads, one body each
//!   start(work) ───┤
//!                  └── AsyncFunction ─────► runners  a few tokio tasks, many waiting bodies
//! ```
//!
//! Whoever finishes a body is handed the next one by [`Work::finish`](crate::Work::finish) and
//! goes on with it.

mod executor;
mod pool;
mod runners;

pub use executor::{Threads, ThreadsSettings};
pub use runners::{Runners, while_blocked};
