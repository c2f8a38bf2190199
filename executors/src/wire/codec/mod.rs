//! Values as bytes, in the format of [postcard](https://postcard.jamesmunns.com).
//!
//! ```text
//!   &value ──► encoder ──► bytes     strict: what could not be read back is refused
//!   bytes  ──► decoder ──► value     bounded: no bytes can take the time, memory or stack
//!   &value ──► encoder + canonical ──► bytes     to compare: maps in order, files by content
//! ```
//!
//! The bytes are those that postcard writes; only what is refused differs. Postcard's own
//! functions write what they cannot read (a field that `skip_serializing_if` leaves out), and
//! believe any count that they read (five bytes can claim four billion units).

mod access;
mod canonical;
mod compound;
mod decoder;
mod encoder;
mod error;
mod varint;

#[cfg(test)]
mod bounded_tests;
#[cfg(test)]
mod canonical_tests;
#[cfg(test)]
mod format_tests;
#[cfg(test)]
mod owned_tests;
#[cfg(test)]
mod strict_tests;

use std::any::Any;

use bytes::{Buf as _, Bytes};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use canonical::{FILE, FileDigests, encode_canonical};
use decoder::Decoder;
use encoder::Encoder;
pub use error::{CodecError, CodecErrorKind};

/// How deep values may be nested: a level is a sequence, a map, a tuple, a structure, a variant
/// with content, or an option that is there.
///
/// Without a limit, a few thousand bytes that claim to be a linked list would overflow the stack.
/// Threads have at least 2 MiB of it, and without optimization a level of a structure of ordinary
/// size takes about one kilobyte.
pub const DEEPEST: u32 = 128;

/// How many elements without any bytes, as units, one value may hold in its sequences and maps.
pub const MOST_EMPTY_ELEMENTS: u32 = 1 << 20;

/// Adds the encoded value to the buffer; after an error the buffer is as it was.
///
/// # Errors
/// The value could not be read back: a field is left out, a length is not known beforehand, or it
/// is nested too deep. Or its own `Serialize` fails.
#[inline]
pub fn encode<T: Serialize + 'static>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
    // Byte by byte, as serde would have it, 16 MiB take longer than the socket needs for them.
    if let Some(bytes) = (value as &dyn Any).downcast_ref::<Vec<u8>>() {
        out.reserve(varint::LONGEST_U64 + bytes.len());
        varint::write_u64(bytes.len() as u64, out);
        out.extend_from_slice(bytes);
        return Ok(());
    }
    encode_any(value, out)
}

/// As [`encode`], for a value that is not needed any more: a large `Vec<u8>` becomes the buffer
/// itself, if that is empty. Memory that was never touched costs more than copying.
///
/// # Errors
/// As for [`encode`].
#[inline]
pub fn encode_owned<T: Serialize + 'static>(value: T, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let mut value = Some(value);
    if out.is_empty()
        && let Some(bytes) = (&mut value as &mut dyn Any).downcast_mut::<Option<Vec<u8>>>()
        && bytes
            .as_ref()
            .is_some_and(|bytes| bytes.len() >= WORTH_TAKING)
    {
        let mut bytes = bytes.take().unwrap_or_default();
        let mut count = Vec::with_capacity(varint::LONGEST_U64);
        varint::write_u64(bytes.len() as u64, &mut count);
        bytes.splice(..0, count);
        *out = bytes;
        return Ok(());
    }
    match &value {
        Some(value) => encode(value, out),
        // Only a vector of bytes is taken.
        None => Ok(()),
    }
}

/// From this size on a vector of bytes is moved within its memory rather than copied.
const WORTH_TAKING: usize = 64 << 10;

/// As [`encode`], for types that borrow.
#[inline]
pub(crate) fn encode_any<T: Serialize + ?Sized>(
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), CodecError> {
    let start = out.len();
    let result = value.serialize(&mut Encoder::new(out));
    if result.is_err() {
        out.truncate(start);
    }
    result
}

/// Decodes a value that takes up all these bytes.
///
/// # Errors
/// They are not such a value, or more than one, or nested too deep; or the type needs a format
/// that says what its values are.
#[inline]
pub fn decode<T: DeserializeOwned + 'static>(bytes: &[u8]) -> Result<T, CodecError> {
    let mut whole: Option<T> = None;
    if let Some(whole) = (&mut whole as &mut dyn Any).downcast_mut::<Option<Vec<u8>>>() {
        *whole = Some(decoder::byte_sequence(bytes)?.to_vec());
    }
    if let Some(whole) = whole {
        return Ok(whole);
    }
    let (value, length) = decode_front(bytes)?;
    if length < bytes.len() {
        let count = bytes.len() - length;
        return Err(CodecError::new(CodecErrorKind::TrailingBytes { count }).at(length));
    }
    Ok(value)
}

/// As [`decode`], for bytes that are not needed any more: a large `Vec<u8>` takes their memory, if
/// nobody else has it.
///
/// # Errors
/// As for [`decode`].
#[inline]
pub fn decode_owned<T: DeserializeOwned + 'static>(mut bytes: Bytes) -> Result<T, CodecError> {
    let mut whole: Option<T> = None;
    if bytes.len() >= WORTH_TAKING
        && let Some(whole) = (&mut whole as &mut dyn Any).downcast_mut::<Option<Vec<u8>>>()
    {
        let content = decoder::byte_sequence(&bytes)?.len();
        bytes.advance(bytes.len() - content);
        *whole = Some(std::mem::take(&mut bytes).into());
    }
    whole.map_or_else(|| decode(&bytes), Ok)
}

/// Decodes a value that begins these bytes, and says how many it takes.
#[inline]
pub(crate) fn decode_front<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, usize), CodecError> {
    let mut decoder = Decoder::new(bytes);
    match T::deserialize(&mut decoder) {
        Ok(value) => Ok((value, bytes.len() - decoder.left())),
        Err(error) => Err(error.at(bytes.len() - decoder.left())),
    }
}
