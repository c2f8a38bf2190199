//! Real processes, started and ended through a node: this very test binary, started again at a
//! test that lets it in.
//!
//! ```text
//!   commands     executed, stopped, accounted for     environment   lines that hold, fail, wait
//!   workers      launched, killed, with all of theirs   loss        of the driver, of the spawner
//!   starts       processes that ask what they were started for, and those that do not
//! ```

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test's helpers fail the test"
)]

mod commands;
mod environment;
mod loss;
mod starts;
mod support;
mod workers;
