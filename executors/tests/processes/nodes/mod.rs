//! Real processes, started and ended through a node.
//!
//! ```text
//!   commands     executed, stopped, accounted for     environment   lines that hold, fail, wait
//!   workers      launched, killed, with all of theirs   loss        of the driver, of the spawner
//!   starts       processes that ask what they were started for, and those that do not
//! ```

mod commands;
mod environment;
mod loss;
mod starts;
mod support;
mod workers;
