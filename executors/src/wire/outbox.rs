use std::collections::VecDeque;
use std::io::{self, ErrorKind};

use bytes::Bytes;
use serde::Serialize;

use super::frame::{FrameError, write_frame, write_head};

/// Bodies of this size and more are sent from where they are.
const LARGE: usize = 16 << 10;

/// The most of a buffer that is kept for the next frames.
const KEPT: usize = 256 << 10;

/// Frames that are yet to be sent, and how far they are.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// What comes before `buffer`, in order.
    segments: VecDeque<Bytes>,
    /// Frames, and heads of frames with large bodies.
    buffer: Vec<u8>,
    /// How much of the first of them is sent.
    sent: usize,
}

impl Outbox {
    /// Adds a frame; after an error all is as it was.
    #[inline]
    pub(crate) fn add(&mut self, head: &impl Serialize, body: &Bytes) -> Result<(), FrameError> {
        if body.len() < LARGE {
            return write_frame(&mut self.buffer, head, body);
        }
        write_head(&mut self.buffer, head, body.len())?;
        let before = std::mem::take(&mut self.buffer);
        self.segments.push_back(before.into());
        self.segments.push_back(body.clone());
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.segments.is_empty() && self.buffer.is_empty()
    }

    /// Forgets what is not sent.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Writes as much as is taken; true when nothing is left.
    ///
    /// An error other than that it is full for now says that nobody listens any more. Whoever
    /// reads from there learns it too, so what is left is forgotten here.
    #[inline]
    pub(crate) fn send(&mut self, mut write: impl FnMut(&[u8]) -> io::Result<usize>) -> bool {
        loop {
            let first = match self.segments.front() {
                Some(segment) => &segment[self.sent..],
                None if self.buffer.len() > self.sent => &self.buffer[self.sent..],
                None => {
                    self.buffer.clear();
                    self.buffer.shrink_to(KEPT);
                    self.sent = 0;
                    return true;
                }
            };
            if first.is_empty() {
                self.segments.pop_front();
                self.sent = 0;
                continue;
            }
            match write(first) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.compact();
                    return false;
                }
                Err(_) => {
                    self.clear();
                    return true;
                }
            }
        }
    }

    /// Gives back the room of what is sent, where frames are added as fast as they are sent and
    /// the buffer is never empty. No byte is moved more often than it is sent.
    fn compact(&mut self) {
        if self.segments.is_empty() && self.sent > KEPT && self.sent > self.buffer.len() / 2 {
            self.buffer.drain(..self.sent);
            self.sent = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::{FrameReader, split_message};

    fn full() -> io::Error {
        ErrorKind::WouldBlock.into()
    }

    /// Takes so many bytes, then is full.
    fn taking(room: usize, taken: &mut Vec<u8>) -> impl FnMut(&[u8]) -> io::Result<usize> {
        let mut room = room;
        move |bytes| {
            let count = bytes.len().min(room);
            if count == 0 {
                return Err(full());
            }
            room -= count;
            taken.extend_from_slice(&bytes[..count]);
            Ok(count)
        }
    }

    fn frames(bytes: &[u8]) -> Vec<(u64, Bytes)> {
        let mut reader = FrameReader::new(1 << 20);
        let mut read = Vec::new();
        for piece in bytes.chunks(4096) {
            reader.spare()[..piece.len()].copy_from_slice(piece);
            reader.filled(piece.len());
            while let Some(frame) = reader.next().unwrap() {
                read.push(split_message(&frame).unwrap());
            }
        }
        read
    }

    proptest! {
        #[test]
        fn frames_arrive_in_order_however_little_is_taken_at_a_time(
            steps in prop::collection::vec((0_usize..4, 0_usize..60_000), 1..40)
        ) {
            let mut outbox = Outbox::default();
            let mut taken = Vec::new();
            let mut next = 0_u64;
            let mut sizes = Vec::new();
            for (frames, room) in steps {
                for _ in 0..frames {
                    let size = usize::try_from(next).unwrap() % 3 * LARGE / 2;
                    outbox.add(&next, &vec![7; size].into()).unwrap();
                    sizes.push(size);
                    next += 1;
                }
                let is_done = outbox.send(taking(room, &mut taken));
                prop_assert_eq!(is_done, outbox.is_empty());
            }
            prop_assert!(outbox.send(taking(usize::MAX, &mut taken)));
            let read = frames(&taken);
            let numbers = read.iter().map(|(number, _)| *number);
            prop_assert!(numbers.eq(0..next));
            let lengths: Vec<_> = read.iter().map(|(_, body)| body.len()).collect();
            prop_assert_eq!(lengths, sizes);
        }
    }

    #[test]
    fn a_buffer_that_is_never_empty_does_not_grow() {
        let mut outbox = Outbox::default();
        let body = Bytes::from(vec![7; LARGE - 1]);
        let mut taken = Vec::new();
        outbox.add(&0_u64, &body).unwrap();
        for number in 1..200_u64 {
            outbox.add(&number, &body).unwrap();
            assert!(!outbox.send(taking(LARGE, &mut taken)));
        }
        assert!(outbox.buffer.len() < 4 * KEPT, "{}", outbox.buffer.len());
        assert!(outbox.send(taking(usize::MAX, &mut taken)));
        let read = frames(&taken).into_iter().map(|(number, _)| number);
        assert!(read.eq(0..200));
    }

    #[test]
    fn what_nobody_listens_to_is_forgotten() {
        let mut outbox = Outbox::default();
        outbox.add(&1_u8, &vec![0; LARGE].into()).unwrap();
        outbox.add(&2_u8, &Bytes::new()).unwrap();
        let mut errors = [ErrorKind::Interrupted, ErrorKind::BrokenPipe].into_iter();
        assert!(outbox.send(|_| Err(errors.next().unwrap().into())));
        assert!(outbox.is_empty());
    }
}
