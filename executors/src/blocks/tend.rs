use std::time::{Duration, Instant};

use super::block::{Block, BlockId, Cancel, Phase};
use super::command::Command;
use super::node::{NodeId, NodeState};
use super::scaling::Waiting;
use super::state::State;

/// How long the other nodes of a block are waited for when the first has joined.
pub(super) const JOIN_TOGETHER: Duration = Duration::from_secs(10);

/// How long after its nodes were lost a job may go on, which nobody asked to end.
const UNASKED_ENDS_WITHIN: Duration = Duration::from_secs(30);

/// Nodes of a block that is ended by somebody else go one soon after the other.
const OTHERS_FOLLOW_WITHIN: Duration = Duration::from_secs(5);

/// How long agents are waited for whose job was cancelled.
const CANCELLED_ENDS_WITHIN: Duration = Duration::from_secs(5);

/// How long after it was cancelled a job is waited for before that is done once more: batch systems
/// take a while to tell all of its nodes.
const CANCELLED_IS_OVER_WITHIN: Duration = Duration::from_secs(30);

impl State {
    /// Does what is due at a block.
    pub(super) fn tend(&mut self, id: BlockId, now: Instant, commands: &mut Vec<Command>) {
        let Some(block) = self.blocks.get(&id) else {
            return;
        };
        match block.phase {
            Phase::Pending | Phase::Over => {}
            Phase::Starting { since } => self.tend_starting(id, since, now, commands),
            Phase::Running => self.tend_running(id, now, commands),
            Phase::Draining => self.tend_draining(id, now, commands),
            Phase::Ending { since } => self.tend_ending(id, since, now, commands),
        }
    }

    fn tend_starting(
        &mut self,
        id: BlockId,
        since: Instant,
        now: Instant,
        commands: &mut Vec<Command>,
    ) {
        if self.is_time(since + self.plan.patience, now)
            && let Some(block) = self.blocks.get_mut(&id)
            && !std::mem::replace(&mut block.warned_missing, true)
        {
            commands.push(Command::ReadOutput { block: id });
        }
    }

    fn tend_running(&mut self, id: BlockId, now: Instant, commands: &mut Vec<Command>) {
        if self.live(id).next().is_none() {
            return self.vanish(id, now);
        }
        let Some(block) = self.blocks.get(&id) else {
            return;
        };
        let (end, first_join) = (block.end, block.first_join);
        if let Some(end) = end {
            // A block whose nodes took almost all of its time to join is tried: whoever waits would
            // otherwise see blocks come and go for ever.
            let fresh = self.live(id).map(|(_, node)| self.fresh_until(node, block));
            let almost_over = end.checked_sub(self.plan.margin).unwrap_or(now);
            let at = fresh.fold(almost_over, Instant::max);
            if self.is_time(at, now) {
                return self.drain(id, now, commands);
            }
        }
        if let Some(first_join) = first_join {
            self.wake_if_later(first_join + JOIN_TOGETHER, now);
            self.prove(id, first_join, now);
            self.warn_of_missing(id, first_join, now, commands);
        }
        if self.is_useless(id, now) {
            return self.drain(id, now, commands);
        }
        if let Some(since) = self.idle_since(id)
            && self.may_give_back(id)
            && self.is_time(since + self.plan.max_idletime, now)
        {
            self.let_go(id, "it was idle", now, commands);
        }
    }

    /// A block that has lasted for a while shows that blocks can be of use.
    fn prove(&mut self, id: BlockId, first_join: Instant, now: Instant) {
        if self.fruitless.is_trying()
            && (self.has_served(id) || self.is_time(first_join + PROVES_AFTER, now))
        {
            self.fruitless.succeeded();
        }
    }

    fn warn_of_missing(
        &mut self,
        id: BlockId,
        first_join: Instant,
        now: Instant,
        commands: &mut Vec<Command>,
    ) {
        let joined = self.nodes.values().filter(|node| node.block == id).count();
        if joined >= self.plan.nodes as usize || !self.is_time(first_join + self.plan.patience, now)
        {
            return;
        }
        if let Some(block) = self.blocks.get_mut(&id)
            && !std::mem::replace(&mut block.warned_missing, true)
        {
            let text = self.partly_missing_in_words(id, joined);
            commands.push(Command::Warn { text });
        }
    }

    fn tend_draining(&mut self, id: BlockId, now: Instant, commands: &mut Vec<Command>) {
        if self.live(id).next().is_none() {
            self.vanish(id, now);
        } else if !self.live(id).any(|(_, node)| node.is_busy()) {
            self.let_go(id, "its time was almost over", now, commands);
        }
    }

    fn tend_ending(
        &mut self,
        id: BlockId,
        since: Instant,
        now: Instant,
        commands: &mut Vec<Command>,
    ) {
        let Some(block) = self.blocks.get(&id) else {
            return;
        };
        let has_job = block.job.is_some();
        let (cancel, is_let_go, is_submitting) =
            (block.cancel, block.is_let_go, block.is_submitting);
        let has_ended = block.ended.is_some();
        let live = self.live_ids(id);
        if live.is_empty() && (has_ended || (!has_job && !is_submitting)) {
            return self.finish(id, now, commands);
        }
        match cancel {
            Cancel::No if !has_ended => {
                let patience = if is_let_go {
                    self.ends_within
                } else {
                    UNASKED_ENDS_WITHIN
                };
                if self.is_time(since + patience, now) {
                    self.abort(&live, commands);
                    self.set_cancel(id, Cancel::Now);
                }
            }
            Cancel::Done { at } => {
                if !live.is_empty() && self.is_time(at + CANCELLED_ENDS_WITHIN, now) {
                    self.abort(&live, commands);
                }
                if self.is_time(at + CANCELLED_IS_OVER_WITHIN, now) {
                    self.set_cancel(id, Cancel::Now);
                }
            }
            Cancel::Again { at } => {
                if self.is_time(at, now) {
                    self.set_cancel(id, Cancel::Now);
                }
            }
            Cancel::No | Cancel::Now | Cancel::UnderWay => {}
        }
    }

    fn set_cancel(&mut self, id: BlockId, cancel: Cancel) {
        if let Some(block) = self.blocks.get_mut(&id) {
            block.cancel = cancel;
        }
    }

    pub(super) fn abort(&mut self, nodes: &[NodeId], commands: &mut Vec<Command>) {
        for node in nodes {
            self.unoffer(*node, commands);
            commands.push(Command::Abort { node: *node });
        }
    }

    /// The agents of a block are gone; its job tells why.
    fn vanish(&mut self, id: BlockId, now: Instant) {
        if let Some(block) = self.blocks.get_mut(&id) {
            block.phase = Phase::Ending { since: now };
            block.poll_soon(Duration::from_secs(1), now);
            self.has_changed = true;
        }
    }

    /// Sends a block nothing any more.
    fn drain(&mut self, id: BlockId, now: Instant, commands: &mut Vec<Command>) {
        if let Some(block) = self.blocks.get_mut(&id) {
            block.phase = Phase::Draining;
            self.has_changed = true;
            commands.push(Command::Drain { block: id });
            for node in self.live_ids(id) {
                self.unoffer(node, commands);
            }
            self.tend_draining(id, now, commands);
        }
    }

    /// Lets a block go: its agents end, and if that does not end its job, it is cancelled.
    pub(super) fn let_go(
        &mut self,
        id: BlockId,
        why: &str,
        now: Instant,
        commands: &mut Vec<Command>,
    ) {
        let Some(block) = self.blocks.get_mut(&id) else {
            return;
        };
        if block.is_over() || (block.is_let_go && matches!(block.phase, Phase::Ending { .. })) {
            return;
        }
        block.is_let_go = true;
        block.reason = Some(why.to_owned());
        self.has_changed = true;
        if !matches!(block.phase, Phase::Ending { .. }) {
            block.phase = Phase::Ending { since: now };
        }
        let live = self.live_ids(id);
        if !live.is_empty() {
            commands.push(Command::Drain { block: id });
        }
        if let Some(block) = self.blocks.get_mut(&id)
            && live.is_empty()
            && block.cancel == Cancel::No
        {
            // Nobody is there who could end it from within.
            block.cancel = Cancel::Now;
        }
        for node in live {
            self.unoffer(node, commands);
            if let Some(node) = self.nodes.get_mut(&node)
                && node.state != NodeState::Leaving
            {
                node.state = NodeState::Closing;
            }
            commands.push(Command::Close { node });
        }
        // Agents that do not hear it say nothing.
        if let Some(Phase::Ending { since }) = self.blocks.get(&id).map(|block| block.phase) {
            self.wake_at(since + self.ends_within);
        }
    }

    pub(super) fn let_all_go(&mut self, why: &str, now: Instant, commands: &mut Vec<Command>) {
        let ids: Vec<_> = self.blocks.keys().copied().collect();
        for id in ids {
            self.let_go(id, why, now, commands);
        }
    }

    /// Since when all nodes of a block have been idle; none while some are about to go, which tells
    /// more of the block than that nothing runs there.
    fn idle_since(&self, id: BlockId) -> Option<Instant> {
        let mut latest = None;
        for node in self.nodes.values().filter(|node| node.block == id) {
            let since = match node.ended {
                Some(ended) => ended + OTHERS_FOLLOW_WITHIN,
                None if node.state == NodeState::Ready => node.idle_since?,
                None => return None,
            };
            latest = latest.max(Some(since));
        }
        latest
    }

    /// Whether enough blocks are left without this one.
    fn may_give_back(&self, id: BlockId) -> bool {
        let others = self.blocks.values().filter(|block| block.id != id);
        others.filter(|block| block.is_current()).count() >= self.plan.min as usize
    }

    /// Whether a block stands in the way of one that could run what waits.
    fn is_useless(&mut self, id: BlockId, now: Instant) -> bool {
        let alive = self.blocks.values().filter(|block| !block.is_over());
        let is_full = alive.count() >= self.plan.max as usize;
        if self.waiting.calls() == 0 || !is_full || self.is_coming_any(now) {
            return false;
        }
        let since = match &self.waiting {
            Waiting::Apps(waiting) => {
                let largest = waiting.largest.min(self.plan.nodes);
                if self.ready(id) >= largest as usize || self.any_other_holds(id, largest) {
                    return false;
                }
                self.crippled_since(id)
            }
            Waiting::Calls(wanted) => {
                let end = self.blocks.get(&id).and_then(|block| block.end);
                let until = end.and_then(|end| end.checked_sub(self.plan.margin));
                let is_late = until.zip(wanted.longest);
                if is_late.is_none_or(|(until, timeout)| now + timeout <= until) {
                    return false;
                }
                // What was offered may be on its way.
                self.idle_since(id)
                    .map(|since| since + Duration::from_secs(1))
            }
        };
        since.is_some_and(|since| self.is_time(since, now))
    }

    /// Since when a block will not have all its nodes any more.
    fn crippled_since(&self, id: BlockId) -> Option<Instant> {
        let nodes = self.nodes.values().filter(|node| node.block == id);
        let lost = nodes.filter_map(|node| node.ended).min();
        let first_join = self.blocks.get(&id).and_then(|block| block.first_join);
        lost.or(first_join.map(|first| first + self.plan.patience))
    }

    fn ready(&self, id: BlockId) -> usize {
        let live = self.live(id);
        live.filter(|(_, node)| matches!(node.state, NodeState::Ready | NodeState::Silent))
            .count()
    }

    fn any_other_holds(&self, id: BlockId, nodes: u32) -> bool {
        let mut others = self.blocks.values().filter(|block| block.id != id);
        others.any(|block| {
            block.phase == Phase::Running
                && self.ready(block.id) >= nodes.min(self.plan.nodes) as usize
        })
    }

    /// Whether some block is on its way.
    fn is_coming_any(&self, now: Instant) -> bool {
        self.blocks.values().any(|block| self.is_coming(block, now))
    }

    /// Whether a block's room is yet to come.
    pub(super) fn is_coming(&self, block: &Block, now: Instant) -> bool {
        match block.phase {
            Phase::Pending | Phase::Starting { .. } => true,
            Phase::Running => {
                let joined = self.nodes.values().filter(|node| node.block == block.id);
                block
                    .first_join
                    .is_some_and(|first| now < first + JOIN_TOGETHER)
                    && joined.count() < self.plan.nodes as usize
            }
            Phase::Draining | Phase::Ending { .. } | Phase::Over => false,
        }
    }

    /// Asks to be told a time that is yet to come.
    pub(super) fn wake_if_later(&mut self, at: Instant, now: Instant) {
        if now < at {
            self.wake_at(at);
        }
    }

    /// Whether calls have come to their ends on a node of a block.
    pub(super) fn has_served(&self, id: BlockId) -> bool {
        let mut nodes = self.nodes.values().filter(|node| node.block == id);
        nodes.any(|node| node.served)
    }
}

/// A block whose nodes are there for so long is of use, even if nothing has ended there.
pub(super) const PROVES_AFTER: Duration = Duration::from_secs(30);
