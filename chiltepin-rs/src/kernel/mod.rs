//! The data-flow kernel: which task runs when, and how each one ends. Pure; told the time.
//!
//! ```text
//!   Event ──► Kernel::handle(event, now, &mut commands) ──► Command
//!
//!            ┌──────────── retry ─ Delayed ◄───────────┐
//!            ▼                                          │
//!   Waiting ──► Ready ──► Bound to room ──► finished ───┴──► Ended (and gone)
//!   (dependencies)  ▲                │
//!                   └── Limited ◄────┘   by a label
//! ```
//!
//! It is called inline, under one lock, by whoever submits or completes; what it commands is
//! performed after unlocking. `P` is what the driver keeps of a task, `F` its failure; to the
//! kernel both are opaque.

mod command;
mod event;

pub(crate) use command::{Command, Ending, Root};
pub(crate) use event::{
    Dependency, Event, ExecutorId, ExecutorSet, Finish, LabelId, Retry, Rules, Submission,
};
