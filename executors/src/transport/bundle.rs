use bytes::Bytes;
use serde::Serialize;

use crate::wire::{FrameError, write_frame, write_head};

/// Bodies of this size and more are sent from where they are.
const LARGE: usize = 16 << 10;

/// A bundle of so many bytes is one to send: as much as one record holds, about.
const FULL: usize = 60 << 10;

/// The bytes of a frame's length.
const LENGTH: usize = 4;

/// Frames one behind the other, to be sent now and maybe again.
#[derive(Debug, Default)]
pub(super) struct Bundle {
    /// All of them, but for the body of the last if that is large.
    buffer: Vec<u8>,
    /// The rest of the last one.
    body: Bytes,
    frames: u64,
}

impl Bundle {
    /// How many frames it has.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// How many bytes it has.
    pub(super) fn len(&self) -> usize {
        self.buffer.len() + self.body.len()
    }

    /// What is there from this byte on, or a part of that.
    pub(super) fn from(&self, offset: usize) -> &[u8] {
        match offset.checked_sub(self.buffer.len()) {
            None => &self.buffer[offset..],
            Some(offset) => self.body.get(offset..).unwrap_or_default(),
        }
    }

    /// Where the frame begins that so many are before.
    pub(super) fn after(&self, frames: u64) -> usize {
        let mut offset = 0;
        for _ in 0..frames {
            let Some(prefix) = self.from(offset).first_chunk::<LENGTH>() else {
                break;
            };
            offset += LENGTH + u32::from_le_bytes(*prefix) as usize;
        }
        offset.min(self.len())
    }

    /// Takes in another that is small, to be one with it; gives it back if it is not.
    pub(super) fn merge(&mut self, other: Self) -> Result<Vec<u8>, Self> {
        let is_small = other.buffer.len() < LARGE && self.buffer.len() + other.buffer.len() < FULL;
        if !self.body.is_empty() || !is_small {
            return Err(other);
        }
        self.buffer.extend_from_slice(&other.buffer);
        self.body = other.body;
        self.frames += other.frames;
        Ok(other.buffer)
    }

    /// Its memory, to be used again.
    pub(super) fn into_memory(self) -> Vec<u8> {
        self.buffer
    }
}

/// Frames that wait to be taken, in the order in which they were added.
#[derive(Debug, Default)]
pub(super) struct Bundles {
    full: Vec<Bundle>,
    last: Bundle,
}

impl Bundles {
    /// Adds a frame that may have so many bytes, its length not counted; after an error all is as
    /// it was.
    #[inline]
    pub(super) fn add(
        &mut self,
        head: &impl Serialize,
        body: &Bytes,
        limit: usize,
    ) -> Result<(), FrameError> {
        let last = &mut self.last;
        let start = last.buffer.len();
        let is_large = body.len() >= LARGE;
        if is_large {
            write_head(&mut last.buffer, head, body.len())?;
        } else {
            write_frame(&mut last.buffer, head, body)?;
        }
        let beside = if is_large { body.len() } else { 0 };
        let length = last.buffer.len() - start - LENGTH + beside;
        if length > limit {
            last.buffer.truncate(start);
            return Err(FrameError::TooLong { length, limit });
        }
        if is_large {
            last.body = body.clone();
        }
        last.frames += 1;
        if is_large || last.buffer.len() >= FULL {
            self.full.push(std::mem::take(last));
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.full.is_empty() && self.last.frames == 0
    }

    /// Takes all, in order. The memory is for what comes next.
    pub(super) fn take(&mut self, memory: Vec<u8>, mut each: impl FnMut(Bundle)) {
        for bundle in self.full.drain(..) {
            each(bundle);
        }
        if self.last.frames > 0 {
            let next = Bundle {
                buffer: memory,
                ..Bundle::default()
            };
            each(std::mem::replace(&mut self.last, next));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(bundle: &Bundle) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < bundle.len() {
            bytes.extend_from_slice(bundle.from(bytes.len()));
        }
        assert!(bundle.from(bytes.len()).is_empty());
        bytes
    }

    #[test]
    fn frames_are_found_in_bundles_and_large_bodies_are_not_copied() {
        let large = Bytes::from(vec![5; LARGE]);
        let mut bundles = Bundles::default();
        let mut add = |head: u8, body: &Bytes| bundles.add(&head, body, LARGE + 1);
        add(1, &Bytes::from_static(b"small")).unwrap();
        // What is too long leaves nothing behind, of whichever kind it is.
        for length in [LARGE + 1, 2 * LARGE] {
            let error = add(9, &Bytes::from(vec![9; length])).unwrap_err();
            assert!(matches!(error, FrameError::TooLong { .. }), "{error}");
        }
        add(2, &large).unwrap();
        add(3, &Bytes::new()).unwrap();
        let error = bundles.add(&9_u8, &Bytes::from_static(b"small"), 5);
        assert!(matches!(error, Err(FrameError::TooLong { .. })));
        let mut taken = Vec::new();
        bundles.take(Vec::new(), |bundle| taken.push(bundle));
        assert!(bundles.is_empty());
        let [first, second] = &taken[..] else {
            panic!("{taken:?}");
        };
        assert_eq!((first.frames(), second.frames()), (2, 1));
        assert_eq!(first.body.as_ptr(), large.as_ptr());
        assert_eq!(first.after(0), 0);
        assert_eq!(first.after(1), 10);
        assert_eq!(first.after(2), first.len());
        assert_eq!(content(first).len(), 10 + 5 + LARGE);
        assert_eq!(content(second), [1, 0, 0, 0, 3]);
    }

    #[test]
    fn small_bundles_become_one_until_that_is_full() {
        let mut bundles = Bundles::default();
        let mut all = Bundle::default();
        let mut merged = 0_u64;
        loop {
            bundles.add(&(), &Bytes::from(vec![1; 1000]), 1000).unwrap();
            let mut taken = Vec::new();
            bundles.take(Vec::new(), |bundle| taken.push(bundle));
            if all.merge(taken.remove(0)).is_err() {
                break;
            }
            merged += 1;
        }
        assert_eq!(all.frames(), merged);
        assert_eq!(all.len() as u64, merged * 1004);
        assert!((FULL - 2000..FULL).contains(&all.len()));
    }
}
