//! What processes say to each other: messages in frames. No sockets here.
//!
//! ```text
//!   message ─► frame: length │ head (postcard) │ body (the bytes of inline values)
//!   value   ─► codec: postcard, strict on the way out, bounded on the way in
//! ```
//!
//! A frame's head says what the body holds, so that the bytes of values are passed on without
//! being looked at: a task's result becomes the argument of the next as it is.

mod body;
pub mod codec;
mod cut;
mod failure;
mod frame;
mod io_kind;
mod message;
mod outbox;
pub(crate) mod path;

#[cfg(test)]
pub(crate) mod examples;
#[cfg(test)]
mod failure_tests;
#[cfg(test)]
mod frame_tests;
// Cargo-fuzz sets `fuzzing`.
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(test)]
pub(crate) mod fuzzing_tests;
#[cfg(test)]
pub(crate) mod golden;
#[cfg(test)]
mod golden_tests;

#[cfg(feature = "cluster")]
pub(crate) use body::inline_length;
pub use frame::{
    FrameError, FrameReader, Message, read_message, split_message, write_frame, write_head,
};
pub use message::{
    CallEnd, FinishedCall, FromWorker, Hello, PROTOCOL, Part, ProgramIdentity, Reference, RunCall,
    ToWorker, Welcome, WireFailure, WireFailureKind, WireUsage, WireValue,
};
pub(crate) use outbox::Outbox;
