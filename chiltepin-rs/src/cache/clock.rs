//! The order of what is said about one key.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use super::record::nanoseconds;

/// A stamp is an `i64` in the index.
const LAST: u64 = i64::MAX as u64;

/// Gives each record a stamp: nanoseconds since 1970, but beyond each stamp seen before.
///
/// Of an entry and a tombstone of one key the one with the later stamp holds; of equal stamps
/// the tombstone. Whoever removes an entry has seen its stamp, and whoever keeps a result again
/// has seen the tombstone, so that a clock that is behind does no harm. Only between two
/// drivers that have not seen one another's record do the clocks decide; the worst that a wrong
/// one does there is a result that is computed again, or one that is found again after it was
/// cleared elsewhere at the same moment.
#[derive(Debug, Default)]
pub(super) struct Clock {
    seen: AtomicU64,
}

impl Clock {
    pub(super) fn observe(&self, stamp: u64) {
        self.seen.fetch_max(stamp.min(LAST), Ordering::Relaxed);
    }

    /// A stamp beyond all that were given or observed.
    pub(super) fn stamp(&self, now: SystemTime) -> u64 {
        let now = nanoseconds(now).min(LAST);
        let next = |seen: u64| now.max(seen.saturating_add(1)).min(LAST);
        let mut seen = self.seen.load(Ordering::Relaxed);
        loop {
            match self.seen.compare_exchange_weak(
                seen,
                next(seen),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return next(seen),
                Err(other) => seen = other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_that_is_behind_still_stamps_after_what_it_saw() {
        let clock = Clock::default();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        let first = clock.stamp(now);
        assert_eq!(first, 100_000_000_000);
        assert_eq!(clock.stamp(now - Duration::from_secs(50)), first + 1);
        clock.observe(first + 1000);
        assert_eq!(clock.stamp(now), first + 1001);
        clock.observe(u64::MAX);
        assert_eq!(clock.stamp(now), LAST, "no overflow");
    }
}
