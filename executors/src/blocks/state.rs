use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::block::{Block, BlockId, Cancel, Phase};
use super::command::Command;
use super::failing::{Aside, Fruitless};
use super::node::{Node, NodeId};
use super::plan::Plan;
use super::polling::Polling;
use super::scaling::{Seen, Waiting, WaitingApps};
use super::submitting::Submitting;
use crate::provider::JobId;
use crate::{Capacity, Wanted};

/// All blocks and nodes of an executor, and what is wanted of them. Pure; told the time.
#[derive(Debug)]
pub(super) struct State {
    pub(super) plan: Plan,
    pub(super) blocks: BTreeMap<BlockId, Block>,
    pub(super) nodes: BTreeMap<NodeId, Node>,
    pub(super) waiting: Waiting,
    /// Since when something waits.
    pub(super) waiting_since: Option<Instant>,
    pub(super) submitting: Submitting,
    pub(super) polling: Polling,
    pub(super) fruitless: Fruitless,
    pub(super) aside: Aside,
    /// Whether blocks are asked for without leaving out nodes, since none else are to be had.
    pub(super) takes_any_node: bool,
    pub(super) seen: Seen,
    pub(super) told_largest: Option<Capacity>,
    /// How many of the blocks asked for at the start are yet to be asked for.
    pub(super) initial_left: u32,
    /// Since when more blocks are on their way than are needed.
    pub(super) surplus_since: Option<Instant>,
    /// Blocks that are over and whose last words are being read.
    pub(super) last_words: BTreeSet<BlockId>,
    /// Why nothing can be run here any more.
    pub(super) broken: Option<String>,
    pub(super) is_closing: bool,
    /// How long the agents of a block that is let go may take to end.
    pub(super) ends_within: Duration,
    pub(super) last_block: u32,
    pub(super) last_node: u32,
    pub(super) has_changed: bool,
    /// When to be told the time, if ever.
    pub(super) wake: Option<Instant>,
}

/// How long the agents of a block that is idle may take to end.
const IDLE_ENDS_WITHIN: Duration = Duration::from_secs(6);

impl State {
    pub(super) fn new(plan: Plan) -> Self {
        let waiting = if plan.max_apps.is_some() {
            Waiting::Apps(WaitingApps::default())
        } else {
            Waiting::Calls(Wanted::default())
        };
        Self {
            initial_left: plan.init.min(plan.max),
            plan,
            blocks: BTreeMap::new(),
            nodes: BTreeMap::new(),
            waiting,
            waiting_since: None,
            submitting: Submitting::default(),
            polling: Polling::default(),
            fruitless: Fruitless::default(),
            aside: Aside::default(),
            takes_any_node: false,
            seen: Seen::default(),
            told_largest: None,
            surplus_since: None,
            last_words: BTreeSet::new(),
            broken: None,
            is_closing: false,
            ends_within: IDLE_ENDS_WITHIN,
            last_block: 0,
            last_node: 0,
            has_changed: true,
            wake: None,
        }
    }

    /// Told the time, as it wished to be; also the first event of all.
    pub(super) fn woken(&mut self, now: Instant, commands: &mut Vec<Command>) {
        self.settle(now, commands);
    }

    /// So much waits.
    pub(super) fn wanted(&mut self, waiting: Waiting, now: Instant, commands: &mut Vec<Command>) {
        self.waiting = waiting;
        if waiting.calls() == 0 {
            self.waiting_since = None;
        } else {
            self.waiting_since.get_or_insert(now);
        }
        self.has_changed = true;
        self.settle(now, commands);
    }

    /// Lets all go; what runs may end within the grace.
    pub(super) fn close(&mut self, grace: Duration, now: Instant, commands: &mut Vec<Command>) {
        self.is_closing = true;
        self.ends_within = grace.saturating_add(Duration::from_secs(2));
        self.let_all_go("the workflow is closing", now, commands);
        for block in self.blocks.values_mut() {
            if matches!(block.cancel, Cancel::Again { .. }) {
                // Its pause may be longer than anybody waits from now on.
                block.cancel = Cancel::Now;
                block.cancel_errors = 0;
            }
        }
        self.settle(now, commands);
    }

    /// Does not wait for what is ending any longer.
    pub(super) fn hurry(&mut self, now: Instant, commands: &mut Vec<Command>) {
        if self.is_closing {
            self.ends_within = Duration::ZERO;
        }
        self.settle(now, commands);
    }

    /// Whether no block is left.
    pub(super) fn is_empty(&self) -> bool {
        self.blocks.values().all(Block::is_over)
    }

    /// The jobs of blocks that are not known to be over.
    pub(super) fn left(&self) -> Vec<&JobId> {
        let left = self.blocks.values().filter(|block| !block.is_over());
        left.filter_map(|block| block.job.as_ref()).collect()
    }

    /// What a block that is over has written last, if anything; or one whose nodes do not call.
    pub(super) fn output(
        &mut self,
        id: BlockId,
        lines: Option<&str>,
        now: Instant,
        commands: &mut Vec<Command>,
    ) {
        if self.last_words.remove(&id) {
            self.came_to_nothing(id, lines, now, commands);
        } else if let Some(block) = self.blocks.get(&id)
            && matches!(block.phase, Phase::Starting { .. })
        {
            let text = self.missing_in_words(block, lines);
            commands.push(Command::Warn { text });
        }
        self.settle(now, commands);
    }

    /// Does what follows from how things stand.
    pub(super) fn settle(&mut self, now: Instant, commands: &mut Vec<Command>) {
        self.wake = None;
        let ids: Vec<_> = self.blocks.keys().copied().collect();
        for id in ids {
            self.tend(id, now, commands);
        }
        self.drop_surplus(now, commands);
        self.give_up_if_hopeless(now, commands);
        self.submit(now, commands);
        self.cancel(commands);
        self.ask(now, commands);
        self.tell_offers(now, commands);
        self.tell_largest(now, commands);
        self.forget_old();
        if std::mem::take(&mut self.has_changed) {
            commands.push(Command::StatusChanged);
        }
    }

    /// Asks to be told the time then.
    pub(super) fn wake_at(&mut self, at: Instant) {
        if self.wake.is_none_or(|wake| at < wake) {
            self.wake = Some(at);
        }
    }

    /// Whether that time has come; if not, it is asked for.
    pub(super) fn is_time(&mut self, at: Instant, now: Instant) -> bool {
        if now < at {
            self.wake_at(at);
        }
        now >= at
    }

    /// The nodes of a block whose agents may still say something.
    pub(super) fn live(&self, block: BlockId) -> impl Iterator<Item = (NodeId, &Node)> {
        let nodes = self.nodes.iter().map(|(id, node)| (*id, node));
        nodes.filter(move |(_, node)| node.block == block && node.is_live())
    }

    pub(super) fn live_ids(&self, block: BlockId) -> Vec<NodeId> {
        self.live(block).map(|(id, _)| id).collect()
    }

    /// Drops blocks that have been over for long.
    fn forget_old(&mut self) {
        const MOST_KEPT: usize = 16;
        let over: Vec<_> = self
            .blocks
            .values()
            .filter(|block| block.is_over() && !self.last_words.contains(&block.id))
            .map(|block| block.id)
            .collect();
        for id in &over[..over.len().saturating_sub(MOST_KEPT)] {
            self.blocks.remove(id);
            self.nodes.retain(|_, node| node.block != *id);
        }
    }
}
