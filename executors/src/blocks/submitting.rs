use std::time::{Duration, Instant};

/// When the batch system may be asked for a block: one at a time, not too often, and with pauses
/// after it did not answer.
#[derive(Debug, Default)]
pub(super) struct Submitting {
    is_under_way: bool,
    /// When the requests so far would have been made, had they been made one each interval.
    even: Option<Instant>,
    /// How often in a row it was not answered.
    errors: u32,
    /// Since when it has not answered, asked all the while.
    failing_since: Option<Instant>,
    /// Whether it has ever been answered well.
    has_succeeded: bool,
    not_before: Option<Instant>,
    /// Why nothing is asked for at the moment.
    trouble: Option<String>,
    /// Whether it was refused for good, as things stand.
    is_refused: bool,
}

/// How often a block may be asked for in the long run.
const INTERVAL: Duration = Duration::from_secs(1);

/// How many may be asked for without a pause.
pub(super) const BURST: u32 = 5;

/// The longest pause after the batch system did not answer.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How long it is asked again if it never gave a block: it may not be set up here at all.
pub(super) const FIRST_PATIENCE: Duration = Duration::from_secs(5 * 60);

/// How long it is asked again if it did before: it may be under maintenance.
pub(super) const PATIENCE: Duration = Duration::from_secs(2 * 60 * 60);

impl Submitting {
    /// When the next block may be asked for; none if only an answer or an end changes anything.
    pub(super) fn earliest(&self, now: Instant) -> Option<Instant> {
        if self.is_under_way || self.is_refused {
            return None;
        }
        let even = self
            .even
            .and_then(|even| even.checked_sub(INTERVAL * (BURST - 1)));
        Some(
            now.max(even.unwrap_or(now))
                .max(self.not_before.unwrap_or(now)),
        )
    }

    pub(super) fn begins(&mut self, now: Instant) {
        // Between then and now nothing was wanted: what it answers now is another matter.
        let was_idle = self.not_before.is_some_and(|due| now > due + LONGEST_PAUSE);
        if was_idle {
            self.errors = 0;
            self.failing_since = None;
            self.not_before = None;
            self.trouble = None;
        }
        self.is_under_way = true;
        self.even = Some(self.even.map_or(now, |even| even.max(now)) + INTERVAL);
    }

    pub(super) fn succeeded(&mut self) {
        self.is_under_way = false;
        self.errors = 0;
        self.failing_since = None;
        self.has_succeeded = true;
        self.not_before = None;
        self.trouble = None;
    }

    /// It was not answered; whether that is news.
    pub(super) fn failed(&mut self, reason: String, now: Instant) -> bool {
        self.failing_since.get_or_insert(now);
        self.pauses(reason, now)
    }

    /// It was answered that there are too many jobs, which is borne for as long as it takes;
    /// whether that is news.
    pub(super) fn put_off(&mut self, reason: String, now: Instant) -> bool {
        self.failing_since = None;
        self.pauses(reason, now)
    }

    fn pauses(&mut self, reason: String, now: Instant) -> bool {
        self.is_under_way = false;
        self.not_before = Some(now + pause(self.errors));
        self.errors = self.errors.saturating_add(1);
        self.trouble.replace(reason).is_none()
    }

    /// For how long it has not answered, if that is too long by now.
    pub(super) fn silence(&self, now: Instant) -> Option<Duration> {
        let patience = if self.has_succeeded {
            PATIENCE
        } else {
            FIRST_PATIENCE
        };
        let silent = now.saturating_duration_since(self.failing_since?);
        (silent >= patience).then_some(silent)
    }

    /// It was refused; nothing is asked for until a block ends, since a limit on their number may
    /// be why.
    pub(super) fn refused(&mut self, reason: String) {
        self.is_under_way = false;
        self.failing_since = None;
        self.is_refused = true;
        self.trouble = Some(reason);
    }

    /// A block has ended, or something else has changed.
    pub(super) fn relent(&mut self) {
        if std::mem::take(&mut self.is_refused) {
            self.trouble = None;
        }
    }

    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }
}

/// The pause after so many failures before this one.
pub(super) fn pause(failures: u32) -> Duration {
    Duration::from_secs(1 << failures.min(6)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_followed_by_one_each_second() {
        let begin = Instant::now();
        let mut submitting = Submitting::default();
        let mut now = begin;
        let mut times = Vec::new();
        for _ in 0..8 {
            now = submitting.earliest(now).unwrap();
            times.push((now - begin).as_secs());
            submitting.begins(now);
            assert_eq!(submitting.earliest(now), None, "one at a time");
            submitting.succeeded();
        }
        assert_eq!(times, [0, 0, 0, 0, 0, 1, 2, 3]);
    }

    #[test]
    fn pauses_double_up_to_a_minute_and_are_forgotten() {
        let mut now = Instant::now();
        let mut submitting = Submitting::default();
        let mut pauses = Vec::new();
        for round in 0..9 {
            submitting.begins(now);
            let is_news = submitting.failed("no answer".to_owned(), now);
            assert_eq!(is_news, round == 0);
            let next = submitting.earliest(now).unwrap();
            pauses.push((next - now).as_secs());
            now = next;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        submitting.begins(now);
        submitting.succeeded();
        assert_eq!(submitting.earliest(now), Some(now));
        assert_eq!(submitting.trouble(), None);
    }

    #[test]
    fn silence_is_borne_longer_once_it_has_answered() {
        let begin = Instant::now();
        let mut submitting = Submitting::default();
        for (patience, round) in [(FIRST_PATIENCE, 0), (PATIENCE, 1)] {
            submitting.failed("no answer".to_owned(), begin);
            submitting.failed("no answer".to_owned(), begin + patience / 2);
            let almost = begin + patience - Duration::from_secs(1);
            assert_eq!(submitting.silence(almost), None, "round {round}");
            assert_eq!(submitting.silence(begin + patience), Some(patience));
            submitting.succeeded();
            assert_eq!(submitting.silence(begin + patience * 2), None);
        }
    }

    #[test]
    fn failures_with_nothing_wanted_in_between_are_no_silence() {
        let begin = Instant::now();
        let mut submitting = Submitting::default();
        submitting.begins(begin);
        submitting.failed("no answer".to_owned(), begin);
        let later = begin + PATIENCE * 2;
        submitting.begins(later);
        assert!(submitting.failed("no answer".to_owned(), later), "news");
        assert_eq!(submitting.silence(later), None);
        let next = submitting.earliest(later).unwrap();
        assert_eq!(next, later + pause(0), "the pauses begin anew");
    }

    #[test]
    fn after_a_refusal_only_a_change_helps() {
        let now = Instant::now();
        let mut submitting = Submitting::default();
        submitting.begins(now);
        submitting.refused("no such partition".to_owned());
        assert_eq!(submitting.earliest(now), None);
        submitting.relent();
        assert_eq!(submitting.earliest(now), Some(now));
    }
}
