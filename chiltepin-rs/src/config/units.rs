//! Values with units: durations, walltimes, amounts of memory.

use std::time::Duration;

#[cfg(feature = "cli")]
use jiff::SpanRelativeTo;
use jiff::fmt::friendly::{SpanParser, SpanPrinter};

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

/// The longest time that may be given: beyond a year it is a slip, and clocks overflow.
pub(super) const LONGEST: Duration = Duration::from_secs(366 * SECONDS_PER_DAY);

pub(super) const DURATION_FORMS: &str = "a time such as \"90s\", \"10m\" or \"1h30m\"";
pub(super) const WALLTIME_FORMS: &str = "a time such as \"01:30:00\" or \"2-00:00:00\"";
pub(crate) const MEMORY_FORMS: &str = "an amount such as \"16GiB\" or \"512M\"";

/// Reads "10m", "1h30m", "90 seconds".
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    SpanParser::new().parse_unsigned_duration(text.trim()).ok()
}

/// Reads what [`parse_duration`] reads, and days and weeks beside it: a day is 24 hours.
#[cfg(feature = "cli")]
pub(crate) fn parse_age(text: &str) -> Option<Duration> {
    let span = SpanParser::new().parse_span(text.trim()).ok()?;
    let age = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(age).ok()
}

/// Writes what [`parse_duration`] reads.
pub(super) fn print_duration(duration: Duration) -> String {
    SpanPrinter::new().unsigned_duration_to_string(&duration)
}

/// Reads the forms that Slurm documents for `--time`, and durations with units.
///
/// A lone number is refused: Slurm takes it for minutes, PBS for seconds. Both take two numbers
/// for minutes and seconds.
pub(super) fn parse_walltime(text: &str) -> Result<Duration, &'static str> {
    let text = text.trim();
    if text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return parse_duration(text).ok_or("not a time");
    }
    let (days, clock) = match text.split_once('-') {
        Some((days, clock)) => (Some(number(days)?), clock),
        None => (None, text),
    };
    let clock = clock
        .split(':')
        .map(number)
        .collect::<Result<Vec<_>, _>>()?;
    let (hours, minutes, seconds) = match (days, &*clock) {
        (_, [hours, minutes, seconds]) => (*hours, *minutes, *seconds),
        (Some(_), [hours, minutes]) => (*hours, *minutes, 0),
        (Some(_), [hours]) => (*hours, 0, 0),
        (None, [minutes, seconds]) => (0, *minutes, *seconds),
        (None, [_]) => return Err("a number without a unit is minutes to Slurm, seconds to PBS"),
        _ => return Err("not a time"),
    };
    // Each number is below 10^9, so that the sum fits.
    let days = days.unwrap_or(0) * SECONDS_PER_DAY;
    Ok(Duration::from_secs(
        days + hours * 3600 + minutes * 60 + seconds,
    ))
}

fn number(digits: &str) -> Result<u64, &'static str> {
    if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("not a time");
    }
    digits.parse().map_err(|_| "not a time")
}

/// Writes `HH:MM:SS`, with `D-` before it from a day on, which Slurm understands.
pub(super) fn print_walltime(walltime: Duration) -> String {
    let seconds = walltime.as_secs();
    let (days, rest) = (seconds / SECONDS_PER_DAY, seconds % SECONDS_PER_DAY);
    let (hours, minutes, seconds) = (rest / 3600, rest / 60 % 60, rest % 60);
    let clock = format!("{hours:02}:{minutes:02}:{seconds:02}");
    if days == 0 {
        clock
    } else {
        format!("{days}-{clock}")
    }
}

/// Whether YAML 1.1, which Chiltepin reads, takes this text for a number to base 60.
pub(super) fn is_sexagesimal(text: &str) -> bool {
    let mut parts = text.strip_prefix(['-', '+']).unwrap_or(text).split(':');
    let first = parts.next().unwrap_or_default();
    let mut rest = parts.peekable();
    first.starts_with(|digit: char| matches!(digit, '1'..='9'))
        && first
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'_')
        && rest.peek().is_some()
        && rest.all(|part| match part.as_bytes() {
            [b'0'..=b'9'] => true,
            [tens, b'0'..=b'9'] => matches!(tens, b'0'..=b'5'),
            _ => false,
        })
}

/// Reads "16GiB", "16G", "16GB": every unit is a power of 1024, as Slurm and PBS read them.
pub(crate) fn parse_memory(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (amount, unit) = text.split_at(digits);
    let unit = unit.trim_start().to_ascii_lowercase();
    let power = match &*unit {
        "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return None,
    };
    amount.parse::<u64>().ok()?.checked_mul(1 << power)
}

/// Writes what [`parse_memory`] reads, in the largest unit that needs no fraction.
pub(super) fn print_memory(bytes: u64) -> String {
    const UNITS: [(u32, &str); 4] = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    let fitting = UNITS
        .iter()
        .find(|(power, _)| bytes != 0 && bytes.is_multiple_of(1 << power));
    match fitting {
        Some((power, unit)) => format!("{}{unit}", bytes >> power),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn walltime(text: &str) -> Option<u64> {
        parse_walltime(text).ok().map(|time| time.as_secs())
    }

    #[test]
    fn walltime_takes_the_forms_of_slurm() {
        assert_eq!(walltime("00:10:00"), Some(600));
        assert_eq!(walltime("1:00:00"), Some(3600));
        assert_eq!(walltime("100:00:00"), Some(360_000));
        assert_eq!(walltime("02:30"), Some(150));
        assert_eq!(walltime("2-00:00:00"), Some(172_800));
        assert_eq!(walltime("1-12"), Some(129_600));
        assert_eq!(walltime("1-12:30"), Some(131_400));
        assert_eq!(walltime("90m"), Some(5400));
    }

    #[test]
    fn walltime_refuses_what_is_ambiguous_or_no_time() {
        assert_eq!(
            parse_walltime("60"),
            Err("a number without a unit is minutes to Slurm, seconds to PBS")
        );
        for text in [
            "",
            ":",
            "1:",
            "-1:00:00",
            "1:00:00:00",
            "+1:00:00",
            "1.5:00",
            "12345678901:0",
        ] {
            assert_eq!(walltime(text), None, "{text}");
        }
    }

    #[test]
    fn sexagesimal_is_what_yaml_1_1_takes_for_a_number() {
        for text in ["1:00:00", "10:00", "-1:30", "100:5:59"] {
            assert!(is_sexagesimal(text), "{text}");
        }
        for text in [
            "01:00:00",
            "0:10:00",
            "1:60:00",
            "3600",
            "2-00:00:00",
            "1:",
            "a:10",
        ] {
            assert!(!is_sexagesimal(text), "{text}");
        }
    }

    #[cfg(feature = "cli")]
    #[test]
    fn an_age_may_be_given_in_days_and_weeks() {
        for (text, hours) in [("7d", 168), ("1w", 168), ("36h", 36), ("1d 12h", 36)] {
            let age = Duration::from_secs(hours * 3600);
            assert_eq!(parse_age(text), Some(age), "{text}");
        }
        assert_eq!(parse_age("90s"), Some(Duration::from_secs(90)));
        for text in ["", "7", "d", "-7d", "7d ago", "1 month", "1y"] {
            assert_eq!(parse_age(text), None, "{text}");
        }
    }

    #[test]
    fn memory_units_are_powers_of_1024() {
        for text in ["16G", "16GB", "16GiB", "16 gib", "17179869184b"] {
            assert_eq!(parse_memory(text), Some(16 << 30), "{text}");
        }
        for text in ["16", "1.5G", "G", "-1G", "16X", "99999999999T", "16 G B"] {
            assert_eq!(parse_memory(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(seconds in 0..LONGEST.as_secs(), bytes: u64) {
            let time = Duration::from_secs(seconds);
            prop_assert_eq!(parse_duration(&print_duration(time)), Some(time));
            prop_assert_eq!(parse_walltime(&print_walltime(time)), Ok(time));
            prop_assert_eq!(parse_memory(&print_memory(bytes)), Some(bytes));
        }
    }
}
