use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The times of a link. Both ends have the same, which the driver says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkSettings {
    /// A side that has sent nothing for so long says that it is there.
    pub beat: Duration,
    /// A connection on which nothing came for so long is given up and made anew.
    pub silence: Duration,
    /// A peer that closed its connection and does not come back within this is gone.
    pub absence: Duration,
    /// A peer that is silent for so long is gone.
    pub reconnect_window: Duration,
}

impl Default for LinkSettings {
    fn default() -> Self {
        Self {
            beat: Duration::from_secs(5),
            silence: Duration::from_secs(15),
            absence: Duration::from_secs(1),
            reconnect_window: Duration::from_secs(120),
        }
    }
}

/// Why a link has ended, for good.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkEnd {
    /// This side has closed it, and all was sent.
    Closed,
    /// This side has given it up.
    Aborted,
    /// The peer has closed it in good order.
    PeerClosed,
    /// The peer's process is gone: its connection was closed without a word and, at a driver,
    /// nobody accepts connections where it did.
    Gone,
    /// Nothing was heard for the whole reconnect window, which is given.
    Silent(Duration),
    /// The driver takes this peer no more, or never did, for this reason.
    Refused(String),
    /// What came makes no sense.
    Misspoke(String),
}

/// As the end of a sentence that begins with the peer.
impl fmt::Display for LinkEnd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => formatter.write_str("was let go"),
            Self::Aborted => formatter.write_str("was given up"),
            Self::PeerClosed => formatter.write_str("has closed its connection"),
            Self::Gone => formatter.write_str("is gone: its connection was closed without a word"),
            Self::Silent(window) => {
                write!(formatter, "was not heard of for {} s", window.as_secs_f64())
            }
            Self::Refused(reason) => write!(formatter, "refused: {reason}"),
            Self::Misspoke(reason) => write!(formatter, "said what makes no sense: {reason}"),
        }
    }
}

/// Takes what comes over a link, in order. Called by the link's own task.
pub trait Receive: Send {
    /// These frames have come, each without its length; what is sent meanwhile leaves together.
    fn received(&mut self, frames: &mut Vec<Bytes>);

    /// Nothing was heard for a while; the link waits for the peer to come back.
    fn silent(&mut self);

    /// The peer is heard again.
    fn back(&mut self);

    /// The link has ended; nothing more will come.
    fn ended(&mut self, end: LinkEnd);
}
