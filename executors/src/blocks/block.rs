use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

use crate::provider::{JobEnd, JobId};

/// Numbers the blocks of an executor, from 1; none is used twice once the batch system has taken
/// the request for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct BlockId(pub(super) u32);

impl fmt::Display for BlockId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

/// A block of nodes, from the moment it is asked for.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) id: BlockId,
    pub(super) phase: Phase,
    /// The batch system's name for it, once it has one.
    pub(super) job: Option<JobId>,
    /// Whether the batch system has not answered yet.
    pub(super) is_submitting: bool,
    /// Whether it was asked for at the start, needed or not.
    pub(super) is_initial: bool,
    /// Whether this side has let it go.
    pub(super) is_let_go: bool,
    pub(super) asked: Instant,
    /// When its first node has joined.
    pub(super) first_join: Option<Instant>,
    /// When its time is over, once that is known.
    pub(super) end: Option<Instant>,
    /// Why it waits, or how it ended, in the batch system's own words.
    pub(super) reason: Option<String>,
    /// Whether the batch system was seen to know it as running.
    pub(super) is_seen_running: bool,
    /// The nodes that the batch system was seen to give it.
    pub(super) known_nodes: BTreeSet<String>,
    /// What was seen of its nodes that tells why it is of no use.
    pub(super) trouble: Option<String>,
    /// How often in a row the batch system knew nothing of it.
    pub(super) forgotten: u32,
    /// When it is to be asked about.
    pub(super) poll: Option<Poll>,
    /// How far its cancelling is.
    pub(super) cancel: Cancel,
    /// How often in a row its cancelling was not answered.
    pub(super) cancel_errors: u32,
    /// How its job ended, once that is known.
    pub(super) ended: Option<Ended>,
    /// Whether it was said that it will not get nodes.
    pub(super) warned_stuck: bool,
    /// Whether it was said that its nodes do not call.
    pub(super) warned_missing: bool,
}

/// What a block is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It waits for nodes, or for the batch system to take the request.
    Pending,
    /// It has nodes, and none has joined.
    Starting { since: Instant },
    /// At least one has joined.
    Running,
    /// It is sent nothing any more; what runs there may end.
    Draining,
    /// It is let go, or its nodes are gone.
    Ending { since: Instant },
    /// Its job is over.
    Over,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Poll {
    pub(super) at: Instant,
    pub(super) pause: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cancel {
    No,
    /// As soon as there is a job.
    Now,
    UnderWay,
    /// It was not answered.
    Again {
        at: Instant,
    },
    Done {
        at: Instant,
    },
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// None if nobody can tell.
    pub(super) end: Option<JobEnd>,
    /// In the batch system's own words.
    pub(super) words: String,
}

impl Block {
    pub(super) fn new(id: BlockId, is_initial: bool, now: Instant) -> Self {
        Self {
            id,
            phase: Phase::Pending,
            job: None,
            is_submitting: true,
            is_initial,
            is_let_go: false,
            asked: now,
            first_join: None,
            end: None,
            reason: None,
            is_seen_running: false,
            known_nodes: BTreeSet::new(),
            trouble: None,
            forgotten: 0,
            poll: None,
            cancel: Cancel::No,
            cancel_errors: 0,
            ended: None,
            warned_stuck: false,
            warned_missing: false,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Whether it serves, or will.
    pub(super) const fn is_current(&self) -> bool {
        matches!(
            self.phase,
            Phase::Pending | Phase::Starting { .. } | Phase::Running
        )
    }

    /// Has it asked about no later than after so long.
    pub(super) fn poll_soon(&mut self, delay: Duration, now: Instant) {
        let at = now + delay;
        if self.poll.is_none_or(|poll| at < poll.at) {
            self.poll = Some(Poll { at, pause: delay });
        }
    }

    /// The word for what it is doing.
    pub(super) const fn word(&self) -> &'static str {
        match self.phase {
            Phase::Pending if self.is_submitting => "asked",
            Phase::Pending => "pending",
            Phase::Starting { .. } => "starting",
            Phase::Running => "running",
            Phase::Draining => "draining",
            Phase::Ending { .. } => "ending",
            Phase::Over => "over",
        }
    }
}
