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

#[cfg(feature = "cluster")]
pub mod agent;
mod attempt;
#[cfg(feature = "cluster")]
pub mod blocks;
pub mod causes;
pub mod command;
mod environment_lines;
mod executor;
mod id;
mod lazy_folder;
mod machine;
pub mod mpi;
pub mod node;
mod outcome;
pub mod panic;
pub mod pool;
pub mod program;
#[cfg(feature = "cluster")]
pub mod provider;
pub mod registry;
mod report;
mod resources;
mod served;
pub mod start;
mod status;
mod stop;
mod system;
pub mod threads;
#[cfg(feature = "cluster")]
pub mod transport;
pub mod wire;
mod work;
mod worker;

pub use attempt::Attempt;
pub use executor::{Asked, Executor, Rooms, Wanted, is_ahead};
pub use id::{AttemptId, TaskId};
pub use lazy_folder::LazyFolder;
pub use machine::{machine_memory, raise_open_files};
pub use outcome::{
    AnyError, Failure, FailureKind, LostWorker, Outcome, PanicReport, ProcessEnd, UserError,
    signal_name,
};
pub use report::{OutputPart, Report, Usage};
pub use resources::{ByteSize, Capacity, Demand, Resources, TaskKind};
pub use served::{EncodedCall, EncodedValues, LossRule, OnLoss, ServedCall};
pub use status::{BlockStatus, BlocksStatus, NodeStatus};
pub use stop::StopSignal;
pub use work::{Invocation, Work};
