//! Starting processes on a node: the one process that is the parent of an executor's workers and
//! commands, and the driver's handle to it.
//!
//! ```text
//!   driver                                    spawner: one process for each executor
//!   Node ── launch, kill, execute, stop ────► main thread: starts and watches workers
//!     ▲                                       keepers: one command, or one ending worker each
//!     └──── launched, exited, executed ◄───── outgoing
//!                                               │            │
//!                                            workers      commands   (a process group each)
//! ```
//!
//! The spawner is started by a shell where the executor has environment lines, so that what
//! `module load` and `ulimit` set holds for workers and commands alike. It is small, which makes
//! starting processes from it cheap, and it outlives nothing: when its connection to the driver
//! ends, it kills all it has started, removes the folders the driver has left, and ends. When it is
//! killed itself, workers end with it, and the driver finds the rest by its mark.

mod begin;
mod command_end;
mod commands;
mod environment;
mod events;
mod folders;
mod handle;
mod keepers;
mod message;
mod outgoing;
mod refusals;
mod requests;
mod serve;
mod settings;
mod spawner;
mod workers;

pub use events::{NodeEvents, NodeFacts};
pub use handle::Node;
pub(crate) use serve::serve;
pub use settings::{Launch, NodeSettings};
