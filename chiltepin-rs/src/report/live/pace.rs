use std::collections::VecDeque;
use std::time::Duration;

/// The time over which a rate is told.
const WINDOW: Duration = Duration::from_secs(30);

/// Samples are this far apart at least.
const APART: Duration = Duration::from_secs(1);

/// Fewer ends than this within the window tell nothing of a rate.
const ENOUGH: u64 = 3;

/// How many tasks ended lately.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The time of the run, and how many had ended by then.
    samples: VecDeque<(Duration, u64)>,
}

impl Pace {
    /// Is told how many have ended by now.
    pub(super) fn sample(&mut self, now: Duration, ended: u64) {
        let last = self.samples.back();
        if last.is_some_and(|(at, _)| now.saturating_sub(*at) < APART) {
            return;
        }
        self.samples.push_back((now, ended));
        while self
            .samples
            .front()
            .is_some_and(|(at, _)| now.saturating_sub(*at) > WINDOW)
        {
            self.samples.pop_front();
        }
    }

    /// Ends per second lately; none where there were too few.
    pub(super) fn rate(&self) -> Option<f64> {
        let ((begin, before), (end, after)) = (self.samples.front()?, self.samples.back()?);
        let ended = after.saturating_sub(*before);
        (ended >= ENOUGH).then(|| ended as f64 / end.saturating_sub(*begin).as_secs_f64())
    }
}
