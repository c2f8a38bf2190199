//! Messages one behind the other in a stream of bytes.
//!
//! A frame is the length of the rest (`u32`, little endian), the head (a message, encoded), and
//! the body (bytes that only the message knows how to divide).

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec::{self, CodecError};

/// The bytes of a frame's length.
const LENGTH: usize = 4;
/// How many bytes are allocated for frames of ordinary size.
const CHUNK: usize = 128 * 1024;
/// The least room to read into: with less, reading would be many small reads.
const LEAST_ROOM: usize = 64 * 1024;

/// A message: the head of a frame.
pub trait Message: Serialize + DeserializeOwned {
    /// How many bytes its body has; none if they are more than any frame can hold.
    fn body_length(&self) -> Option<usize> {
        Some(0)
    }
}

/// Why a frame cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The message cannot be encoded.
    #[error("a message cannot be encoded: {0}")]
    Encode(#[source] CodecError),
    /// The frame would be longer than its length can say, or than the peer takes.
    #[error("a message of {length} bytes is longer than the {limit} that it may have")]
    TooLong {
        /// The head's and the body's bytes.
        length: usize,
        /// The most allowed.
        limit: usize,
    },
    /// The peer announces a frame that is longer than allowed.
    #[error("the peer announced a message of {length} bytes, where {limit} are allowed")]
    AboveLimit {
        /// The frame's bytes without its length.
        length: usize,
        /// The most allowed.
        limit: usize,
    },
    /// The head is no such message.
    #[error("the peer sent a message that cannot be read: {0}")]
    Decode(#[source] CodecError),
    /// The body is not what the head says.
    #[error("the peer sent a message with {length} bytes of values, where it announced {}",
            .announced.map_or_else(|| "more than there can be".to_owned(), |bytes| bytes.to_string()))]
    Body {
        /// The bytes there are.
        length: usize,
        /// The bytes there should be; none if they are more than any frame can hold.
        announced: Option<usize>,
    },
}

/// Adds a frame to the buffer; after an error the buffer is as it was.
///
/// # Errors
/// The head cannot be encoded, or the frame would be too long.
#[inline]
pub fn write_frame<M: Serialize>(
    out: &mut Vec<u8>,
    head: &M,
    body: &[u8],
) -> Result<(), FrameError> {
    write_head(out, head, body.len())?;
    out.extend_from_slice(body);
    Ok(())
}

/// Adds a frame without its body, of which so many bytes are to be sent next: those of large
/// values are sent from where they are.
///
/// # Errors
/// The head cannot be encoded, or the frame would be too long.
#[inline]
pub fn write_head<M: Serialize>(
    out: &mut Vec<u8>,
    head: &M,
    body_length: usize,
) -> Result<(), FrameError> {
    let start = out.len();
    out.extend_from_slice(&[0; LENGTH]);
    if let Err(error) = codec::encode_any(head, out) {
        out.truncate(start);
        return Err(FrameError::Encode(error));
    }
    let length = (out.len() - start - LENGTH).saturating_add(body_length);
    let Ok(prefix) = u32::try_from(length) else {
        out.truncate(start);
        let limit = u32::MAX as usize;
        return Err(FrameError::TooLong { length, limit });
    };
    out[start..start + LENGTH].copy_from_slice(&prefix.to_le_bytes());
    Ok(())
}

/// Splits a frame into its message and its body, whatever that holds.
///
/// # Errors
/// The head is no such message.
#[inline]
pub fn split_message<M: DeserializeOwned>(frame: &Bytes) -> Result<(M, Bytes), FrameError> {
    let (message, length) = codec::decode_front(frame).map_err(FrameError::Decode)?;
    // A slice costs a count that is shared between threads; most messages have no body.
    let body = if length == frame.len() {
        Bytes::new()
    } else {
        frame.slice(length..)
    };
    Ok((message, body))
}

/// Splits a frame into its message and its body, which is as long as the message says.
///
/// # Errors
/// The head is no such message, or the body has another length.
#[inline]
pub fn read_message<M: Message>(frame: &Bytes) -> Result<(M, Bytes), FrameError> {
    let (message, body) = split_message::<M>(frame)?;
    let announced = message.body_length();
    if announced != Some(body.len()) {
        let length = body.len();
        return Err(FrameError::Body { length, announced });
    }
    Ok((message, body))
}

/// Finds the frames in what is read.
///
/// ```
/// use std::io::Read;
///
/// use chiltepin_executors::wire::{FrameReader, split_message, write_frame};
///
/// let mut sent = Vec::new();
/// write_frame(&mut sent, &("first", 1_u32), b"body")?;
/// write_frame(&mut sent, &("second", 2_u32), b"")?;
/// let mut stream = &sent[..];
///
/// let mut reader = FrameReader::new(1 << 20);
/// let mut heads = Vec::new();
/// loop {
///     while let Some(frame) = reader.next()? {
///         let (head, _body) = split_message::<(String, u32)>(&frame)?;
///         heads.push(head);
///     }
///     let count = stream.read(reader.spare())?;
///     if count == 0 {
///         break;
///     }
///     reader.filled(count);
/// }
/// assert_eq!(heads, [("first".to_owned(), 1), ("second".to_owned(), 2)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FrameReader {
    /// Initialized in full, so that any kind of reading can be given it. What was read is at its
    /// front; frames are split off there.
    buffer: BytesMut,
    filled: usize,
    limit: usize,
    /// Memory for the next large frame.
    spare: Vec<u8>,
}

impl FrameReader {
    /// Frames may have so many bytes, their length not counted.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            filled: 0,
            limit,
            spare: Vec::new(),
        }
    }

    /// Where to read the next bytes to; never empty.
    ///
    /// It has room for 64 KiB at least or, within a large frame, for the rest of that.
    /// Call it once [`next`](Self::next) has nothing more to give.
    pub fn spare(&mut self) -> &mut [u8] {
        let large = match self.whole() {
            Ok(Some(whole)) if whole > CHUNK && whole > self.filled => Some(whole),
            _ => None,
        };
        let enough = match large {
            Some(whole) => self.buffer.len() >= whole,
            None => self.buffer.len() - self.filled >= LEAST_ROOM,
        };
        if !enough {
            // A large frame gets memory of its own, which goes when its value goes.
            self.move_to(large.unwrap_or_else(|| CHUNK.max(self.filled + LEAST_ROOM)));
        }
        &mut self.buffer[self.filled..]
    }

    /// So many bytes were read to the front of [`spare`](Self::spare).
    pub fn filled(&mut self, count: usize) {
        debug_assert!(
            count <= self.buffer.len() - self.filled,
            "read beyond the room"
        );
        self.filled = (self.filled + count).min(self.buffer.len());
    }

    /// The next frame, head and body, if all of it was read.
    ///
    /// # Errors
    /// The frame is longer than allowed. It stays that way: nobody knows where the next one
    /// begins.
    // An iterator would end at the first frame that is not there yet.
    #[expect(
        clippy::should_implement_trait,
        reason = "there can be more after none"
    )]
    pub fn next(&mut self) -> Result<Option<Bytes>, FrameError> {
        let Some(whole) = self.whole()? else {
            return Ok(None);
        };
        if self.filled < whole {
            return Ok(None);
        }
        let mut frame = self.buffer.split_to(whole).freeze();
        self.filled -= whole;
        if whole > CHUNK {
            // What is behind it shares its memory, which would stay as long as this reader.
            self.move_to(self.filled);
        }
        bytes::Buf::advance(&mut frame, LENGTH);
        Ok(Some(frame))
    }

    /// Whether what was read ends within a frame.
    #[must_use]
    pub fn is_within_frame(&self) -> bool {
        self.filled > 0
    }

    /// How many bytes the first frame has with its length, if that was read.
    fn whole(&self) -> Result<Option<usize>, FrameError> {
        let Some(prefix) = self.buffer[..self.filled].first_chunk::<LENGTH>() else {
            return Ok(None);
        };
        let (length, limit) = (u32::from_le_bytes(*prefix) as usize, self.limit);
        if length > limit {
            return Err(FrameError::AboveLimit { length, limit });
        }
        Ok(Some(length.saturating_add(LENGTH)))
    }

    /// Gives memory that is not needed any more, to be used for the next large frame: memory that
    /// was never touched costs more than reading into it.
    pub fn recycle(&mut self, memory: Vec<u8>) {
        if memory.capacity() > CHUNK {
            self.spare = memory;
        }
    }

    /// Memory of this size, initialized.
    fn memory(&mut self, size: usize) -> BytesMut {
        if size <= CHUNK {
            return BytesMut::zeroed(size);
        }
        let mut memory = std::mem::take(&mut self.spare);
        if memory.capacity() < size {
            return BytesMut::zeroed(size);
        }
        memory.resize(size, 0);
        // Nobody else has it, so this does not copy.
        BytesMut::from(Bytes::from(memory))
    }

    /// Moves what was read to other memory of this size.
    fn move_to(&mut self, size: usize) {
        let mut buffer = self.memory(size);
        buffer[..self.filled].copy_from_slice(&self.buffer[..self.filled]);
        self.buffer = buffer;
    }
}
