use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::job::JobId;

/// How long a process may take from its start to its hello. A cluster's file system may be slow
/// to bring a large program.
pub(super) const STARTING: Duration = Duration::from_secs(60);

/// How long a worker that has nothing to do may take to end.
pub(super) const CLOSING: Duration = Duration::from_secs(5);

/// A worker process, as the pool knows it.
#[derive(Debug)]
pub(super) struct Worker {
    /// Stands in its name; another worker may have it when this one is gone.
    pub(super) number: u32,
    pub(super) phase: Phase,
    /// The synchronous calls it has, in the order in which it begins them.
    pub(super) calls: VecDeque<Sent>,
    /// The async calls it has.
    pub(super) bodies: HashMap<u64, JobId>,
    pub(super) last_sequence: u64,
    /// When it was last heard of, or sent something while it was idle.
    pub(super) last_progress: Instant,
    /// Since when it has had nothing to do.
    pub(super) idle_since: Option<Instant>,
    /// It was asked to give calls back and has not answered.
    pub(super) withdrawing: bool,
}

/// A synchronous call that a worker was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) sequence: u64,
    pub(super) job: JobId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Its process is to be started, or is since this time, and has not said hello.
    Starting {
        launched: Option<Instant>,
    },
    Ready,
    /// It was told to end.
    Closing {
        since: Instant,
    },
}

impl Worker {
    pub(super) fn new(number: u32, now: Instant) -> Self {
        Self {
            number,
            phase: Phase::Starting { launched: None },
            calls: VecDeque::new(),
            bodies: HashMap::new(),
            last_sequence: 0,
            last_progress: now,
            idle_since: None,
            withdrawing: false,
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }

    pub(super) fn is_idle(&self) -> bool {
        self.calls.is_empty() && self.bodies.is_empty()
    }

    /// The job of a sequence number, and whether it is a synchronous one.
    pub(super) fn find(&self, sequence: u64) -> Option<(JobId, bool)> {
        // Nearly always the first.
        if let Some(sent) = self.calls.iter().find(|sent| sent.sequence == sequence) {
            return Some((sent.job, true));
        }
        self.bodies.get(&sequence).map(|job| (*job, false))
    }

    pub(super) fn next_sequence(&mut self) -> u64 {
        self.last_sequence += 1;
        self.last_sequence
    }

    /// Calls that it has and cannot have begun, as far as is known here.
    pub(super) fn ahead(&self, threads: u32) -> usize {
        self.calls.len().saturating_sub(threads as usize)
    }
}
