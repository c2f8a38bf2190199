//! Ages, times and sizes as a person reads them.

use std::time::{Duration, SystemTime};

use super::super::status;

/// How long ago a moment is.
pub(super) fn age(now: SystemTime, moment: SystemTime) -> String {
    // A clock elsewhere may be ahead of this one.
    let age = now.duration_since(moment).unwrap_or_default();
    status::seconds(age)
}

/// How long something took.
pub(super) fn took(time: Duration) -> String {
    let (seconds, nanoseconds) = (time.as_secs(), time.subsec_nanos());
    match (seconds, nanoseconds) {
        (0, 0..1_000) => format!("{nanoseconds} ns"),
        (0, 1_000..1_000_000) => format!("{} µs", nanoseconds / 1_000),
        (0, _) => format!("{} ms", nanoseconds / 1_000_000),
        (1..60, _) => format!("{seconds}.{} s", nanoseconds / 100_000_000),
        (60..3600, _) => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// An amount of bytes, in the largest unit of which there is one.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [(u32, &str); 4] = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    let fitting = UNITS.iter().find(|(power, _)| bytes >> power != 0);
    match fitting {
        Some((power, unit)) => {
            let tenths = ((bytes >> (power - 10)) * 10) >> 10;
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} B"),
    }
}

/// A number of results.
pub(super) fn results(number: usize) -> String {
    match number {
        0 => "no results".to_owned(),
        1 => "1 result".to_owned(),
        _ => format!("{number} results"),
    }
}

/// A moment as programs read it.
pub(super) fn moment(time: SystemTime) -> String {
    // A pack may say any number; the largest are beyond what has a date.
    jiff::Timestamp::try_from(time).map_or_else(|_| "unknown".to_owned(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_told_in_units_that_fit() {
        let told = [0, 1023, 1024, 1_500_000, 10 << 30, u64::MAX].map(size);
        assert_eq!(
            told,
            [
                "0 B",
                "1023 B",
                "1.0 KiB",
                "1.4 MiB",
                "10.0 GiB",
                "16777215.9 TiB"
            ]
        );
        let told = [
            7,
            1_500,
            20_999_999,
            59_990_000_000,
            61_000_000_000,
            3_660_000_000_000,
        ];
        assert_eq!(
            told.map(|time| took(Duration::from_nanos(time))),
            ["7 ns", "1 µs", "20 ms", "59.9 s", "1 min 1 s", "1 h 1 min"]
        );
        assert_eq!(moment(SystemTime::UNIX_EPOCH), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn a_moment_ahead_is_now() {
        let now = SystemTime::UNIX_EPOCH;
        assert_eq!(age(now, now + Duration::from_secs(9)), "0 s");
        assert_eq!(age(now + Duration::from_secs(7200), now), "2 h");
    }
}
