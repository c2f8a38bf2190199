//! Blocks whose jobs are real agents over real connections, a batch system that is none, and a
//! kernel that knows no more than who has room.
//!
//! ```text
//!   cluster    the provider: a job is as many agents as a block has nodes
//!   kernel     binds calls to offers, and those that are returned once more
//!   lives      blocks from their begin to their end
//!   troubles   nodes that are lost, jobs that somebody ends, requests that are refused
//! ```

mod cluster;
mod kernel;
mod lives;
mod troubles;
