use bytes::Bytes;

use crate::transport::Link;
use crate::wire::{FrameError, Message};

/// The way to the peer.
pub(super) trait Voice<M>: Send + Sync {
    /// Sends a message with its body, after all that were sent before.
    ///
    /// # Errors
    /// It cannot be encoded, or is too long.
    fn say(&self, message: &M, body: &Bytes) -> Result<(), FrameError>;

    /// Ends it at once.
    fn abort(&self);
}

impl<M: Message> Voice<M> for Link {
    fn say(&self, message: &M, body: &Bytes) -> Result<(), FrameError> {
        self.send(message, body)
    }

    fn abort(&self) {
        self.abort();
    }
}
