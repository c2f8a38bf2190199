//! The stream of what happens in a run, and those who look at it.
//!
//! ```text
//!   record(event) ──► queue ──thread of the stream──► views: the journal, the live view
//! ```
//!
//! Whoever tells what happened returns at once; views are shown it some tenth of a second later.

mod queue;
mod show;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub(crate) use queue::Stream;

use super::event::{Event, RunOutcome, Text};

/// Somebody who is shown what happens in a run, on the stream's thread.
pub(crate) trait View: Send {
    /// Is shown what has happened since the last time, in order as far as it was told one after
    /// another.
    fn take(&mut self, events: &[Event<Text>]);

    /// Does what is due, and says after what time at the latest it wants its next turn; none for
    /// not before something happens.
    fn turn(&mut self, now: Instant) -> Option<Duration>;

    /// Has seen everything.
    fn finish(&mut self, outcome: RunOutcome);
}

/// Whether anything that was submitted has not ended. That is known at once, before any view is
/// shown it.
#[derive(Debug, Default)]
pub(crate) struct Busy(AtomicBool);

impl Busy {
    pub(crate) fn is_busy(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    pub(super) fn set(&self, is_busy: bool) {
        self.0.store(is_busy, Ordering::SeqCst);
    }
}
