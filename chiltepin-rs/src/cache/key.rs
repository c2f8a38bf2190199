//! What a cached result is found by.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a cached result: the hash of its [`Recipe`](super::Recipe).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct CacheKey(pub(crate) [u8; 32]);

impl fmt::Display for CacheKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CacheKey({self})")
    }
}

/// The beginning of a key as a person types it: 1 to 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyPrefix {
    /// The smallest key that begins so.
    pub(crate) first: CacheKey,
    /// The largest key that begins so.
    pub(crate) last: CacheKey,
}

/// A text that begins no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the beginning of a cache key: 1 to 64 hexadecimal digits are expected")]
pub(crate) struct NotAKey {
    text: String,
}

impl FromStr for KeyPrefix {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let wrong = || NotAKey {
            text: text.to_owned(),
        };
        if text.is_empty() || text.len() > 64 {
            return Err(wrong());
        }
        let mut first = [0x00; 32];
        let mut last = [0xff; 32];
        for (at, digit) in text.chars().enumerate() {
            // `to_digit(16)` is below 16.
            let digit = digit.to_digit(16).ok_or_else(wrong)? as u8;
            let (shift, other) = if at % 2 == 0 { (4, 0x0f) } else { (0, 0xf0) };
            first[at / 2] = (first[at / 2] & other) | (digit << shift);
            last[at / 2] = (last[at / 2] & other) | (digit << shift);
        }
        Ok(Self {
            first: CacheKey(first),
            last: CacheKey(last),
        })
    }
}

impl FromStr for CacheKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let prefix: KeyPrefix = text.parse()?;
        if prefix.first != prefix.last {
            return Err(NotAKey {
                text: text.to_owned(),
            });
        }
        Ok(prefix.first)
    }
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written() {
        let key = CacheKey(std::array::from_fn(|at| at as u8 * 7));
        assert_eq!(key.to_string().len(), 64);
        assert_eq!(key.to_string().parse(), Ok(key));
        assert_eq!(key.to_string().to_uppercase().parse(), Ok(key));
        assert!(key.to_string()[..63].parse::<CacheKey>().is_err());
    }

    #[test]
    fn a_prefix_covers_exactly_the_keys_that_begin_so() {
        let prefix: KeyPrefix = "abc".parse().unwrap();
        assert_eq!(prefix.first.to_string(), format!("abc{}", "0".repeat(61)));
        assert_eq!(prefix.last.to_string(), format!("abc{}", "f".repeat(61)));
        for text in ["", "xyz", "ab ", "äb", &"0".repeat(65)] {
            assert!(text.parse::<KeyPrefix>().is_err(), "{text}");
        }
    }
}
