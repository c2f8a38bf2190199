use std::time::Instant;

use super::block::BlockId;
use super::node::NodeId;
use crate::Capacity;
use crate::provider::JobId;

/// What the state wants done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Command {
    /// Ask for a block, not on these nodes; the answer is told by `submitted`.
    Submit {
        block: BlockId,
        exclude: Vec<String>,
    },
    /// Cancel these jobs; the answer is told by `cancelled`.
    Cancel { jobs: Vec<JobId> },
    /// Ask how these jobs stand; the answer is told by `polled`.
    Poll { jobs: Vec<JobId> },
    /// Read the last lines of what a block has written; the answer is told by `output`.
    ReadOutput { block: BlockId },
    /// Calls may be sent to a node.
    Offer {
        node: NodeId,
        capacity: Capacity,
        until: Instant,
    },
    /// So many more calls may wait at a node.
    OfferAhead {
        node: NodeId,
        capacity: Capacity,
        until: Instant,
    },
    /// No more calls may be sent to a node.
    Withdraw { node: NodeId },
    /// No more calls may be sent to the nodes of a block: it comes to its end.
    Drain { block: BlockId },
    /// Tell a node's agent to end.
    Close { node: NodeId },
    /// Let a node's agent go at once: its node is known to be lost. Its end is still told.
    Abort { node: NodeId },
    /// A block is over: nothing of it is needed any more.
    Over { block: BlockId, job: Option<JobId> },
    /// No node will ever have more room.
    Largest { capacity: Capacity },
    /// Nothing can be run here any more.
    Broken { reason: String },
    /// Somebody should know.
    Warn { text: String },
    /// What [`status`](super::State::status) says has changed.
    StatusChanged,
}
