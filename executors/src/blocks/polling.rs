use std::time::{Duration, Instant};

use super::submitting::pause;

/// When the batch system may be asked how jobs stand.
#[derive(Debug, Default)]
pub(super) struct Polling {
    is_under_way: bool,
    not_before: Option<Instant>,
    errors: u32,
    trouble: Option<String>,
}

/// It is never asked more often.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

impl Polling {
    pub(super) const fn is_under_way(&self) -> bool {
        self.is_under_way
    }

    pub(super) fn earliest(&self, due: Instant) -> Instant {
        due.max(self.not_before.unwrap_or(due))
    }

    pub(super) fn begins(&mut self, now: Instant) {
        self.is_under_way = true;
        self.not_before = Some(now + LEAST_PAUSE);
    }

    pub(super) fn succeeded(&mut self) {
        self.is_under_way = false;
        self.errors = 0;
        self.trouble = None;
    }

    /// It was not answered; whether that is news.
    pub(super) fn failed(&mut self, reason: String, now: Instant) -> bool {
        self.is_under_way = false;
        self.not_before = Some(now + pause(self.errors));
        self.errors = self.errors.saturating_add(1);
        self.trouble.replace(reason).is_none()
    }

    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }
}
