use std::time::Duration;

use super::{Cause, Retry};

/// No pause is longer: it keeps the arithmetic away from the ends of what a clock can say.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What the exit status of a shell, or of a container, is when what it ran was killed: 128 and
/// SIGKILL.
const KILLED: i32 = 128 + 9;

impl Cause {
    /// The causes as which it counts, the first that has a limit of its own.
    const fn counts_as(self) -> [Self; 3] {
        match self {
            Self::ExitCode(KILLED) => [self, Self::OutOfMemory, Self::Error],
            Self::ExitCode(_) => [self, self, Self::Error],
            Self::OutOfMemory => [self, self, Self::Error],
            Self::WorkerLost => [Self::Lost, self, self],
            Self::WorkerOutOfMemory => [Self::OutOfMemory, Self::Lost, Self::WorkerLost],
            Self::Error | Self::Panic | Self::Timeout | Self::Lost | Self::System => [self; 3],
        }
    }

    /// Whether a command that was killed has made its shell end.
    pub(super) const fn is_killed(self) -> bool {
        matches!(self, Self::ExitCode(KILLED))
    }

    /// Whether it is repeated where it has no limit of its own.
    const fn is_general(self) -> bool {
        !matches!(
            self,
            Self::Lost | Self::WorkerLost | Self::WorkerOutOfMemory
        )
    }
}

impl Retry {
    /// Whether no attempt may follow another, whatever the cause.
    pub(crate) fn is_nothing(&self) -> bool {
        self.retries == 0 && self.limits.iter().all(|limit| limit.retries == 0)
    }

    /// Whether no further attempt may follow another, whatever the cause.
    pub(super) fn is_used_up(&self) -> bool {
        self.used >= self.retries && self.limits.iter().all(|limit| limit.used >= limit.retries)
    }

    /// Whether another attempt may follow one that failed for this cause.
    pub(super) fn grants(&self, cause: Cause) -> bool {
        match self.limit(cause) {
            Some(at) => self.limits[at].used < self.limits[at].retries,
            None => cause.is_general() && self.used < self.retries,
        }
    }

    /// Is told that another attempt follows one that failed for this cause.
    pub(super) fn count(&mut self, cause: Cause) {
        match self.limit(cause) {
            Some(at) => self.limits[at].used += 1,
            None => self.used += 1,
        }
    }

    /// How many attempts have followed others so far.
    #[cfg(test)]
    pub(super) fn counted(&self) -> u32 {
        self.used + self.limits.iter().map(|limit| limit.used).sum::<u32>()
    }

    /// The place of the limit that a cause has of its own.
    fn limit(&self, cause: Cause) -> Option<usize> {
        let of = |cause| self.limits.iter().position(|limit| limit.cause == cause);
        cause.counts_as().into_iter().find_map(of)
    }

    /// The pause after `attempt` of the task of this number.
    pub(super) fn pause(&self, number: u64, attempt: u32) -> Duration {
        let longest = self.longest.min(LONGEST);
        let doublings = attempt.saturating_sub(1);
        let nanoseconds = self.base.as_nanos();
        let pause = if doublings < nanoseconds.leading_zeros() {
            (nanoseconds << doublings).min(longest.as_nanos())
        } else if nanoseconds == 0 {
            0
        } else {
            longest.as_nanos()
        };
        // At most a year, which is 2^55 nanoseconds.
        let pause = Duration::from_nanos(u64::try_from(pause).unwrap_or(u64::MAX));
        let jitter = if self.jitter.is_nan() {
            0.0
        } else {
            self.jitter.clamp(0.0, 1.0)
        };
        pause.mul_f64(1.0 - jitter * self.fraction(number, attempt))
    }

    /// A number in 0..1 that looks random and is the same for the same inputs.
    fn fraction(&self, number: u64, attempt: u32) -> f64 {
        let mixed = mix(mix(mix(self.seed) ^ number) ^ u64::from(attempt));
        // The 53 bits that a double holds exactly.
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The output function of SplitMix64 (Steele, Lea and Flood, 2014).
const fn mix(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Limit;

    const MILLISECOND: Duration = Duration::from_millis(1);

    fn retry(jitter: f64) -> Retry {
        Retry {
            retries: 9,
            base: 100 * MILLISECOND,
            longest: Duration::from_secs(1),
            jitter,
            seed: 7,
            ..Retry::default()
        }
    }

    #[test]
    fn a_cause_counts_as_the_nearest_that_has_a_limit() {
        let retry = |limits: &[Cause]| {
            let limit = |&cause| Limit {
                cause,
                retries: 1,
                used: 0,
            };
            Retry {
                retries: 1,
                limits: limits.iter().map(limit).collect(),
                ..Retry::default()
            }
        };
        // With what has a limit, the cause that is counted, and what is granted no more then.
        let all: &[Cause] = &[Cause::Error, Cause::OutOfMemory, Cause::ExitCode(137)];
        for (limits, cause, place) in [
            (all, Cause::ExitCode(137), Some(2)),
            (&all[..2], Cause::ExitCode(137), Some(1)),
            (&all[..1], Cause::ExitCode(137), Some(0)),
            (&[], Cause::ExitCode(137), None),
            (all, Cause::ExitCode(1), Some(0)),
            (all, Cause::OutOfMemory, Some(1)),
            (&all[..1], Cause::OutOfMemory, Some(0)),
            (all, Cause::WorkerOutOfMemory, Some(1)),
            (
                &[Cause::Error, Cause::Lost],
                Cause::WorkerOutOfMemory,
                Some(1),
            ),
            (&[Cause::WorkerLost], Cause::WorkerOutOfMemory, Some(0)),
            (
                &[Cause::Lost, Cause::WorkerLost],
                Cause::WorkerLost,
                Some(0),
            ),
            (all, Cause::Panic, None),
            (all, Cause::Timeout, None),
            (all, Cause::System, None),
        ] {
            let mut retry = retry(limits);
            assert!(retry.grants(cause), "{limits:?}, {cause:?}");
            retry.count(cause);
            assert!(!retry.grants(cause), "{limits:?}, {cause:?}");
            let used = |retry: &Retry| retry.limits.iter().position(|limit| limit.used == 1);
            assert_eq!(used(&retry), place, "{limits:?}, {cause:?}");
            assert_eq!(
                (retry.used, retry.counted()),
                (u32::from(place.is_none()), 1)
            );
        }
    }

    #[test]
    fn what_is_lost_is_repeated_only_by_a_limit_of_its_own() {
        for cause in [Cause::Lost, Cause::WorkerLost, Cause::WorkerOutOfMemory] {
            assert!(!retry(0.0).grants(cause), "{cause:?}");
        }
    }

    #[test]
    fn splitmix64_gives_its_published_numbers() {
        // The first two outputs for the seed 1234567.
        assert_eq!(mix(1_234_567), 6_457_827_717_110_365_317);
        assert_eq!(
            mix(1_234_567_u64.wrapping_add(0x9e37_79b9_7f4a_7c15)),
            3_203_168_211_198_807_973
        );
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses: Vec<_> = (1..=6)
            .map(|attempt| retry(0.0).pause(1, attempt))
            .collect();
        assert_eq!(
            pauses,
            [100, 200, 400, 800, 1000, 1000].map(|count| count * MILLISECOND)
        );
        assert_eq!(retry(0.0).pause(1, u32::MAX), Duration::from_secs(1));
        let from_nothing = Retry {
            base: Duration::ZERO,
            ..retry(0.5)
        };
        assert_eq!(from_nothing.pause(1, u32::MAX), Duration::ZERO);
    }

    #[test]
    fn jitter_shortens_a_pause_by_at_most_its_share_and_always_alike() {
        let mut seen = std::collections::HashSet::new();
        for number in 1..1000 {
            let pause = retry(0.5).pause(number, 2);
            assert!(
                pause > 100 * MILLISECOND && pause <= 200 * MILLISECOND,
                "{pause:?}"
            );
            assert_eq!(pause, retry(0.5).pause(number, 2));
            seen.insert(pause);
        }
        assert!(seen.len() > 990, "only {} different pauses", seen.len());
        assert_ne!(retry(0.5).pause(1, 1) * 2, retry(0.5).pause(1, 2));
        assert_ne!(
            Retry {
                seed: 8,
                ..retry(0.5)
            }
            .pause(1, 1),
            retry(0.5).pause(1, 1)
        );
    }

    #[test]
    fn extremes_are_harmless() {
        for jitter in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 2.0] {
            for base in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
                for attempt in [0, 1, 2, 31, 32, 33, 64, 127, 128, u32::MAX] {
                    let rule = Retry {
                        base,
                        longest: Duration::MAX,
                        ..retry(jitter)
                    };
                    assert!(rule.pause(u64::MAX, attempt) <= LONGEST);
                }
            }
        }
    }
}
