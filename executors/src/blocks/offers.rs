use std::time::{Duration, Instant};

use super::block::{Block, Phase};
use super::command::Command;
use super::node::{Node, NodeId, NodeState};
use super::state::State;
use super::tend::JOIN_TOGETHER;
use crate::Capacity;

/// How long after it has joined a node is offered for all the time that a block has to give: as long
/// as it takes until what waits is bound to it.
pub(super) const FRESH: Duration = Duration::from_secs(1);

/// A block may end so much earlier than was told without a difference to anybody.
const SLACK: Duration = Duration::from_secs(10);

impl State {
    /// Tells of each node's room what has changed.
    pub(super) fn tell_offers(&mut self, now: Instant, commands: &mut Vec<Command>) {
        let ids: Vec<_> = self.nodes.keys().copied().collect();
        for id in ids {
            match self.offer_of(id, now) {
                Some(until) => self.offer(id, until, commands),
                None => self.unoffer(id, commands),
            }
        }
    }

    /// Until when a node may be sent calls, if it may.
    fn offer_of(&mut self, id: NodeId, now: Instant) -> Option<Instant> {
        let node = self.nodes.get(&id)?;
        let block = self.blocks.get(&node.block)?;
        if node.state != NodeState::Ready || block.phase != Phase::Running {
            return None;
        }
        let end = block.end?;
        let until = end.checked_sub(self.plan.margin).unwrap_or(end);
        // A call whose timeout was admitted at submit must find room somewhere: on a node that has
        // just joined, however long its block took to begin, and though it is bound to it a moment
        // later.
        let fresh = self.fresh_until(node, block);
        let admitted = fresh + self.plan.longest_timeout();
        if now < fresh && admitted > until {
            self.wake_at(fresh);
            return Some(admitted);
        }
        Some(until)
    }

    /// When a node is none any more that has just joined.
    pub(super) fn fresh_until(&self, node: &Node, block: &Block) -> Instant {
        let (Some(_), Some(first_join)) = (self.plan.max_apps, block.first_join) else {
            return node.joined + FRESH;
        };
        // An application takes many nodes of a block: all of them must be there long enough for it
        // at the same time.
        let together = first_join + JOIN_TOGETHER;
        let late = first_join + self.plan.patience;
        let nodes = self.nodes.values().filter(|other| other.block == block.id);
        let joined = nodes
            .map(|node| node.joined)
            .filter(|joined| *joined < late);
        joined.fold(together, Instant::max) + FRESH
    }

    fn offer(&mut self, id: NodeId, until: Instant, commands: &mut Vec<Command>) {
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        if node.offered.is_none_or(|told| is_news(told, until)) {
            node.offered = Some(until);
            commands.push(Command::Offer {
                node: id,
                capacity: node.capacity,
                until,
            });
        }
        let Some(capacity) = node.ahead else { return };
        let is_same = |(told, end): (_, Instant)| told == capacity && !is_news(end, until);
        if !node.offered_ahead.is_some_and(is_same) {
            node.offered_ahead = Some((capacity, until));
            commands.push(Command::OfferAhead {
                node: id,
                capacity,
                until,
            });
        }
    }

    /// Takes the offer of a node back.
    pub(super) fn unoffer(&mut self, id: NodeId, commands: &mut Vec<Command>) {
        if let Some(node) = self.nodes.get_mut(&id)
            && node.offered.take().is_some()
        {
            node.offered_ahead = None;
            commands.push(Command::Withdraw { node: id });
        }
    }

    /// Tells what no node will exceed, once the nodes of a block are there.
    pub(super) fn tell_largest(&mut self, now: Instant, commands: &mut Vec<Command>) {
        if self.plan.max_apps.is_some() {
            return;
        }
        let is_coming = |block: &Block| block.phase == Phase::Running && self.is_coming(block, now);
        let is_told = self.told_largest.is_some();
        if is_told && self.blocks.values().any(is_coming) {
            return;
        }
        let largest = self.seen.largest(&self.plan);
        if self.told_largest != Some(largest) {
            self.told_largest = Some(largest);
            if largest == Capacity::UNBOUNDED {
                return;
            }
            commands.push(Command::Largest { capacity: largest });
        }
    }
}

/// Whether an end makes a difference to whoever was told another one. A later one always does:
/// something may wait for just that.
fn is_news(told: Instant, until: Instant) -> bool {
    until > told || told.duration_since(until) > SLACK
}
