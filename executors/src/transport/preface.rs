use std::fmt;

use serde::{Deserialize, Serialize};

/// What every connection begins with.
const MAGIC: &[u8; 10] = b"chiltepin\0";

/// The version of everything that is said over a connection but for the messages in its frames.
pub(super) const VERSION: u16 = 2;

/// How many bytes a preface has.
pub(super) const PREFACE: usize = MAGIC.len() + 2 + 1 + 16 + 32;

/// How many of them tell that it is one.
pub(super) const MAGIC_LENGTH: usize = MAGIC.len();

/// The run and the program that both ends of a connection belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The run.
    pub run: [u8; 16],
    /// The hash of the program, which is the same on both sides.
    pub program: [u8; 32],
}

/// What a peer is to the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Role {
    Agent = 1,
}

/// What the side that connects says in clear. The handshake binds it: a peer that is told another
/// preface than was sent does not get through.
pub(super) fn preface(role: Role, identity: &Identity) -> [u8; PREFACE] {
    let mut bytes = [0; PREFACE];
    let parts: [&[u8]; 5] = [
        MAGIC,
        &VERSION.to_le_bytes(),
        &[role as u8],
        &identity.run,
        &identity.program,
    ];
    for (byte, value) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
        *byte = *value;
    }
    bytes
}

/// Whether somebody begins as a peer of this framework does.
pub(super) fn is_magic(bytes: &[u8; MAGIC_LENGTH]) -> bool {
    bytes == MAGIC
}

/// What is wrong with a preface, if anything.
pub(super) fn examine(bytes: &[u8; PREFACE], identity: &Identity) -> Result<Role, Refusal> {
    // Of another version nothing is known but that it begins like this one.
    let (version, rest) = bytes[MAGIC_LENGTH..].split_at(2);
    if bytes[..MAGIC_LENGTH] != *MAGIC || version != VERSION.to_le_bytes() {
        return Err(Refusal::Version);
    }
    let (role, rest) = rest.split_at(1);
    if *role != [Role::Agent as u8] {
        return Err(Refusal::Role);
    }
    let (run, program) = rest.split_at(16);
    if *run != identity.run {
        return Err(Refusal::Run);
    }
    if *program != identity.program {
        return Err(Refusal::Program);
    }
    Ok(Role::Agent)
}

/// The byte that answers a preface with which nothing is wrong.
pub(super) const GO_ON: u8 = 0;

/// Why a connection is not taken, in the one byte before it is closed. Nobody has proven anything
/// by then, so this is a hint for people and not more: whoever is between the two can forge it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum Refusal {
    Version = 1,
    Role = 2,
    Run = 3,
    Program = 4,
    Key = 5,
}

impl Refusal {
    const ALL: [Self; 5] = [
        Self::Version,
        Self::Role,
        Self::Run,
        Self::Program,
        Self::Key,
    ];

    pub(super) fn code(self) -> u8 {
        self as u8
    }

    /// What this byte stands for, if for anything.
    pub(super) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.code() == code)
    }
}

/// As the end of a sentence that begins with who answered.
impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Version => "speaks another version of the protocol",
            Self::Role => "takes nobody in this role",
            Self::Run => "belongs to another run",
            Self::Program => "is another program, or another build of it",
            Self::Key => "has another key",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Identity = Identity {
        run: [7; 16],
        program: [8; 32],
    };

    #[test]
    fn each_difference_is_told_apart() {
        let good = preface(Role::Agent, &OURS);
        assert_eq!(examine(&good, &OURS), Ok(Role::Agent));
        for place in 0..PREFACE {
            let mut other = good;
            other[place] ^= 0x40;
            let expected = match place {
                0..12 => Refusal::Version,
                12 => Refusal::Role,
                13..29 => Refusal::Run,
                _ => Refusal::Program,
            };
            assert_eq!(examine(&other, &OURS), Err(expected), "byte {place}");
        }
    }

    #[test]
    fn codes_are_told_apart() {
        for refusal in Refusal::ALL {
            assert_eq!(Refusal::from_code(refusal.code()), Some(refusal));
        }
        for code in [GO_ON, 6, 255] {
            assert_eq!(Refusal::from_code(code), None);
        }
    }

    #[test]
    fn the_bytes_are_those_that_other_versions_know() {
        let bytes = preface(Role::Agent, &OURS);
        assert_eq!(bytes.len(), 61);
        assert_eq!(&bytes[..13], b"chiltepin\0\x02\0\x01");
        assert_eq!(bytes[13..29], [7; 16]);
        assert_eq!(bytes[29..], [8; 32]);
    }
}
