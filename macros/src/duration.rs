//! Durations as people write them in attributes: `"90s"`, `"10m"`, `"1h30m"`.

use std::time::Duration;

const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Reads a duration: whole numbers, each with a unit, one after the other.
///
/// # Errors
/// A message that says what stands where a number or a unit should.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(format!("a duration is missing; {}", known_units()));
    }
    let mut milliseconds: u64 = 0;
    while !rest.is_empty() {
        let (number, after) = split_where(rest, |letter| !letter.is_ascii_digit());
        if number.is_empty() {
            return Err(format!(
                "`{rest}` does not begin with a number; {}",
                known_units()
            ));
        }
        let (unit, after) = split_where(after.trim_start(), |letter| !letter.is_alphabetic());
        if unit.is_empty() {
            return Err(format!("`{number}` has no unit; {}", known_units()));
        }
        let Some((_, length)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(format!("`{unit}` is no unit; {}", known_units()));
        };
        milliseconds = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(*length))
            .and_then(|length| milliseconds.checked_add(length))
            .ok_or_else(|| format!("`{text}` is too long"))?;
        rest = after.trim_start();
    }
    Ok(Duration::from_millis(milliseconds))
}

fn known_units() -> String {
    let names: Vec<_> = UNITS.iter().map(|(name, _)| format!("`{name}`")).collect();
    format!(
        "write numbers with a unit, as in `90s` or `1h30m` (units: {})",
        names.join(", ")
    )
}

fn split_where(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units_add_up() {
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(parse("1h30m"), Ok(Duration::from_secs(5_400)));
        assert_eq!(parse(" 2d 1 h "), Ok(Duration::from_secs(49 * 3_600)));
    }

    #[test]
    fn what_is_no_duration_is_named() {
        assert!(parse("").unwrap_err().starts_with("a duration is missing"));
        assert!(parse("10").unwrap_err().starts_with("`10` has no unit"));
        assert!(parse("10min").unwrap_err().starts_with("`min` is no unit"));
        assert!(
            parse("ten s")
                .unwrap_err()
                .starts_with("`ten s` does not begin with a number")
        );
        assert!(parse("1.5h").unwrap_err().starts_with("`1` has no unit"));
        assert_eq!(
            parse("999999999999999d").unwrap_err(),
            "`999999999999999d` is too long"
        );
    }
}
