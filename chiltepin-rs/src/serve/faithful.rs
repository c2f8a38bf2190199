use std::fmt;

use chiltepin_executors::wire::codec::{self, CodecError};

use super::values::{HINT, WithHint};
use crate::Value;

/// Larger values are not looked at: what a type's attributes do shows in small ones too.
const LARGEST: usize = 1 << 20;

/// How a value fares that was encoded and is decoded.
#[derive(Debug)]
pub(crate) enum Unfaithful {
    /// It cannot be.
    Unreadable(CodecError),
    /// It comes to another value.
    Changed,
}

/// Checks in debug builds that a value comes back from its bytes, before anybody depends on it.
pub(crate) fn check<T: Value>(encoded: &[u8]) -> Result<(), Unfaithful> {
    if !cfg!(debug_assertions) || encoded.len() > LARGEST {
        return Ok(());
    }
    let value: T = codec::decode(encoded).map_err(Unfaithful::Unreadable)?;
    let mut again = Vec::with_capacity(encoded.len());
    match codec::encode(&value, &mut again) {
        Ok(()) if counts(&again) == counts(encoded) => Ok(()),
        _ => Err(Unfaithful::Changed),
    }
}

/// How often each byte is there: a hashed map or set has its entries in another order each time it
/// is made, and is the same.
fn counts(bytes: &[u8]) -> [usize; 256] {
    let mut counts = [0; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    counts
}

impl Unfaithful {
    /// What is wrong, as the end of a sentence that begins with the value.
    pub(crate) fn problem(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "cannot be decoded",
            Self::Changed => "does not survive its way to another process",
        }
    }
}

/// Why, and what to do.
impl fmt::Display for Unfaithful {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => WithHint(error).fmt(formatter),
            Self::Changed => write!(
                formatter,
                "what was encoded and decoded is encoded otherwise than before; {HINT}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap, HashSet};

    use serde::{Deserialize, Serialize};

    use super::*;

    fn checked<T: Value>(value: &T) -> Result<(), Unfaithful> {
        let mut bytes = Vec::new();
        codec::encode(value, &mut bytes).unwrap();
        check::<T>(&bytes)
    }

    #[derive(Clone, PartialEq, Serialize, Deserialize)]
    struct Written {
        name: String,
        #[serde(skip_deserializing)]
        cache: u32,
    }

    #[derive(Clone, PartialEq, Serialize, Deserialize)]
    struct Read {
        name: String,
        #[serde(skip_serializing)]
        cache: u32,
    }

    /// As many bytes either way.
    #[derive(Clone, PartialEq, Serialize, Deserialize)]
    struct Crossed {
        #[serde(skip_serializing)]
        new: u8,
        #[serde(skip_deserializing)]
        old: u8,
    }

    #[derive(Clone, PartialEq, Serialize, Deserialize)]
    struct Skipped {
        #[serde(skip)]
        cache: u32,
        name: String,
    }

    #[test]
    fn a_field_that_is_written_or_read_alone_is_found() {
        if !cfg!(debug_assertions) {
            return;
        }
        let name = "a name".to_owned();
        let written = Written {
            cache: 7,
            name: name.clone(),
        };
        for found in [
            checked(&written),
            checked(&Read { cache: 7, name }),
            checked(&vec![written]),
        ] {
            let error = found.unwrap_err();
            assert!(matches!(error, Unfaithful::Unreadable(_)), "{error}");
            assert!(error.to_string().contains("skip_serializing"), "{error}");
        }
        let error = checked(&Crossed { new: 7, old: 9 }).unwrap_err();
        assert!(matches!(error, Unfaithful::Changed), "{error}");
        assert!(error.to_string().contains("skip_deserializing"), "{error}");
    }

    #[test]
    fn what_comes_back_is_let_through() {
        let skipped = Skipped {
            cache: 7,
            name: "a name".to_owned(),
        };
        checked(&skipped).unwrap();
        checked(&[f64::NAN, -f64::NAN, f64::INFINITY, -0.0]).unwrap();
        let map = (0..1000_u32).map(|number| (number, vec![number.to_string()]));
        let map: HashMap<u32, Vec<String>> = map.collect();
        checked(&map).unwrap();
        checked(&map.keys().copied().collect::<HashSet<u32>>()).unwrap();
        checked(&vec![map]).unwrap();
        checked(&BTreeMap::from(
            [(1, Some("a")), (2, None)].map(|(k, v)| (k, v.map(str::to_owned))),
        ))
        .unwrap();
        checked(&vec![7_u8; 4 << 20]).unwrap();
        checked(&()).unwrap();
    }
}
