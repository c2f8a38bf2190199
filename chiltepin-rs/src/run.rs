use std::fmt;
use std::hash::{BuildHasher, RandomState};

/// The identity of one run of a workflow: when it began, and a random part so that two that begin
/// at once differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunId {
    /// Seconds since the Unix epoch.
    began: i64,
    random: u64,
}

impl RunId {
    /// The id of a run that begins now.
    pub(crate) fn now() -> Self {
        // The standard library seeds each hasher from the system's randomness.
        let random = RandomState::new().hash_one(std::process::id());
        Self {
            began: jiff::Timestamp::now().as_second(),
            random,
        }
    }

    /// A number to draw randomness from.
    pub(crate) const fn seed(self) -> u64 {
        self.random
    }
}

/// As a folder name that sorts by time, in UTC: `20261121-091712-3f9a0c`.
impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let began = jiff::Timestamp::from_second(self.began).unwrap_or_default();
        write!(
            formatter,
            "{}-{:06x}",
            began.strftime("%Y%m%d-%H%M%S"),
            self.random & 0xff_ffff
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_the_time() {
        let run = RunId {
            began: 1_795_000_000,
            random: 0xab,
        };
        assert_eq!(run.to_string(), "20261118-110640-0000ab");
    }

    #[test]
    fn two_runs_differ() {
        assert_ne!(RunId::now().to_string(), RunId::now().to_string());
    }
}
