use std::time::Duration;

use super::Retry;

/// No pause is longer: it keeps the arithmetic away from the ends of what a clock can say.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl Retry {
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

    const MILLISECOND: Duration = Duration::from_millis(1);

    fn retry(jitter: f64) -> Retry {
        Retry {
            retries: 9,
            base: 100 * MILLISECOND,
            longest: Duration::from_secs(1),
            jitter,
            seed: 7,
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
