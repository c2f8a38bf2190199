use std::io::{self, Write};
use std::sync::Arc;
use std::time::Instant;

use super::block::BlockId;
use super::command::Command;
use super::manager::Shared;
use super::node::{NodeId, NodeState};
use crate::Capacity;

impl Shared {
    /// Does what the state commands.
    pub(super) fn perform(self: &Arc<Self>, command: Command) {
        match command {
            Command::Submit { block, exclude } => self.submit(block, exclude),
            Command::Cancel { jobs } => self.cancel(jobs),
            Command::Poll { jobs } => self.poll(jobs),
            Command::ReadOutput { block } => self.read_output(block),
            Command::Offer {
                node,
                capacity,
                until,
            } => self.offer(node, node.offer(), capacity, until),
            Command::OfferAhead {
                node,
                capacity,
                until,
            } => self.offer(node, node.ahead(), capacity, until),
            Command::Withdraw { node } => self.withdraw(node),
            Command::Drain { block } => self.drain(block),
            Command::Close { node } => {
                let grace = self.settings.pool.kill_grace;
                self.of_node(node, |node| node.agent.close(grace));
            }
            Command::Abort { node } => {
                self.of_node(node, |node| node.agent.abort());
            }
            Command::Over { block, job } => self.over(block, job),
            Command::Largest { capacity } => {
                if let Some(rooms) = self.rooms.get() {
                    rooms.largest(capacity);
                }
            }
            Command::Broken { reason } => self.give_up(reason),
            Command::Warn { text } => warn(&text),
            Command::StatusChanged => self.rendezvous.changed(),
        }
    }

    /// Does something with a node, if it is there still; nothing is locked meanwhile.
    fn of_node(&self, id: NodeId, act: impl FnOnce(&super::arrival::Joined)) {
        let nodes = self.nodes.read();
        let node = nodes.get(&id).map(|node| super::arrival::Joined {
            agent: Arc::clone(&node.agent),
            block: node.block,
            place: node.place.clone(),
            is_placed: node.is_placed,
        });
        drop(nodes);
        if let Some(node) = node {
            act(&node);
        }
    }

    fn offer(self: &Arc<Self>, node: NodeId, offer: u32, capacity: Capacity, until: Instant) {
        // It may have been taken back since.
        let is_offered = |inner: &super::manager::Inner| {
            let node = inner.state.nodes.get(&node);
            node.is_some_and(|node| node.offered.is_some())
        };
        if !is_offered(&self.inner.lock()) {
            return;
        }
        if self.apps.get().is_some() {
            self.place(node, until);
        } else if let Some(rooms) = self.rooms.get() {
            rooms.offered_until(offer, capacity, Some(until));
        }
    }

    /// Tells applications of a node, or until when one lasts that they know.
    fn place(self: &Arc<Self>, id: NodeId, until: Instant) {
        let Some(apps) = self.apps.get() else { return };
        let mut nodes = self.nodes.write();
        let Some(node) = nodes.get_mut(&id) else {
            return;
        };
        let (block, place) = (node.block, node.place.clone());
        let is_placed = std::mem::replace(&mut node.is_placed, true);
        drop(nodes);
        if is_placed {
            return apps.lasts(id.0, Some(until));
        }
        let Some(place) = place else { return };
        let name = place.agent.node().to_owned();
        if let Err(reason) = apps.joined(block.0, id.0, place as _, Some(until)) {
            self.with(|state, now, commands| state.node_broken(id, &reason, now, commands));
            return;
        }
        // It may have gone meanwhile, and that was told before applications knew of it.
        let is_there = |inner: &super::manager::Inner| {
            let node = inner.state.nodes.get(&id);
            node.is_some_and(|node| matches!(node.state, NodeState::Ready | NodeState::Silent))
        };
        if !is_there(&self.inner.lock()) {
            apps.left(id.0, &format!("node `{name}` is gone"));
        }
    }

    fn withdraw(&self, node: NodeId) {
        // Applications are told when a block drains and when a node is gone.
        if self.apps.get().is_none()
            && let Some(rooms) = self.rooms.get()
        {
            rooms.withdrawn(node.offer());
            rooms.withdrawn(node.ahead());
        }
    }

    fn drain(&self, block: BlockId) {
        if let Some(apps) = self.apps.get() {
            apps.draining(block.0);
        }
    }

    fn give_up(&self, reason: String) {
        tracing::error!(
            executor = self.name(),
            "nothing can be run any more: {reason}"
        );
        if let Some(apps) = self.apps.get() {
            apps.give_up(&reason);
        }
        if let Some(rooms) = self.rooms.get() {
            rooms.broken(reason);
        }
    }
}

/// Says what keeps work waiting: without it a program would seem to hang. Where it has set up no
/// log of its own, that is said on stderr.
fn warn(text: &str) {
    if tracing::dispatcher::has_been_set() {
        tracing::warn!("{text}");
    } else {
        // Where nobody reads it, `eprintln!` would panic.
        let _ = writeln!(io::stderr(), "warning: {text}");
    }
}
