//! The agent: one process on each node of a block, which owns the workers of that node.
//!
//! ```text
//!   driver                                         node of a block
//!   Agent (handle) ── start, stop, sweep ──► serve: the user's program, started by srun
//!     ▲                                        │  RemoteWork (a call as that node sees it)
//!     │                                        ▼
//!     └── finished, begun, room, leaving ─── pool::Processes ─► workers, commands
//!
//!   message    what they say to each other            golden files, decoders bounded
//!   driver     handle     calls that are there, and what is asked of the node
//!              hearing    what the agent says of them
//!              events     what the driver is told beside
//!   agent      serve      its process: claim, dial, pool, signals, its end
//!              orders     what the driver says
//!              desk       calls that are here, and what is told of each: its end once
//!              work       a call from the driver as work for the pool
//!   pure       ending     what an end means, also where the whole node is being ended
//!              granted    what the job was granted of the node
//!              variables  what a batch system's step sets and tasks must not see
//! ```
//!
//! To the driver an agent is an executor at a distance: it is sent calls, tells when their time
//! begins and how they ended, and of room for calls that wait there. A connection that breaks and
//! comes back changes nothing ([`transport`](crate::transport)). When an agent is lost, whatever it
//! ran is returned to the driver as one attempt that does not count.

mod desk;
mod ending;
mod events;
mod granted;
mod handle;
mod hearing;
mod message;
mod orders;
mod serve;
mod signals;
mod variables;
mod voice;
mod work;

#[cfg(test)]
mod examples;
// Cargo-fuzz sets `fuzzing`.
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(test)]
mod message_tests;
#[cfg(test)]
mod tests;

pub use events::AgentEvents;
pub use handle::{Agent, AgentSettings};
pub use message::*;
pub(crate) use serve::serve;
