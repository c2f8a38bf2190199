//! Frames in a pack: cut from bytes without trusting any of them.
//!
//! ```text
//!   length u32 │ CRC-32C of length and payload u32 │ payload      (little-endian)
//! ```

/// Bytes before a payload.
pub(crate) const HEADER: usize = 8;

/// No record is longer: a length beyond it is damage.
pub(crate) const MAX_PAYLOAD: usize = 64 << 20;

/// What stands at a place of a pack.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<'a> {
    /// A frame that checks; the one after it begins at `end`.
    Whole { payload: &'a [u8], end: usize },
    /// A frame that does not check, before one at `end` that does: it alone is lost.
    Damaged { end: usize },
    /// The bytes up to `needed` decide.
    More { needed: usize },
    /// The bytes end here.
    End,
    /// The last frame is not all there: it is being written, or its writer was killed.
    Torn,
    /// A frame that does not check, and nothing behind it that does: where the next one begins
    /// is unknown.
    Broken,
}

/// The frame of a payload; `None` when it is too long or empty.
pub(crate) fn frame(payload: &[u8]) -> Option<Vec<u8>> {
    if payload.is_empty() || payload.len() > MAX_PAYLOAD {
        return None;
    }
    let length = u32::try_from(payload.len()).ok()?.to_le_bytes();
    let mut bytes = Vec::with_capacity(HEADER + payload.len());
    bytes.extend_from_slice(&length);
    bytes.extend_from_slice(&checksum(length, payload).to_le_bytes());
    bytes.extend_from_slice(payload);
    Some(bytes)
}

/// The payload of bytes that are one frame, if it checks.
pub(crate) fn payload(frame: &[u8]) -> Option<&[u8]> {
    match next(frame, 0, true) {
        Next::Whole { payload, end } if end == frame.len() => Some(payload),
        _ => None,
    }
}

/// What stands at `at`; `complete` when nothing follows `bytes` in the pack.
pub(crate) fn next(bytes: &[u8], at: usize, complete: bool) -> Next<'_> {
    match look(bytes, at) {
        Look::Whole { payload, end } => Next::Whole { payload, end },
        Look::Short { needed } if !complete => Next::More { needed },
        Look::Short { .. } if at >= bytes.len() => Next::End,
        Look::Short { .. } => Next::Torn,
        Look::Implausible => Next::Broken,
        Look::Wrong { end } => match look(bytes, end) {
            Look::Whole { .. } => Next::Damaged { end },
            Look::Short { needed } if !complete => Next::More { needed },
            // A length is only believed when a frame that checks follows.
            Look::Short { .. } | Look::Wrong { .. } | Look::Implausible => Next::Broken,
        },
    }
}

/// Where the next frame that checks begins, from `at` on, if that can be made out: frames of up to
/// `longest` bytes are looked for, for as long as it takes to check `work` bytes.
#[cfg(any(test, feature = "cli"))]
pub(crate) fn find(bytes: &[u8], at: usize, longest: usize, work: usize) -> Option<usize> {
    let mut left = work;
    for at in at..bytes.len().saturating_sub(HEADER) {
        let count = bytes.get(at..)?.first_chunk().copied();
        let count = u32::from_le_bytes(count?) as usize;
        if count == 0 || count > longest || bytes.len() - at - HEADER < count {
            continue;
        }
        left = left.checked_sub(count)?;
        if let Look::Whole { .. } = look(bytes, at) {
            return Some(at);
        }
    }
    None
}

enum Look<'a> {
    Whole { payload: &'a [u8], end: usize },
    Wrong { end: usize },
    Short { needed: usize },
    Implausible,
}

fn look(bytes: &[u8], at: usize) -> Look<'_> {
    let short = |needed: usize| Look::Short { needed };
    let Some((header, rest)) = bytes
        .get(at..)
        .and_then(|bytes| bytes.split_first_chunk::<HEADER>())
    else {
        return short(at.saturating_add(HEADER));
    };
    let [a, b, c, d, sum @ ..] = *header;
    let length = [a, b, c, d];
    let count = u32::from_le_bytes(length) as usize;
    if count == 0 || count > MAX_PAYLOAD {
        return Look::Implausible;
    }
    let end = at + HEADER + count;
    match rest.get(..count) {
        None => short(end),
        Some(payload) if checksum(length, payload) == u32::from_le_bytes(sum) => {
            Look::Whole { payload, end }
        }
        Some(_) => Look::Wrong { end },
    }
}

fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length), payload)
}
