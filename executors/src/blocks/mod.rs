//! Blocks of nodes from a batch system: when they are asked for and given back, and which nodes
//! tasks are sent to.
//!
//! ```text
//!   waiting work ──┐                                      ┌─► provider: submit, cancel, poll
//!   job states ────┼─► manager ─► state (pure) ─► commands┼─► rooms: offers of nodes to the kernel
//!   agents, time ──┘                                      └─► agents: close
//!
//!   pure      state, block, node     what there is
//!             scaling                how many blocks are wanted
//!             submitting             pauses after refusals; when to give up
//!   outside   manager (`Blocks`)     the executor: kernel, provider and agents meet here
//!             status, record         what a run's folder says of its blocks
//!
//!   block   asked for ─► pending ─► running ─► draining ─► ending ─► over
//!   node    ─────────────────────► joined ─► (silent) ─► lost, or left
//! ```
//!
//! Each node that has joined is a room of its own: the kernel binds calls to nodes. A node lasts
//! until its block ends, so nothing whose timeout ends later is bound to it. What runs on a node
//! that is lost is returned to the kernel.

mod applications;
mod arrival;
mod asking;
mod block;
mod closing;
mod command;
mod errands;
mod failing;
mod jobs;
mod joining;
mod links;
mod manager;
mod node;
mod offers;
mod perform;
mod plan;
mod polling;
mod record;
mod rendezvous;
mod report;
mod returns;
mod scaling;
mod settings;
mod state;
mod submitting;
mod tail;
mod tend;
#[cfg(test)]
mod tests;
mod timer;
mod words;

pub use manager::Blocks;
pub use node::NodeOffer;
pub use record::{BLOCKS_FILE, read_blocks};
pub use rendezvous::{PRIVATE_FOLDER, Rendezvous};
pub use settings::BlocksSettings;

pub use crate::status::{BlockStatus, BlocksStatus, NodeStatus};
