//! What must hold for any bytes whatever: the fuzz targets' bodies, which the ordinary tests run
//! too. Each panics where it does not hold.

use std::fmt::Debug;

use bytes::Bytes;

use super::{AgentHello, AgentWelcome, FromAgent, ToAgent};
use crate::wire::{Message, read_message, write_frame};

/// What is taken for a message can be written, and is the same when it is read again. Not so its
/// bytes: a time of two seconds may be written as one and a thousand million nanoseconds.
fn message<M: Message + Debug + PartialEq>(frame: &[u8]) {
    let frame = Bytes::copy_from_slice(frame);
    let Ok((message, body)) = read_message::<M>(&frame) else {
        return;
    };
    let mut again = Vec::new();
    let written = write_frame(&mut again, &message, &body);
    assert!(
        written.is_ok(),
        "{message:?} cannot be written again: {written:?}"
    );
    let read = read_message::<M>(&Bytes::from(again).slice(4..)).ok();
    assert_eq!(read, Some((message, body)));
}

/// A frame that an agent reads.
pub fn to_agent(frame: &[u8]) {
    message::<ToAgent>(frame);
}

/// A frame that a driver reads from an agent.
pub fn from_agent(frame: &[u8]) {
    message::<FromAgent>(frame);
}

/// What is said first, in either direction.
pub fn greetings(bytes: &[u8]) {
    if let Ok(hello) = AgentHello::decode(bytes) {
        let again = hello.encode().unwrap_or_default();
        assert_eq!(AgentHello::decode(&again).ok(), Some(hello));
    }
    if let Ok(welcome) = AgentWelcome::decode(bytes) {
        let again = welcome.encode().unwrap_or_default();
        assert_eq!(AgentWelcome::decode(&again).ok(), Some(welcome));
    }
}
