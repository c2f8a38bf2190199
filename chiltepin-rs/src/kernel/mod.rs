//! The data-flow kernel: which task runs when, and how each one ends. Pure; told the time.
//!
//! ```text
//!   Event ──► Kernel::handle(event, now, &mut commands) ──► Command
//!
//!                          ┌─────────── Delayed ◄── repeated ──┐
//!                          ▼                                   │
//!   Waiting ─► (Looking) ─► Ready ─► Running ─► (Stopping) ────┴─► (Keeping) ─► Ended, and gone
//!       │           │        │                                                   ▲
//!       └───────────┴────────┴── its result is there, cancelled, closed, ────────┘
//!                                dependency failed
//!
//!   machine    submissions, dependencies, cancels, the end    graph    the table of tasks
//!   attempt    start, finish, stop, repeat                    edge     who waits for whom
//!   settle     how tasks end, and their dependents with them  timer    what comes due when
//!   placement  which ready task goes where; of                retry    whether, and after what pause
//!              shape (queue), offer, limit, bound;           wanted   who hears what waits
//!              keeping (room for large tasks)       scaling  what more the next attempt gets
//! ```
//!
//! It is called inline, under one lock, by whoever submits or completes; what it commands is
//! performed after unlocking. `P` is what the driver keeps of a task, `F` its failure; to the
//! kernel both are opaque.

// What `clippy.toml` lists: clocks, threads, files, the network, the environment. Tests take a time
// to begin with.
#![cfg_attr(
    not(test),
    deny(
        clippy::disallowed_methods,
        clippy::disallowed_types,
        clippy::print_stdout,
        clippy::print_stderr
    )
)]

mod attempt;
mod bound;
mod command;
mod counts;
mod edge;
mod event;
mod graph;
mod keeping;
mod limit;
mod machine;
mod offer;
mod placement;
mod queue;
mod retry;
mod scaling;
mod settle;
mod shape;
mod state;
mod timer;
mod wanted;

#[cfg(test)]
mod check;
#[cfg(test)]
mod tests;

pub(crate) use command::{Command, Ending, Root};
pub(crate) use event::{
    Cause, Dependency, Event, ExecutorId, ExecutorSet, Finish, LabelId, Limit, Retry, Rules,
    Scaled, Scaling, Submission,
};
pub(crate) use machine::Kernel;
pub(crate) use state::Standing;
