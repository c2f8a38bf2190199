use std::fmt;
use std::io::{self, ErrorKind};
use std::time::Duration;

use super::noise::NoiseError;

/// Why one address did not lead to the driver.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialFailure {
    /// No connection could be made.
    #[error("{}", cannot_connect(.0))]
    Connect(#[source] io::Error),
    /// The connection was lost before the driver had answered.
    #[error("the connection was lost before there was an answer ({0})")]
    Lost(#[source] io::Error),
    /// There was no answer in time.
    #[error("no answer within {} s", .0.as_secs_f64())]
    Silent(Duration),
    /// What answers there says that it is another one; it has not proven anything.
    #[error("what answers there {0}")]
    Refused(String),
    /// What answers there is something else.
    #[error("what answers there is not the driver of a run")]
    Stranger,
    /// What answers there does not have the run's key.
    #[error("what answers there does not have the key of this run")]
    Key,
    /// What the driver sent makes no sense.
    #[error("what the driver answered makes no sense: {0}")]
    Misspoke(String),
}

impl DialFailure {
    /// Whether the driver is not there, as far as that can be told.
    pub(super) fn is_absence(&self) -> bool {
        match self {
            Self::Connect(error) => error.kind() == ErrorKind::ConnectionRefused,
            Self::Refused(_) | Self::Stranger | Self::Key => true,
            Self::Lost(_) | Self::Silent(_) | Self::Misspoke(_) => false,
        }
    }

    /// Whether trying again would be in vain, if the others fail too.
    pub(super) fn is_lasting(&self) -> bool {
        match self {
            // A network that is about to come up, or a driver that is busy.
            Self::Connect(error) => !matches!(
                error.kind(),
                ErrorKind::TimedOut
                    | ErrorKind::HostUnreachable
                    | ErrorKind::NetworkUnreachable
                    | ErrorKind::NetworkDown
            ),
            _ => self.is_absence(),
        }
    }
}

impl From<NoiseError> for DialFailure {
    fn from(_: NoiseError) -> Self {
        Self::Key
    }
}

impl From<io::Error> for DialFailure {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

fn cannot_connect(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "nobody listens there".to_owned(),
        _ => error.to_string(),
    }
}

/// An address that was tried, and what happened there.
#[derive(Debug)]
pub struct Tried {
    /// The address.
    pub address: String,
    /// What happened.
    pub failure: DialFailure,
}

impl fmt::Display for Tried {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`: {}", self.address, self.failure)
    }
}

/// Why an agent does not reach its driver.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// There is no address to try.
    #[error("no address is known under which to reach the driver")]
    NoAddress,
    /// What is to be said first is longer than the driver takes.
    #[error("what an agent says first has {length} bytes, where {limit} are allowed")]
    HelloTooLong {
        /// Its bytes.
        length: usize,
        /// The most allowed.
        limit: usize,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random(#[source] io::Error),
    /// None of the addresses leads to the driver.
    #[error("cannot reach the driver: {}", Sequence(.0))]
    NotReached(Vec<Tried>),
    /// The driver does not take this agent.
    #[error("the driver at `{address}` does not take this node: {reason}")]
    Refused {
        /// Where it was reached.
        address: String,
        /// Why.
        reason: String,
    },
}

struct Sequence<'a>(&'a [Tried]);

impl fmt::Display for Sequence<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, tried) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(formatter, "{separator}{tried}")?;
        }
        Ok(())
    }
}
