use super::super::event::Ending;

/// How many tasks stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) waiting: u64,
    pub(super) running: u64,
    /// Those from the cache are not among them.
    pub(super) succeeded: u64,
    pub(super) cached: u64,
    pub(super) failed: u64,
    pub(super) not_run: u64,
    pub(super) cancelled: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        self.waiting += other.waiting;
        self.running += other.running;
        self.succeeded += other.succeeded;
        self.cached += other.cached;
        self.failed += other.failed;
        self.not_run += other.not_run;
        self.cancelled += other.cancelled;
    }

    /// Counts a task that ended so.
    pub(super) fn end<N>(&mut self, ending: &Ending<N>, is_cached: bool) {
        *match ending {
            Ending::Succeeded if is_cached => &mut self.cached,
            Ending::Succeeded => &mut self.succeeded,
            Ending::Failed(_) | Ending::TimedOut { .. } => &mut self.failed,
            Ending::DependencyFailed { .. } => &mut self.not_run,
            Ending::Cancelled { .. } | Ending::Closed => &mut self.cancelled,
        } += 1;
    }

    pub(super) fn open(&self) -> u64 {
        self.waiting + self.running
    }

    /// Those that ended after they ran.
    pub(super) fn computed(&self) -> u64 {
        self.succeeded + self.failed
    }

    pub(super) fn ended(&self) -> u64 {
        self.computed() + self.cached + self.not_run + self.cancelled
    }

    pub(super) fn all(&self) -> u64 {
        self.open() + self.ended()
    }

    /// Each with its word, as `chiltepin show` has it.
    pub(super) fn words(&self) -> [(u64, &'static str); 7] {
        [
            (self.running, "running"),
            (self.waiting, "waiting"),
            (self.succeeded, "succeeded"),
            (self.cached, "cached"),
            (self.failed, "failed"),
            (self.not_run, "not run"),
            (self.cancelled, "cancelled"),
        ]
    }
}
