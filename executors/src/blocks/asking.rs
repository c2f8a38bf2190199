use std::time::{Duration, Instant};

use super::block::{Block, BlockId, Cancel, Phase, Poll};
use super::command::Command;
use super::node::{Node, NodeState};
use super::state::State;
use super::submitting::pause;
use crate::provider::{JobId, Refusal};

/// How long after it was asked for a block is asked about first: in time to warn of one that will
/// never get nodes.
const FIRST_POLL: Duration = Duration::from_secs(2);

/// How long more blocks may be on their way than are needed.
const SURPLUS_GRACE: Duration = Duration::from_secs(5);

/// How long work waits for nodes that serve before more are asked for: short calls are done by
/// then.
const SERVING_GRACE: Duration = Duration::from_secs(1);

/// How long after it was cancelled a job is asked about.
const SEEN_AFTER: Duration = Duration::from_millis(200);

impl State {
    /// How many blocks should be on their way.
    fn needed(&self, now: Instant) -> u32 {
        let node = self.seen.node(&self.plan);
        let needed = self.waiting.needs(&node, &self.plan);
        let serving = self
            .blocks
            .values()
            .filter(|block| block.phase == Phase::Running && !self.is_coming(block, now));
        let serving = u32::try_from(serving.count()).unwrap_or(u32::MAX);
        needed.max(self.plan.min.saturating_sub(serving))
    }

    fn coming(&self, now: Instant) -> u32 {
        let coming = self
            .blocks
            .values()
            .filter(|block| self.is_coming(block, now));
        u32::try_from(coming.count()).unwrap_or(u32::MAX)
    }

    /// Cancels blocks that wait for nodes and that nobody needs.
    pub(super) fn drop_surplus(&mut self, now: Instant, commands: &mut Vec<Command>) {
        let surplus = self.coming(now).saturating_sub(self.needed(now)) as usize;
        let droppable: Vec<_> = self
            .blocks
            .values()
            .rev()
            .filter(|block| {
                block.phase == Phase::Pending && block.job.is_some() && !block.is_initial
            })
            .map(|block| block.id)
            .take(surplus)
            .collect();
        if droppable.is_empty() {
            self.surplus_since = None;
            return;
        }
        let since = *self.surplus_since.get_or_insert(now);
        if self.is_time(since + SURPLUS_GRACE, now) {
            self.surplus_since = None;
            for id in droppable {
                self.let_go(id, "it was not needed any more", now, commands);
            }
        }
    }

    /// Asks for one more block, if it is needed and may be.
    pub(super) fn submit(&mut self, now: Instant, commands: &mut Vec<Command>) {
        if self.is_closing || self.broken.is_some() || !self.last_words.is_empty() {
            return;
        }
        let alive = self
            .blocks
            .values()
            .filter(|block| !block.is_over())
            .count();
        if alive >= self.plan.max as usize {
            return;
        }
        let is_initial = self.initial_left > 0 && !self.fruitless.is_trying();
        if !is_initial && !self.lacks_block(now) {
            return;
        }
        let Some(earliest) = self.submitting.earliest(now) else {
            return;
        };
        let earliest = earliest.max(self.fruitless.not_before().unwrap_or(earliest));
        if !self.is_time(earliest, now) {
            return;
        }
        self.initial_left = self.initial_left.saturating_sub(1);
        self.last_block = self.last_block.saturating_add(1);
        let id = BlockId(self.last_block);
        self.blocks.insert(id, Block::new(id, is_initial, now));
        self.submitting.begins(now);
        self.has_changed = true;
        let exclude = if self.takes_any_node {
            Vec::new()
        } else {
            self.aside.all(now)
        };
        commands.push(Command::Submit { block: id, exclude });
    }

    /// Whether one more block is needed by now.
    fn lacks_block(&mut self, now: Instant) -> bool {
        let coming = self.coming(now);
        if coming >= self.needed(now) || (coming > 0 && self.fruitless.is_trying()) {
            return false;
        }
        let current = self.blocks.values().filter(|block| block.is_current());
        if current.count() < self.plan.min as usize {
            return true;
        }
        // What waits may be on its way to the latest of them, which may be about to be offered.
        let is_serving = |node: &&Node| {
            let block = self.blocks.get(&node.block);
            node.state == NodeState::Ready
                && block.is_some_and(|block| block.phase == Phase::Running)
        };
        let serving = self.nodes.values().filter(is_serving);
        let latest = serving.map(|node| node.joined).max();
        match latest.zip(self.waiting_since) {
            Some((latest, since)) => self.is_time(since.max(latest) + SERVING_GRACE, now),
            None => true,
        }
    }

    /// The batch system has answered a request for a block.
    pub(super) fn submitted(
        &mut self,
        id: BlockId,
        answer: Result<JobId, Refused>,
        now: Instant,
        commands: &mut Vec<Command>,
    ) {
        let Some(block) = self.blocks.get_mut(&id).filter(|block| block.is_submitting) else {
            return;
        };
        block.is_submitting = false;
        self.has_changed = true;
        match answer {
            Ok(job) => {
                block.job = Some(job);
                block.poll_soon(FIRST_POLL.min(self.plan.poll_interval), now);
                self.submitting.succeeded();
            }
            Err(refused) => self.not_submitted(id, refused, now, commands),
        }
        self.settle(now, commands);
    }

    fn not_submitted(
        &mut self,
        id: BlockId,
        refused: Refused,
        now: Instant,
        commands: &mut Vec<Command>,
    ) {
        let refused = self.without_patience(refused, now);
        let has_joined = self.nodes.values().any(|node| node.block == id);
        let is_initial = self.blocks.get(&id).is_some_and(|block| block.is_initial);
        if !has_joined {
            self.initial_left += u32::from(is_initial);
            // There is nothing to be told of it.
            self.blocks.remove(&id);
            if refused.refusal == Refusal::ForGood {
                commands.push(Command::Over {
                    block: id,
                    job: None,
                });
            } else {
                // What was not answered may have been heard: it is asked for again by the same
                // number, by which the batch system knows it.
                self.last_block = id.0.saturating_sub(1);
            }
        }
        let Refused { reason, refusal } = refused;
        let name = &self.plan.name;
        if refusal != Refusal::ForGood {
            let text = format!("cannot ask for a block of `{name}` at the moment: {reason}");
            let is_news = match refusal {
                Refusal::NotNow => self.submitting.put_off(reason, now),
                _ => self.submitting.failed(reason, now),
            };
            if is_news {
                commands.push(Command::Warn { text });
            }
            return;
        }
        if !self.takes_any_node && !self.aside.all(now).is_empty() {
            let text = format!(
                "no block of `{name}` is to be had without the nodes that are set aside, which \
                 are taken again: {reason}"
            );
            self.takes_any_node = true;
            self.submitting.failed(reason, now);
            commands.push(Command::Warn { text });
            return;
        }
        self.submitting.refused(reason.clone());
        if self.is_empty() {
            self.give_up(reason, now, commands);
        } else {
            let text = format!(
                "no more blocks of `{name}` are asked for until one of those there ends: {reason}"
            );
            commands.push(Command::Warn { text });
        }
    }

    /// What has not been answered for too long counts as refused.
    fn without_patience(&self, refused: Refused, now: Instant) -> Refused {
        match self.submitting.silence(now) {
            Some(silent) if refused.refusal == Refusal::NoAnswer => Refused {
                reason: format!(
                    "the batch system has given no block for {} min, of which the last answer \
                     was: {}",
                    silent.as_secs() / 60,
                    refused.reason
                ),
                refusal: Refusal::ForGood,
            },
            _ => refused,
        }
    }

    /// Nothing can be run here any more.
    pub(super) fn give_up(&mut self, reason: String, now: Instant, commands: &mut Vec<Command>) {
        if self.broken.is_some() {
            return;
        }
        self.broken = Some(reason.clone());
        self.has_changed = true;
        commands.push(Command::Broken { reason });
        self.let_all_go("the executor has given up", now, commands);
    }

    /// Sends off what is to be cancelled.
    pub(super) fn cancel(&mut self, commands: &mut Vec<Command>) {
        let mut jobs = Vec::new();
        for block in self.blocks.values_mut() {
            if block.cancel == Cancel::Now
                && !block.is_over()
                && let Some(job) = &block.job
            {
                jobs.push(job.clone());
                block.cancel = Cancel::UnderWay;
            }
        }
        if !jobs.is_empty() {
            commands.push(Command::Cancel { jobs });
        }
    }

    /// The batch system has answered a request to cancel.
    pub(super) fn cancelled(
        &mut self,
        jobs: &[JobId],
        answer: &Result<(), String>,
        now: Instant,
        commands: &mut Vec<Command>,
    ) {
        let mut is_news = false;
        for block in self.blocks.values_mut() {
            let is_meant = block.job.as_ref().is_some_and(|job| jobs.contains(job));
            if block.cancel != Cancel::UnderWay || !is_meant {
                continue;
            }
            block.cancel = match answer {
                Ok(()) => {
                    // It may have been heard and come to nothing: the job is asked about.
                    block.poll_soon(SEEN_AFTER, now);
                    Cancel::Done { at: now }
                }
                Err(_) => {
                    is_news |= block.cancel_errors == 0;
                    let at = now + pause(block.cancel_errors);
                    block.cancel_errors = block.cancel_errors.saturating_add(1);
                    Cancel::Again { at }
                }
            };
        }
        if let Err(reason) = answer
            && is_news
        {
            let text = format!(
                "cannot cancel a block of `{}`, which is tried again: {reason}",
                self.plan.name
            );
            commands.push(Command::Warn { text });
        }
        self.settle(now, commands);
    }

    /// Asks about all blocks at once, when it is time for any.
    pub(super) fn ask(&mut self, now: Instant, commands: &mut Vec<Command>) {
        let interval = self.plan.poll_interval;
        self.rest();
        let mut due: Option<Instant> = None;
        let mut jobs = Vec::new();
        for block in self.blocks.values() {
            if let (Some(job), Some(poll)) = (&block.job, &block.poll)
                && !block.is_over()
            {
                due = Some(due.map_or(poll.at, |due| due.min(poll.at)));
                jobs.push(job.clone());
            }
        }
        let (Some(due), false) = (due, self.polling.is_under_way()) else {
            return;
        };
        if !self.is_time(self.polling.earliest(due), now) {
            return;
        }
        self.polling.begins(now);
        for block in self.blocks.values_mut() {
            if let Some(poll) = &mut block.poll {
                let is_waiting = matches!(block.phase, Phase::Pending | Phase::Starting { .. });
                let next = if is_waiting {
                    interval
                } else {
                    (poll.pause * 2).min(interval.max(Duration::from_secs(1)))
                };
                *poll = Poll {
                    at: now + next,
                    pause: next,
                };
            }
        }
        commands.push(Command::Poll { jobs });
    }

    /// Whether there is something to be asked about a block.
    pub(super) fn is_unexplained(&self, block: &Block) -> bool {
        let nodes = || self.nodes.values().filter(|node| node.block == block.id);
        match block.phase {
            Phase::Pending | Phase::Starting { .. } | Phase::Ending { .. } => true,
            Phase::Running | Phase::Draining => {
                !block.is_seen_running
                    || nodes().any(|node| {
                        matches!(
                            node.state,
                            NodeState::Silent | NodeState::Lost { explained: false }
                        )
                    })
            }
            Phase::Over => false,
        }
    }
}

/// Why the batch system did not take a request.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    /// In its own words.
    pub(super) reason: String,
    /// What that tells of asking again.
    pub(super) refusal: Refusal,
}
