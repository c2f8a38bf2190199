//! When the kernel must be woken: timeouts of running attempts, times of next ones.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use chiltepin_executors::AttemptId;

/// What happens when a timer is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TimerKind {
    /// The attempt is stopped.
    Timeout,
    /// The attempt is followed by another.
    Retry,
}

/// A time at which something happens to an attempt, unless it has gone on by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timer {
    pub(super) at: Instant,
    pub(super) attempt: AttemptId,
    pub(super) kind: TimerKind,
}

impl Timer {
    const fn key(&self) -> (Instant, u64, u32, TimerKind) {
        (
            self.at,
            self.attempt.task.number(),
            self.attempt.attempt,
            self.kind,
        )
    }
}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timer {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// Fewer stale timers than this are not worth a sweep.
pub(super) const SWEEP: usize = 32;

/// A heap of timers in which those no longer needed stay until they come up or are half of all.
/// The first is always one that is needed, so nobody is woken for nothing.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<Timer>>,
    live: usize,
}

impl Timers {
    /// Timers still needed.
    #[cfg(test)]
    pub(super) const fn len(&self) -> usize {
        self.live
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|timer| timer.0.at)
    }

    pub(super) fn arm(&mut self, timer: Timer) {
        self.live += 1;
        self.heap.push(Reverse(timer));
    }

    /// Is told that one timer is no longer needed; `is_timed` tells which.
    pub(super) fn disarm(&mut self, is_timed: impl Fn(&Timer) -> bool) {
        self.live -= 1;
        self.tidy(is_timed);
    }

    /// Takes out the first timer that is due.
    pub(super) fn due(&mut self, now: Instant, is_timed: impl Fn(&Timer) -> bool) -> Option<Timer> {
        let timer = self.heap.peek()?.0;
        if timer.at > now {
            return None;
        }
        self.heap.pop();
        self.live -= 1;
        self.tidy(is_timed);
        Some(timer)
    }

    fn tidy(&mut self, is_timed: impl Fn(&Timer) -> bool) {
        let stale = self.heap.len() - self.live;
        if stale == 0 {
            return;
        }
        if stale >= SWEEP && stale >= self.live {
            self.heap.retain(|timer| is_timed(&timer.0));
        }
        while self.heap.peek().is_some_and(|timer| !is_timed(&timer.0)) {
            self.heap.pop();
        }
    }

    /// All timers, stale ones too, in no order.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Timer> {
        self.heap.iter().map(|timer| &timer.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use chiltepin_executors::TaskId;

    use super::*;

    fn timer(start: Instant, number: u64, seconds: u64) -> Timer {
        Timer {
            at: start + Duration::from_secs(seconds),
            attempt: AttemptId {
                task: TaskId::new(number, 0),
                attempt: 1,
            },
            kind: TimerKind::Timeout,
        }
    }

    #[test]
    fn timers_come_due_in_order_of_time_then_of_task() {
        let start = Instant::now();
        let mut timers = Timers::default();
        for (number, seconds) in [(1, 9), (3, 4), (2, 4), (4, 6)] {
            timers.arm(timer(start, number, seconds));
        }
        assert_eq!(timers.next(), Some(start + Duration::from_secs(4)));
        let now = start + Duration::from_secs(6);
        let due: Vec<_> = std::iter::from_fn(|| timers.due(now, |_| true))
            .map(|timer| timer.attempt.task.number())
            .collect();
        assert_eq!(due, [2, 3, 4]);
        assert_eq!(timers.len(), 1);
    }

    #[test]
    fn disarmed_timers_neither_wake_nor_pile_up() {
        let start = Instant::now();
        let mut timers = Timers::default();
        let mut gone = HashSet::new();
        for number in 0..1000 {
            timers.arm(timer(start, number, number));
        }
        for number in (0..1000).filter(|number| number % 10 != 5) {
            gone.insert(number);
            timers.disarm(|timer| !gone.contains(&timer.attempt.task.number()));
            let next = (0..).find(|number| !gone.contains(number)).unwrap();
            assert_eq!(timers.next(), Some(start + Duration::from_secs(next)));
            assert!(timers.heap.len() < 2 * timers.live + SWEEP);
        }
        assert_eq!(timers.len(), 100);
    }
}
