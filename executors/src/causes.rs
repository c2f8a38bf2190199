//! Errors in the words of a person.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

/// An error with what caused it, in one line.
///
/// ```
/// # use chiltepin_executors::causes::WithCauses;
/// let error = std::io::Error::other("no space");
/// assert_eq!(WithCauses(&error).to_string(), "no space");
/// ```
#[derive(Debug)]
pub struct WithCauses<'a>(pub &'a dyn Error);

impl Display for WithCauses<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(formatter, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot {action}")]
    struct Failed<E: Error + 'static> {
        action: &'static str,
        source: E,
    }

    #[test]
    fn each_cause_follows_on_what_it_caused() {
        let error = Failed {
            action: "begin",
            source: Failed {
                action: "read",
                source: io::Error::other("no disk"),
            },
        };
        let words = WithCauses(&error).to_string();
        assert_eq!(words, "cannot begin: cannot read: no disk");
        let alone = io::Error::other("no disk");
        assert_eq!(WithCauses(&alone).to_string(), "no disk");
    }
}
