use std::time::Instant;

use super::block::BlockId;
use crate::{Capacity, is_ahead};

/// Numbers the nodes that have joined an executor's blocks, from 1; none is used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NodeId(pub(super) u32);

impl NodeId {
    /// The number of the offer for calls that run there.
    pub(super) const fn offer(self) -> u32 {
        self.0 << 1
    }

    /// The number of the offer for calls that wait there.
    pub(super) const fn ahead(self) -> u32 {
        self.offer() | 1
    }

    /// Whose offer it is.
    pub(super) const fn of_offer(offer: u32) -> Self {
        Self(offer >> 1)
    }

    /// Whether its offers still have numbers.
    pub(super) const fn is_usable(self) -> bool {
        self.0 < 1 << 31
    }
}

/// What the number of an [offer](crate::Rooms) of [`Blocks`](super::Blocks) says.
///
/// ```
/// use chiltepin_executors::blocks::NodeOffer;
///
/// let offer = NodeOffer::of(7);
/// assert_eq!((offer.node, offer.is_ahead), (3, true));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeOffer {
    /// The node, by its [number](crate::NodeStatus::number).
    pub node: u32,
    /// Whether it is for calls that wait there.
    pub is_ahead: bool,
}

impl NodeOffer {
    /// What this number says.
    #[must_use]
    pub const fn of(offer: u32) -> Self {
        let node = NodeId::of_offer(offer);
        Self {
            node: node.0,
            is_ahead: is_ahead(offer),
        }
    }
}

/// A node whose agent has joined.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) block: BlockId,
    /// The batch system's name for it.
    pub(super) name: String,
    pub(super) capacity: Capacity,
    pub(super) joined: Instant,
    pub(super) state: NodeState,
    /// Since when no calls are there; none while some are.
    pub(super) idle_since: Option<Instant>,
    /// Whether calls have come to their ends there.
    pub(super) served: bool,
    /// Whether the batch system has taken it from its job while it was silent.
    pub(super) is_withdrawn: bool,
    /// When the connection to it has ended.
    pub(super) ended: Option<Instant>,
    /// How many more calls may wait there, if the agent has said so.
    pub(super) ahead: Option<Capacity>,
    /// The end of the offer that the kernel has.
    pub(super) offered: Option<Instant>,
    /// The offer for waiting calls that the kernel has.
    pub(super) offered_ahead: Option<(Capacity, Instant)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeState {
    /// Its agent is connected.
    Ready,
    /// Its agent is not heard of at the moment.
    Silent,
    /// It was told to end, since its block is let go or it cannot run anything.
    Closing,
    /// It was told to end by somebody else.
    Leaving,
    /// It has ended, as it was told to.
    Left,
    /// It was lost without a word.
    Lost {
        /// Whether it is known what became of it.
        explained: bool,
    },
}

impl Node {
    /// Whether its agent may still say something.
    pub(super) const fn is_live(&self) -> bool {
        !matches!(self.state, NodeState::Left | NodeState::Lost { .. })
    }

    pub(super) const fn is_busy(&self) -> bool {
        self.idle_since.is_none() && self.is_live()
    }
}
