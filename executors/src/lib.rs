//! Executors: run this function, that command, here or elsewhere. Untyped; the typed side is the
//! `chiltepin` crate.
//!
//! ```text
//!            Invocation (work + attempt)                 Outcome
//!   driver ─────────────────────────────► Executor ─────────────────► work.finish(outcome)
//!                                            │                           │
//!                                            │   the next invocation     │
//!                                            ◄───────────────────────────┘
//! ```
//!
//! An executor is handed [`Invocation`]s that the kernel has bound to room it offered
//! ([`Executor::offer`]), runs each, and reports by calling [`Work::finish`]. What the
//! driver wants started next on the same executor comes back from that very call, so that a busy
//! executor goes from task to task without a queue between them.

mod attempt;
pub mod command;
mod executor;
mod id;
mod machine;
pub mod mpi;
mod outcome;
pub mod panic;
pub mod registry;
mod resources;
mod stop;
pub mod threads;
pub mod wire;
mod work;

pub use attempt::Attempt;
pub use executor::Executor;
pub use id::{AttemptId, TaskId};
pub use machine::machine_memory;
pub use outcome::{Failure, FailureKind, Outcome, PanicReport, UserError};
pub use resources::{Capacity, Demand, Resources, TaskKind};
pub use stop::StopSignal;
pub use work::{Invocation, Work};
