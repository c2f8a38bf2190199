use std::time::{Duration, Instant};

use super::block::{BlockId, Phase};
use super::command::Command;
use super::node::{Node, NodeId, NodeState};
use super::state::State;
use crate::Capacity;
use crate::transport::LinkEnd;

/// What is known of a node that joins.
#[derive(Clone, Debug)]
pub(super) struct Joining {
    pub(super) block: BlockId,
    /// The batch system's name for it.
    pub(super) name: String,
    pub(super) capacity: Capacity,
    /// How long ago its block began, if that is known.
    pub(super) age: Option<Duration>,
}

impl State {
    /// The agent of a node has called.
    ///
    /// # Errors
    /// It is not wanted; the reason is for it to tell.
    pub(super) fn joined(
        &mut self,
        joining: Joining,
        now: Instant,
        commands: &mut Vec<Command>,
    ) -> Result<NodeId, String> {
        let id = self.admit_node(&joining, now)?;
        self.last_node = id.0;
        let Joining {
            block,
            name,
            capacity,
            age,
        } = joining;
        let node = Node {
            block,
            name,
            capacity,
            joined: now,
            state: NodeState::Ready,
            idle_since: Some(now),
            served: false,
            is_withdrawn: false,
            ended: None,
            ahead: None,
            offered: None,
            offered_ahead: None,
        };
        self.nodes.insert(id, node);
        self.seen.joined(&capacity);
        self.waiting.take(&capacity);
        if let Some(block) = self.blocks.get_mut(&block) {
            block.phase = Phase::Running;
            block.first_join.get_or_insert(now);
            let left = self.plan.walltime.saturating_sub(age.unwrap_or_default());
            block.end.get_or_insert(now + left);
            block.reason = None;
        }
        self.has_changed = true;
        self.settle(now, commands);
        Ok(id)
    }

    fn admit_node(&self, joining: &Joining, now: Instant) -> Result<NodeId, String> {
        let Joining { block, name, .. } = joining;
        if self.is_closing {
            return Err("the workflow is closing".to_owned());
        }
        if let Some(reason) = &self.broken {
            return Err(format!(
                "executor `{}` has given up: {reason}",
                self.plan.name
            ));
        }
        let there = self.blocks.get(block).map(|block| block.phase);
        match there {
            None => return Err(format!("there is no block {block}")),
            Some(Phase::Draining | Phase::Ending { .. } | Phase::Over) => {
                return Err(format!("block {block} is not needed any more"));
            }
            Some(Phase::Pending | Phase::Starting { .. } | Phase::Running) => {}
        }
        if !self.takes_any_node && self.aside.is_aside(name, now) {
            return Err(format!("node `{name}` was lost too often and is set aside"));
        }
        let nodes = || self.nodes.values().filter(|node| node.block == *block);
        if nodes().any(|node| node.name == *name && node.is_live()) {
            return Err(format!("node `{name}` of block {block} is here already"));
        }
        if nodes().filter(|node| node.is_live()).count() >= self.plan.nodes as usize {
            return Err(format!("all nodes of block {block} are here already"));
        }
        let id = NodeId(self.last_node.saturating_add(1));
        if !id.is_usable() {
            return Err("no more nodes can be told apart".to_owned());
        }
        Ok(id)
    }

    /// Calls are there, or none any more.
    pub(super) fn calls(
        &mut self,
        id: NodeId,
        calls: u32,
        now: Instant,
        commands: &mut Vec<Command>,
    ) {
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        if !node.is_live() {
            return;
        }
        let was_busy = node.is_busy();
        if calls > 0 {
            node.idle_since = None;
        } else if was_busy {
            node.idle_since = Some(now);
            // Elsewhere they were returned.
            if node.state == NodeState::Ready {
                node.served = true;
            }
        }
        let block = self.blocks.get(&node.block).map(|block| block.phase);
        // Nodes come and go from work to none very often: nothing follows but the next wake.
        if calls == 0 && was_busy {
            if block == Some(Phase::Running) {
                self.wake_if_later(now + self.plan.max_idletime.min(SOON), now);
            } else {
                self.settle(now, commands);
            }
        }
    }

    /// So many more calls may wait at a node.
    pub(super) fn ahead(
        &mut self,
        id: NodeId,
        capacity: Capacity,
        now: Instant,
        commands: &mut Vec<Command>,
    ) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.ahead = Some(capacity);
            self.settle(now, commands);
        }
    }

    /// A node is not heard of.
    pub(super) fn silent(&mut self, id: NodeId, now: Instant, commands: &mut Vec<Command>) {
        if let Some(node) = self.nodes.get_mut(&id)
            && node.state == NodeState::Ready
        {
            node.state = NodeState::Silent;
            if let Some(block) = self.blocks.get_mut(&node.block) {
                block.poll_soon(Duration::from_secs(1), now);
            }
            self.has_changed = true;
            self.settle(now, commands);
        }
    }

    /// It is heard again.
    pub(super) fn back(&mut self, id: NodeId, now: Instant, commands: &mut Vec<Command>) {
        if let Some(node) = self.nodes.get_mut(&id)
            && node.state == NodeState::Silent
        {
            node.state = NodeState::Ready;
            self.has_changed = true;
            self.settle(now, commands);
        }
    }

    /// Its agent was told by somebody else to go.
    pub(super) fn leaving(&mut self, id: NodeId, now: Instant, commands: &mut Vec<Command>) {
        if let Some(node) = self.nodes.get_mut(&id)
            && node.is_live()
        {
            node.state = NodeState::Leaving;
            self.has_changed = true;
            self.settle(now, commands);
        }
    }

    /// It can run nothing.
    pub(super) fn node_broken(
        &mut self,
        id: NodeId,
        reason: &str,
        now: Instant,
        commands: &mut Vec<Command>,
    ) {
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        if !matches!(node.state, NodeState::Ready | NodeState::Silent) {
            return;
        }
        node.state = NodeState::Closing;
        // What it has run was no use.
        node.served = false;
        let (name, block) = (node.name.clone(), node.block);
        if let Some(block) = self.blocks.get_mut(&block) {
            block.trouble = Some(format!("node `{name}` can run nothing: {reason}"));
        }
        let text = format!(
            "node `{name}` of {} can run nothing and is let go: {reason}",
            self.block_in_words(block)
        );
        commands.push(Command::Warn { text });
        self.unoffer(id, commands);
        commands.push(Command::Close { node: id });
        self.note_loss(&name, now, commands);
        self.has_changed = true;
        self.settle(now, commands);
    }

    /// The connection to a node has ended, for good; what ran there is about to be returned.
    pub(super) fn node_ended(
        &mut self,
        id: NodeId,
        end: &LinkEnd,
        now: Instant,
        commands: &mut Vec<Command>,
    ) {
        self.unoffer(id, commands);
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        if !node.is_live() {
            return;
        }
        let block_id = node.block;
        let Some(block) = self.blocks.get_mut(&block_id) else {
            return;
        };
        let is_expected = block.is_let_go || block.ended.is_some();
        node.ended = Some(now);
        let is_lost = matches!(node.state, NodeState::Ready | NodeState::Silent) && !is_expected;
        node.state = if is_lost {
            NodeState::Lost { explained: false }
        } else {
            NodeState::Left
        };
        // Once the agents have ended, so does the job: time for it to be seen.
        block.poll_soon(Duration::from_secs(1), now);
        if is_lost {
            let name = node.name.clone();
            let end = if node.is_withdrawn {
                format!(
                    "is silent, and {} has taken it from its job",
                    self.plan.provider
                )
            } else {
                end.to_string()
            };
            let text = format!(
                "node `{name}` of {} {end}; what ran there is done elsewhere",
                self.block_in_words(block_id)
            );
            commands.push(Command::Warn { text });
        }
        self.has_changed = true;
        self.settle(now, commands);
    }

    /// A node was lost by its own fault, or is of no use.
    pub(super) fn note_loss(&mut self, name: &str, now: Instant, commands: &mut Vec<Command>) {
        if self.aside.lost(name, now) {
            let text = format!(
                "node `{name}` was lost too often and is set aside: executor `{}` asks for \
                 blocks without it for an hour",
                self.plan.name
            );
            commands.push(Command::Warn { text });
        }
    }
}

/// The longest that an idle node is left unseen.
const SOON: Duration = Duration::from_secs(1);
