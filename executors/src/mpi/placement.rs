//! Which application runs on which nodes.
//!
//! ```text
//!   arrive, withdraw ─► waiting ─┐
//!   joined, left, draining ─► nodes ─► next() ─► whole nodes of one block, until nothing fits
//!   ended ─► swept ──────────────┘
//! ```
//!
//! Of those with the highest priority the largest application that fits goes first, so that nodes
//! which are free together are not broken up; smaller ones, and those of lower priority, fill what it
//! leaves. An application that was passed by as many later ones as may be is *due*: a block that can
//! hold it is kept for it until its nodes are free. Those of higher priority pass it as they like.

mod choice;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::AttemptId;

/// So many later applications may be placed before one that waits; from then on a block is kept for
/// it. Enough to keep a block busy while a large application waits for its nodes, and few beside
/// what applications take.
pub(super) const MAY_PASS: u32 = 8;

/// The nodes there are, what runs on them, and what waits for them.
#[derive(Debug)]
pub(super) struct Placement {
    /// The most applications at once in a block.
    max_apps: u32,
    may_pass: u32,
    nodes: BTreeMap<u32, Node>,
    /// Blocks that take no more applications.
    draining: Vec<u32>,
    /// Those of higher priority first; among equals in the order of their arrival.
    waiting: Vec<Waiting>,
}

/// An application that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) attempt: AttemptId,
    /// How many nodes it wants.
    pub(super) nodes: u32,
    /// How long it may take, if that is bounded.
    pub(super) timeout: Option<Duration>,
    pub(super) priority: i32,
    /// How many that came later were placed where it could have been.
    passed: u32,
    /// The block that is kept for it.
    kept: Option<u32>,
}

/// A node of a block.
#[derive(Debug)]
struct Node {
    block: u32,
    until: Option<Instant>,
    state: NodeState,
}

/// What a node is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NodeState {
    Free,
    /// It runs ranks of this application.
    Busy(AttemptId),
    /// What this application left is being ended.
    Sweeping(AttemptId),
    /// Something of a former application cannot be ended: it is not used any more.
    Unclean,
}

impl NodeState {
    const fn application(self) -> Option<AttemptId> {
        match self {
            Self::Busy(attempt) | Self::Sweeping(attempt) => Some(attempt),
            Self::Free | Self::Unclean => None,
        }
    }
}

/// An application and the nodes it got, in the order of their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) attempt: AttemptId,
    pub(super) block: u32,
    pub(super) nodes: Vec<u32>,
}

/// The applications that wait, together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AppsWanted {
    /// How many applications wait.
    pub apps: u32,
    /// The nodes they want in all.
    pub nodes: u64,
    /// The most nodes that one of them wants.
    pub largest: u32,
}

impl Placement {
    /// No nodes, and at most so many applications at once in each block to come.
    pub(super) fn new(max_apps: u32) -> Self {
        Self {
            max_apps,
            may_pass: MAY_PASS,
            nodes: BTreeMap::new(),
            draining: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// There is a node more, until the block's end if that is known.
    pub(super) fn joined(&mut self, block: u32, node: u32, until: Option<Instant>) {
        let state = NodeState::Free;
        let node = self.nodes.insert(
            node,
            Node {
                block,
                until,
                state,
            },
        );
        debug_assert!(node.is_none(), "a node's number was used twice");
    }

    /// The block of a node ends then, other than was told.
    pub(super) fn lasts(&mut self, node: u32, until: Option<Instant>) {
        if let Some(node) = self.nodes.get_mut(&node) {
            node.until = until;
        }
    }

    /// A node is gone; what ran there is named.
    pub(super) fn left(&mut self, node: u32) -> Option<AttemptId> {
        let gone = self.nodes.remove(&node)?;
        if !self.nodes.values().any(|node| node.block == gone.block) {
            self.draining.retain(|block| *block != gone.block);
        }
        match gone.state {
            NodeState::Busy(attempt) => Some(attempt),
            _ => None,
        }
    }

    /// Nothing more is placed in this block.
    pub(super) fn draining(&mut self, block: u32) {
        if !self.draining.contains(&block) {
            self.draining.push(block);
        }
    }

    /// One more application waits.
    pub(super) fn arrive(
        &mut self,
        attempt: AttemptId,
        nodes: u32,
        timeout: Option<Duration>,
        priority: i32,
    ) {
        let waiting = Waiting {
            attempt,
            nodes,
            timeout,
            priority,
            passed: 0,
            kept: None,
        };
        let goes_before = |other: &Waiting| other.priority >= priority;
        let at = self.waiting.partition_point(goes_before);
        self.waiting.insert(at, waiting);
    }

    /// An application is to wait no more; false if it did not.
    pub(super) fn withdraw(&mut self, attempt: AttemptId) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting.attempt != attempt);
        self.waiting.len() < before
    }

    /// Takes all that wait away.
    pub(super) fn withdraw_all(&mut self) -> Vec<AttemptId> {
        let waiting = std::mem::take(&mut self.waiting);
        waiting.iter().map(|waiting| waiting.attempt).collect()
    }

    /// An application has ended: its nodes that are still there are to be swept.
    pub(super) fn ended(&mut self, attempt: AttemptId) -> Vec<u32> {
        let mut nodes = Vec::new();
        for (number, node) in &mut self.nodes {
            if node.state == NodeState::Busy(attempt) {
                node.state = NodeState::Sweeping(attempt);
                nodes.push(*number);
            }
        }
        nodes
    }

    /// Nothing of the application is left on a node; or something is, and cannot be ended.
    pub(super) fn swept(&mut self, node: u32, is_clean: bool) {
        if let Some(node) = self.nodes.get_mut(&node)
            && matches!(node.state, NodeState::Sweeping(_))
        {
            node.state = match is_clean {
                true => NodeState::Free,
                false => NodeState::Unclean,
            };
        }
    }

    /// Whether a node is not free to be given back.
    pub(super) fn is_busy(&self, node: u32) -> bool {
        let node = self.nodes.get(&node);
        node.is_some_and(|node| node.state.application().is_some())
    }

    /// What waits.
    pub(super) fn wanted(&self) -> AppsWanted {
        let mut wanted = AppsWanted::default();
        for waiting in &self.waiting {
            wanted.apps = wanted.apps.saturating_add(1);
            wanted.nodes = wanted.nodes.saturating_add(waiting.nodes.into());
            wanted.largest = wanted.largest.max(waiting.nodes);
        }
        wanted
    }

    /// Places the next application, if one can be.
    pub(super) fn next(&mut self, now: Instant) -> Option<Placed> {
        let has_free_node = self
            .nodes
            .values()
            .any(|node| node.state == NodeState::Free);
        if self.waiting.is_empty() || !has_free_node {
            return None;
        }
        let kept = self.keep_blocks(now);
        let full = self.full_blocks();
        let (at, block) = self.choose(now, &kept, &full)?;
        Some(self.place(at, block, now))
    }

    fn place(&mut self, at: usize, block: u32, now: Instant) -> Placed {
        let placed = self.waiting.remove(at);
        for at in 0..at {
            let earlier = self.waiting[at];
            let of_block = self.nodes.values().filter(|node| node.block == block);
            let usable = of_block.filter(|node| self.can_use(node, &earlier, now));
            if earlier.passed < self.may_pass && usable.count() >= earlier.nodes as usize {
                self.waiting[at].passed += 1;
            }
        }
        let usable: Vec<u32> = self
            .nodes
            .iter()
            .filter(|(_, node)| node.block == block && node.state == NodeState::Free)
            .filter(|(_, node)| self.can_use(node, &placed, now))
            .map(|(number, _)| *number)
            .take(placed.nodes as usize)
            .collect();
        for number in &usable {
            if let Some(node) = self.nodes.get_mut(number) {
                node.state = NodeState::Busy(placed.attempt);
            }
        }
        Placed {
            attempt: placed.attempt,
            block,
            nodes: usable,
        }
    }
}

#[cfg(test)]
mod check;
#[cfg(test)]
mod tests;
