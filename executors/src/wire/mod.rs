//! What processes say to each other: messages in frames. No sockets here.

pub mod codec;
