use std::time::{Duration, Instant};

use super::block::{Block, BlockId, Ended, Phase};
use super::command::Command;
use super::node::{NodeId, NodeState};
use super::returns::Cause;
use super::state::State;
use super::tend::PROVES_AFTER;
use crate::provider::{JobEnd, JobId, JobState, JobStatus};

/// How often in a row a batch system may know nothing of a job before that is believed.
const MOST_FORGOTTEN: u32 = 3;

impl State {
    /// The batch system has told how jobs stand.
    pub(super) fn polled(
        &mut self,
        answer: Result<Vec<(JobId, JobStatus)>, String>,
        now: Instant,
        commands: &mut Vec<Command>,
    ) {
        match answer {
            Ok(statuses) => {
                if self.polling.trouble().is_some() {
                    self.has_changed = true;
                }
                self.polling.succeeded();
                for (job, status) in statuses {
                    let mut blocks = self.blocks.values();
                    let block = blocks.find(|block| block.job.as_ref() == Some(&job));
                    if let Some(id) = block.map(|block| block.id) {
                        self.seen(id, &status, now, commands);
                    }
                }
            }
            Err(reason) => {
                let text = format!(
                    "cannot ask {} how the blocks of `{}` stand: {reason}",
                    self.plan.provider, self.plan.name
                );
                if self.polling.failed(reason, now) {
                    self.has_changed = true;
                    commands.push(Command::Warn { text });
                }
            }
        }
        self.settle(now, commands);
    }

    /// Asks no more about blocks of which all is known.
    pub(super) fn rest(&mut self) {
        let explained: Vec<_> = self
            .blocks
            .values()
            .filter(|block| block.poll.is_some() && !self.is_unexplained(block))
            .map(|block| block.id)
            .collect();
        for id in explained {
            if let Some(block) = self.blocks.get_mut(&id) {
                block.poll = None;
            }
        }
    }

    fn seen(&mut self, id: BlockId, status: &JobStatus, now: Instant, commands: &mut Vec<Command>) {
        let Some(block) = self.blocks.get_mut(&id).filter(|block| !block.is_over()) else {
            return;
        };
        block.forgotten = match status.state {
            JobState::Forgotten => block.forgotten + 1,
            _ => 0,
        };
        match status.state {
            JobState::Pending | JobState::Stuck => self.seen_waiting(id, status, commands),
            JobState::Running => self.seen_running(id, status, now, commands),
            JobState::Suspended => {
                block.reason = Some(in_words(status));
                self.has_changed = true;
            }
            // Its processes are gone or were told to go, and nothing more is known of how it ended.
            JobState::Completing if matches!(block.phase, Phase::Ending { .. }) => {
                let has_asked = block.is_let_go;
                if has_asked {
                    self.job_over(id, None, in_words(status), now, commands);
                }
            }
            JobState::Completing | JobState::Unknown => {}
            JobState::Over(end) => self.job_over(id, Some(end), in_words(status), now, commands),
            JobState::Forgotten => {
                let is_ending = matches!(block.phase, Phase::Ending { .. });
                let is_there = matches!(block.phase, Phase::Running | Phase::Draining);
                if is_ending || (!is_there && block.forgotten >= MOST_FORGOTTEN) {
                    let words = format!("{} knows nothing of it any more", self.plan.provider);
                    self.job_over(id, None, words, now, commands);
                }
            }
        }
    }

    fn seen_waiting(&mut self, id: BlockId, status: &JobStatus, commands: &mut Vec<Command>) {
        let Some(block) = self.blocks.get_mut(&id) else {
            return;
        };
        if matches!(block.phase, Phase::Starting { .. }) {
            // It had nodes, and waits again.
            block.phase = Phase::Pending;
            self.has_changed = true;
        }
        if block.phase != Phase::Pending {
            return;
        }
        let reason = status.reason.clone().unwrap_or_else(|| status.word.clone());
        let is_news = block.reason.as_ref() != Some(&reason);
        self.has_changed |= is_news;
        block.reason = Some(reason.clone());
        if status.state == JobState::Stuck && !std::mem::replace(&mut block.warned_stuck, true) {
            let text = format!(
                "{} will not get nodes as things stand; {} says why: {reason}",
                self.block_in_words(id),
                self.plan.provider
            );
            commands.push(Command::Warn { text });
        }
    }

    fn seen_running(
        &mut self,
        id: BlockId,
        status: &JobStatus,
        now: Instant,
        commands: &mut Vec<Command>,
    ) {
        let Some(block) = self.blocks.get_mut(&id) else {
            return;
        };
        if !std::mem::replace(&mut block.is_seen_running, true) {
            self.has_changed = true;
        }
        if block.phase == Phase::Pending {
            block.phase = Phase::Starting { since: now };
        }
        if block.is_current() && block.reason.take().is_some() {
            self.has_changed = true;
        }
        if let Some(left) = status.left {
            correct_end(block, now + left);
        }
        let here = &status.nodes;
        let withdrawn: Vec<_> = block
            .known_nodes
            .iter()
            .filter(|name| !here.is_empty() && !here.contains(name))
            .cloned()
            .collect();
        block.known_nodes.extend(here.iter().cloned());
        // The job goes on without them: they failed, and by themselves.
        let mut lost = Vec::new();
        let mut gone = Vec::new();
        for (node_id, node) in &mut self.nodes {
            if node.block != id {
                continue;
            }
            if node.state == (NodeState::Lost { explained: false }) {
                node.state = NodeState::Lost { explained: true };
                lost.push(node.name.clone());
            } else if node.state == NodeState::Silent && withdrawn.contains(&node.name) {
                node.is_withdrawn = true;
                gone.push(*node_id);
            }
        }
        for name in lost {
            self.note_loss(&name, now, commands);
        }
        self.abort(&gone, commands);
    }

    /// The job of a block is over.
    fn job_over(
        &mut self,
        id: BlockId,
        end: Option<JobEnd>,
        words: String,
        now: Instant,
        commands: &mut Vec<Command>,
    ) {
        let Some(block) = self.blocks.get_mut(&id) else {
            return;
        };
        if block.ended.is_some() {
            return;
        }
        block.ended = Some(Ended { end, words });
        block.poll = None;
        if !matches!(block.phase, Phase::Ending { .. }) {
            block.phase = Phase::Ending { since: now };
        }
        self.has_changed = true;
        let failed = matches!(end, Some(JobEnd::NodeFailed | JobEnd::BootFailed));
        let mut lost = Vec::new();
        for node in self.nodes.values_mut().filter(|node| node.block == id) {
            if node.state == (NodeState::Lost { explained: false }) {
                node.state = NodeState::Lost { explained: true };
                lost.push(node.name.clone());
            }
        }
        for name in lost.iter().filter(|_| failed) {
            self.note_loss(name, now, commands);
        }
        // Whoever has not noticed will not: the node is cut off, or belongs to somebody else.
        let live = self.live_ids(id);
        self.abort(&live, commands);
    }

    /// Why what runs on a node is about to be returned.
    pub(super) fn cause(&self, id: NodeId, now: Instant) -> Cause {
        let Some(node) = self.nodes.get(&id) else {
            return Cause::Loss;
        };
        let block = self.blocks.get(&node.block);
        let times = block.and_then(|block| block.first_join.zip(block.end));
        if let Some((begin, end)) = times
            && now + self.plan.margin >= end
        {
            let most = end.saturating_duration_since(begin);
            return Cause::Walltime { most };
        }
        match node.state {
            NodeState::Leaving | NodeState::Closing | NodeState::Left => Cause::Ended,
            NodeState::Ready | NodeState::Silent | NodeState::Lost { .. } => Cause::Loss,
        }
    }

    /// A block is over, and its nodes have ended.
    pub(super) fn finish(&mut self, id: BlockId, now: Instant, commands: &mut Vec<Command>) {
        let has_served = self.has_served(id);
        let nodes = self.nodes.values().filter(|node| node.block == id);
        let last_end = nodes.filter_map(|node| node.ended).max();
        let Some(block) = self.blocks.get_mut(&id) else {
            return;
        };
        block.phase = Phase::Over;
        block.poll = None;
        let ended = block.ended.clone();
        let end = ended.as_ref().and_then(|ended| ended.end);
        if !block.is_let_go {
            let words = [block.trouble.take(), ended.map(|ended| ended.words)];
            let words: Vec<_> = words.into_iter().flatten().collect();
            block.reason = Some(words.join("; ")).filter(|words| !words.is_empty());
        }
        let (asked, first_join, is_let_go) = (block.asked, block.first_join, block.is_let_go);
        self.submitting.relent();
        self.has_changed = true;
        commands.push(Command::Over {
            block: id,
            job: block.job.clone(),
        });
        if is_let_go || self.is_closing || self.broken.is_some() {
            return;
        }
        let has_lasted = first_join
            .zip(last_end)
            .is_some_and(|(first, last)| last >= first + PROVES_AFTER);
        if end == Some(JobEnd::Preempted) && !has_lasted {
            self.fruitless.sent_away(asked, now);
        } else if has_lasted || has_served {
            self.fruitless.succeeded();
        } else {
            self.last_words.insert(id);
            commands.push(Command::ReadOutput { block: id });
            return;
        }
        let text = self.ended_in_words(id);
        commands.push(Command::Warn { text });
    }

    /// A block is over that was of no use.
    pub(super) fn came_to_nothing(
        &mut self,
        id: BlockId,
        lines: Option<&str>,
        now: Instant,
        commands: &mut Vec<Command>,
    ) {
        let Some(block) = self.blocks.get(&id) else {
            return;
        };
        let asked = block.asked;
        let text = self.nothing_in_words(block, lines);
        self.fruitless.failed(asked, text.clone(), now);
        commands.push(Command::Warn { text });
    }

    /// Stops asking for blocks after too many were of no use.
    pub(super) fn give_up_if_hopeless(&mut self, now: Instant, commands: &mut Vec<Command>) {
        if self.fruitless.is_hopeless()
            && !self.is_closing
            && !self.nodes.values().any(|node| node.is_live())
        {
            let reason = self.hopeless_in_words();
            self.give_up(reason, now, commands);
        }
    }
}

/// Takes over when a block ends, unless that is about what is known already.
fn correct_end(block: &mut Block, end: Instant) {
    const SLACK: Duration = Duration::from_secs(10);
    let is_same = block.end.is_some_and(|known| {
        let (earlier, later) = (known.min(end), known.max(end));
        later.duration_since(earlier) <= SLACK
    });
    if !is_same {
        block.end = Some(end);
    }
}

/// A job's state in the batch system's own words.
fn in_words(status: &JobStatus) -> String {
    let mut words = status.word.clone();
    if let Some(reason) = status.reason.as_ref().filter(|reason| !reason.is_empty()) {
        words.push_str(": ");
        words.push_str(reason);
    }
    match status.exit {
        Some((0, 0)) | None => {}
        Some((code, 0)) => words.push_str(&format!(", exit code {code}")),
        Some((_, signal)) => {
            words.push_str(&format!(", signal {signal}{}", crate::signal_name(signal)));
        }
    }
    words
}
