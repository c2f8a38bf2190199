//! What must hold for any bytes whatever: the fuzz targets' bodies, which the ordinary tests run
//! too. Each panics where it does not hold.

use bytes::Bytes;

use super::Key;
use super::control::{Answer, Came, Opening};
use super::noise::{Handshake, LENGTH, Records};
use super::preface::{Identity, PREFACE, Refusal, examine};
use crate::wire::{split_message, write_frame};

const IDENTITY: Identity = Identity {
    run: [1; 16],
    program: [2; 32],
};

/// What comes first over a connection, in clear.
pub fn preface(bytes: &[u8]) {
    if let Some(preface) = bytes.first_chunk::<PREFACE>() {
        let expected = super::preface::preface(super::preface::Role::Agent, &IDENTITY);
        assert_eq!(examine(preface, &IDENTITY).is_ok(), *preface == expected);
    }
    if let Some(code) = bytes.first() {
        let known = Refusal::from_code(*code);
        assert!(known.is_none_or(|refusal| refusal.code() == *code));
    }
}

/// The messages by which the sides prove that they have the key.
pub fn handshake(message: &[u8]) {
    let Ok(key) = Key::generate() else {
        return;
    };
    if let Ok(mut responder) = Handshake::responder(&key, b"") {
        assert!(responder.read(message).is_err(), "taken without the key");
    }
    if let Ok(mut initiator) = Handshake::initiator(&key, b"") {
        let mut out = Vec::new();
        assert!(initiator.write(&mut out).is_ok());
        assert!(initiator.read(message).is_err(), "taken without the key");
    }
}

/// What is encrypted.
pub fn record(record: &[u8]) {
    let Some((mut one, mut other)) = introduced() else {
        return;
    };
    let mut out = vec![0; Records::content(record.len())];
    assert!(one.open(record, &mut out).is_err(), "taken without the key");
    // Nothing that is taken for a record stands in the way of one.
    let (mut sealed, mut out) = ([0; 64], [0; 64]);
    let opened = other.seal(b"text", &mut sealed).ok().and_then(|length| {
        let sealed = sealed.get(LENGTH..length)?;
        one.open(sealed, &mut out).ok()
    });
    assert_eq!(opened, Some(4));
}

/// Both ends of a connection.
fn introduced() -> Option<(Records, Records)> {
    let key = Key::generate().ok()?;
    let mut initiator = Handshake::initiator(&key, b"").ok()?;
    let mut responder = Handshake::responder(&key, b"").ok()?;
    let mut message = Vec::new();
    initiator.write(&mut message).ok()?;
    responder.read(message.get(LENGTH..)?).ok()?;
    message.clear();
    responder.write(&mut message).ok()?;
    initiator.read(message.get(LENGTH..)?).ok()?;
    Some((initiator.finish().ok()?, responder.finish().ok()?))
}

/// What the ends of a link say to each other; what is taken for a message is written as it was
/// read.
pub fn control(frame: &[u8]) {
    let frame = Bytes::copy_from_slice(frame);
    if let Some(came) = Came::read(frame.clone()) {
        let mut again = Vec::new();
        match came {
            Came::Data(data) => again.extend_from_slice(&[&[0; 5][..], &data].concat()),
            Came::Control(control) => assert!(control.write(&mut again).is_ok()),
        }
        assert_eq!(again.get(4..), Some(&frame[..]), "{frame:?}");
    }
    if let Ok((opening, body)) = split_message::<Opening>(&frame) {
        let mut again = Vec::new();
        assert!(write_frame(&mut again, &opening, &body).is_ok());
        assert_eq!(again.get(4..), Some(&frame[..]), "{opening:?}");
    }
    if let Ok((answer, body)) = split_message::<Answer>(&frame) {
        let mut again = Vec::new();
        assert!(write_frame(&mut again, &answer, &body).is_ok());
        assert_eq!(again.get(4..), Some(&frame[..]), "{answer:?}");
    }
}
