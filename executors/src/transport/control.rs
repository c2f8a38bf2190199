use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::LinkSettings;
use crate::wire::{FrameError, split_message, write_frame};

/// The first byte of a frame that is passed on.
pub(super) const DATA: u8 = 0;
/// The first byte of a frame between the two ends of a link.
const CONTROL: u8 = 1;

/// Names a session to whoever wants to go on with it. Nobody can guess it.
pub(super) type SessionId = [u8; 16];

/// What a peer says first over an encrypted connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Opening {
    /// It is new, or does not know whether it was taken. The body is its hello.
    New {
        /// What its session is to be called.
        session: SessionId,
        /// Numbers the attempts of a session: one that is late comes after it was given up.
        attempt: u32,
    },
    /// It was here before.
    Resume {
        session: SessionId,
        /// Goes on with the numbers of the attempts.
        attempt: u32,
        /// How many frames it has.
        received: u64,
    },
}

/// What it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Answer {
    /// It is taken. The body is the welcome.
    Welcome { times: LinkSettings },
    /// It is taken again.
    Resumed {
        /// How many frames the driver has.
        received: u64,
    },
    /// It is not taken.
    Refused { reason: String },
}

/// What the two ends of a link say to each other between the frames that they pass on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Control {
    /// I am here, and have so many frames.
    Beat { received: u64 },
    /// I have so many frames, and no more to say.
    Closing { received: u64 },
    /// I have so many frames, which are all that you had.
    Goodbye { received: u64 },
}

impl Control {
    pub(super) fn received(self) -> u64 {
        match self {
            Self::Beat { received } | Self::Closing { received } | Self::Goodbye { received } => {
                received
            }
        }
    }

    /// Adds its frame.
    pub(super) fn write(self, out: &mut Vec<u8>) -> Result<(), FrameError> {
        write_frame(out, &(CONTROL, self), &[])
    }
}

/// A frame that came over a link.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Came {
    Data(Bytes),
    Control(Control),
}

impl Came {
    /// Looks what a frame is; none if it is nothing.
    #[inline]
    pub(super) fn read(mut frame: Bytes) -> Option<Self> {
        match *frame.first()? {
            DATA => {
                bytes::Buf::advance(&mut frame, 1);
                Some(Self::Data(frame))
            }
            CONTROL => {
                let ((_, control), rest) = split_message::<(u8, Control)>(&frame).ok()?;
                rest.is_empty().then_some(Self::Control(control))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn frame(message: &impl Serialize, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, message, body).unwrap();
        bytes
    }

    /// What is changed here is another version of the protocol.
    #[test]
    fn the_bytes_are_those_of_this_version() {
        let session = [0xa5; 16];
        let ours = |head: &[u8], tail: &[u8]| [head, &session, tail].concat();
        let new = Opening::New {
            session,
            attempt: 1,
        };
        let resume = Opening::Resume {
            session,
            attempt: 2,
            received: 300,
        };
        let times = LinkSettings {
            beat: Duration::from_secs(5),
            silence: Duration::from_secs(15),
            absence: Duration::from_millis(1),
            reconnect_window: Duration::from_secs(120),
        };
        let tail = [5, 0, 15, 0, 0, 0xc0, 0x84, 0x3d, 120, 0, b'h', b'i'];
        let reason = "no".to_owned();
        assert_eq!(frame(&new, b"hi"), ours(&[20, 0, 0, 0, 0], b"\x01hi"));
        assert_eq!(frame(&resume, b""), ours(&[20, 0, 0, 0, 1], &[2, 0xac, 2]));
        assert_eq!(
            frame(&Answer::Welcome { times }, b"hi"),
            [&[13, 0, 0, 0, 0][..], &tail].concat()
        );
        assert_eq!(
            frame(&Answer::Resumed { received: 300 }, b""),
            b"\x03\0\0\0\x01\xac\x02"
        );
        assert_eq!(
            frame(&Answer::Refused { reason }, b""),
            b"\x04\0\0\0\x02\x02no"
        );
        for (kind, control) in [
            Control::Beat { received: 300 },
            Control::Closing { received: 300 },
            Control::Goodbye { received: 300 },
        ]
        .into_iter()
        .enumerate()
        {
            let mut bytes = Vec::new();
            control.write(&mut bytes).unwrap();
            let kind = u8::try_from(kind).unwrap();
            assert_eq!(bytes, [4, 0, 0, 0, CONTROL, kind, 0xac, 2]);
            let came = Came::read(Bytes::copy_from_slice(&bytes[4..]));
            assert_eq!(came, Some(Came::Control(control)));
        }
    }

    #[test]
    fn what_is_no_message_is_none() {
        for bytes in [
            &[][..],
            &[2],
            &[CONTROL],
            &[CONTROL, 3, 0],
            &[CONTROL, 0, 1, 0],
        ] {
            assert_eq!(Came::read(Bytes::from_static(bytes)), None);
        }
    }
}
