//! Blocks whose jobs are this very test binary, started again: real agents over real connections,
//! a batch system that is none, and a kernel that knows no more than who has room.
//!
//! ```text
//!   cluster    the provider: a job is as many agents as a block has nodes
//!   kernel     binds calls to offers, and those that are returned once more
//!   lives      blocks from their begin to their end
//!   troubles   nodes that are lost, jobs that somebody ends, requests that are refused
//! ```

#![cfg(feature = "cluster")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test's helpers fail the test"
)]

mod cluster;
mod kernel;
mod lives;
#[path = "../agents/processes.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod processes;
#[path = "../agents/tasks.rs"]
mod tasks;
mod troubles;
#[path = "../agents/work.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod work;
