use std::time::{Duration, Instant};

use super::block::Phase;
use super::command::Command;
use super::node::{NodeId, NodeState};
use super::state::State;
use crate::Capacity;

/// How long after it has joined a node is offered for all the time that a block has to give.
const FRESH: Duration = Duration::from_secs(1);

/// Changes of a block's end that make no difference to anybody.
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
        // just joined, however long its block took to begin.
        let (fresh, admitted) = (
            node.joined + FRESH,
            node.joined + self.plan.longest_timeout(),
        );
        if now < fresh && admitted > until {
            self.wake_at(fresh);
            return Some(admitted);
        }
        Some(until)
    }

    fn offer(&mut self, id: NodeId, until: Instant, commands: &mut Vec<Command>) {
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        if node.offered.is_none_or(|offered| differ(offered, until)) {
            node.offered = Some(until);
            commands.push(Command::Offer {
                node: id,
                capacity: node.capacity,
                until,
            });
        }
        let Some(capacity) = node.ahead else { return };
        let is_same = |(told, end): (_, Instant)| told == capacity && !differ(end, until);
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
        let is_coming = |block: &super::block::Block| {
            block.phase == Phase::Running && self.is_coming(block, now)
        };
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

fn differ(one: Instant, other: Instant) -> bool {
    let (earlier, later) = (one.min(other), one.max(other));
    later.duration_since(earlier) > SLACK
}
