//! Runs every example and compares what it prints with what it says it prints.

#![expect(
    clippy::unwrap_used,
    reason = "what a test cannot go on without fails it"
)]

mod corpus;
mod listed;
mod mpi_pi;
mod program;
