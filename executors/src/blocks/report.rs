use std::time::{Instant, SystemTime};

use super::block::{Block, Phase};
use super::node::{Node, NodeState};
use super::state::State;
use crate::{BlockStatus, BlocksStatus, NodeStatus};

impl State {
    /// How the blocks stand; `clock` is the time of day at `now`. Who has the agents tells how many
    /// calls are at each node.
    pub(super) fn status(
        &self,
        now: Instant,
        clock: SystemTime,
        calls: impl Fn(super::node::NodeId) -> u32,
    ) -> BlocksStatus {
        let blocks = self.blocks.values().map(|block| {
            let nodes = self
                .nodes
                .iter()
                .filter(|(_, node)| node.block == block.id)
                .map(|(id, node)| NodeStatus {
                    number: id.0,
                    node: node.name.clone(),
                    state: word(node, block).to_owned(),
                    calls: if node.is_live() { calls(*id) } else { 0 },
                });
            let age = now.saturating_duration_since(block.asked);
            BlockStatus {
                block: block.id.0,
                job: block.job.as_ref().map(ToString::to_string),
                phase: block.word().to_owned(),
                size: self.plan.nodes,
                reason: block.reason.clone(),
                asked: clock.checked_sub(age).unwrap_or(clock),
                left: left(block, now),
                nodes: nodes.collect(),
            }
        });
        BlocksStatus {
            executor: self.plan.name.clone(),
            provider: self.plan.provider.clone(),
            waiting: self.waiting.calls(),
            trouble: self.trouble(),
            blocks: blocks.collect(),
        }
    }

    fn trouble(&self) -> Option<String> {
        let troubles = [
            self.broken.as_deref(),
            self.submitting.trouble(),
            self.polling.trouble(),
            self.fruitless.reason(),
        ];
        troubles.into_iter().flatten().next().map(ToOwned::to_owned)
    }
}

fn left(block: &Block, now: Instant) -> Option<std::time::Duration> {
    let runs = matches!(
        block.phase,
        Phase::Starting { .. } | Phase::Running | Phase::Draining
    );
    let end = block.end.filter(|_| runs)?;
    Some(end.saturating_duration_since(now))
}

fn word(node: &Node, block: &Block) -> &'static str {
    match node.state {
        NodeState::Ready if block.phase == Phase::Running => "ready",
        NodeState::Ready | NodeState::Closing | NodeState::Leaving => "draining",
        NodeState::Silent => "silent",
        NodeState::Left => "left",
        NodeState::Lost { .. } => "lost",
    }
}
