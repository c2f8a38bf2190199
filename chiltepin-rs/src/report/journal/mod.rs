//! The journal of a run: `run.journal` in its folder.
//!
//! ```text
//!   stream ──events──► Scribe: names become numbers ──► frames ──► file
//!   file ──► read: all up to the last whole frame, and what is missing
//! ```
//!
//! The file begins with [`MAGIC`] and [`VERSION`]. Then come frames: length, checksum, and a
//! postcard list of events, the oldest first as far as they were told one after another.

mod file;
#[cfg(any(test, feature = "cli"))]
mod reader;
mod scribe;
#[cfg(test)]
mod tests;
mod writer;

#[cfg(feature = "cli")]
pub(crate) use reader::{ReadError, read};
pub(crate) use writer::Journal;

/// The file's name in the folder of a run.
pub(crate) const FILE: &str = "run.journal";

/// What the file begins with.
const MAGIC: [u8; 8] = *b"CHILJRNL";

/// Of the format of events; one that is not this is not read.
const VERSION: u32 = 2;

/// Events become a frame at this length at the latest, in bytes.
const FRAME: usize = 256 << 10;

/// Bytes before the first frame.
const HEADER: usize = 12;

fn header() -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&MAGIC);
    header[8..].copy_from_slice(&VERSION.to_le_bytes());
    header
}
