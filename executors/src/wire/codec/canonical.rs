use std::path::Path;

use serde::Serialize;

use super::encoder::Encoder;
use super::error::CodecError;
use super::varint::{LONGEST_U64, read_u64, write_u64};

/// The name of the newtype whose content is a path, and whose meaning is what the file holds.
pub const FILE: &str = "chiltepin::File";

/// Tells what a file holds, as 32 bytes.
pub type FileDigests<'a> = dyn FnMut(&Path) -> Result<[u8; 32], CodecError> + 'a;

/// How much is gathered before it is passed on.
const FLUSH: usize = 64 << 10;

/// What the encoder needs beside its buffer to give equal values equal bytes.
pub(super) struct Canonical<'a> {
    files: &'a mut FileDigests<'a>,
    sink: &'a mut (dyn FnMut(&[u8]) + 'a),
    /// The maps that are being written, outermost first.
    maps: Vec<Map>,
    /// How many bytes are passed on.
    passed_on: usize,
}

/// A map in the buffer.
struct Map {
    start: usize,
    entries: Vec<Entry>,
}

/// Where a key and its value end; the key begins where the entry before it ends.
#[derive(Clone, Copy)]
struct Entry {
    key: usize,
    value: usize,
}

impl<'a> Canonical<'a> {
    pub(super) const fn new(
        files: &'a mut FileDigests<'a>,
        sink: &'a mut (dyn FnMut(&[u8]) + 'a),
    ) -> Self {
        Self {
            files,
            sink,
            maps: Vec::new(),
            passed_on: 0,
        }
    }

    pub(super) const fn passed_on(&self) -> usize {
        self.passed_on
    }

    /// Passes on what is there, unless it may have to be put in order yet.
    pub(super) fn pass_on(&mut self, out: &mut Vec<u8>) {
        if out.len() >= FLUSH && self.maps.is_empty() {
            self.passed_on += out.len();
            (self.sink)(out);
            out.clear();
        }
    }

    pub(super) fn map_begins(&mut self, out: &[u8]) {
        self.maps.push(Map {
            start: out.len(),
            entries: Vec::new(),
        });
    }

    pub(super) fn key_ends(&mut self, out: &[u8]) {
        if let Some(map) = self.maps.last_mut() {
            let key = out.len();
            map.entries.push(Entry { key, value: key });
        }
    }

    pub(super) fn value_ends(&mut self, out: &[u8]) {
        if let Some(entry) = self.maps.last_mut().and_then(|map| map.entries.last_mut()) {
            entry.value = out.len();
        }
    }

    /// Puts the entries in order of their keys' bytes.
    pub(super) fn map_ends(&mut self, out: &mut Vec<u8>) {
        let Some(Map { start, entries }) = self.maps.pop() else {
            return;
        };
        let mut begin = start;
        let mut parts = Vec::with_capacity(entries.len());
        for Entry { key, value } in entries {
            parts.push((&out[begin..key], &out[begin..value]));
            begin = value;
        }
        if parts.is_sorted() {
            return;
        }
        parts.sort_unstable();
        let ordered: Vec<u8> = parts
            .iter()
            .flat_map(|(_, entry)| *entry)
            .copied()
            .collect();
        out.truncate(start);
        out.extend_from_slice(&ordered);
    }

    /// Puts what a file holds in the place of its path, which begins at `start`.
    pub(super) fn file_ends(&mut self, start: usize, out: &mut Vec<u8>) -> Result<(), CodecError> {
        let mut text = &out[start..];
        let length = read_u64(&mut text, u64::MAX)?;
        let path = std::str::from_utf8(text)
            .ok()
            .filter(|path| path.len() as u64 == length)
            .ok_or_else(|| {
                <CodecError as serde::ser::Error>::custom("what is said to be a file is no path")
            })?;
        let digest = (self.files)(Path::new(path))?;
        out.truncate(start);
        out.extend_from_slice(&digest);
        Ok(())
    }
}

/// Encodes a value in a form that equal values share, and passes it to `sink` piece by piece. It is
/// for comparing: nothing reads it back.
///
/// The bytes are those of [`encode`](super::encode), except that the entries of a map are in order
/// of their encoded keys, and a file (a newtype named [`FILE`] around a path) is what `files` says
/// of it. Numbers are compared by their bits: `0.0` and `-0.0` are two values, and so are two NaN
/// of different payload. A hashed set cannot be told from a list, so that its elements stay in
/// whatever order it has them: equal sets may differ here. Use a `BTreeSet`.
///
/// # Errors
/// As for [`encode`](super::encode), and those of `files`.
pub fn encode_canonical<T: Serialize + 'static>(
    value: &T,
    files: &mut FileDigests<'_>,
    sink: &mut dyn FnMut(&[u8]),
) -> Result<(), CodecError> {
    let mut out = Vec::new();
    if let Some(bytes) = (value as &dyn std::any::Any).downcast_ref::<Vec<u8>>() {
        out.reserve(LONGEST_U64);
        write_u64(bytes.len() as u64, &mut out);
        sink(&out);
        sink(bytes);
        return Ok(());
    }
    // Of lifetimes as long as the calls below, and no longer.
    let mut files = |path: &Path| files(path);
    let mut pass = |bytes: &[u8]| sink(bytes);
    let mut canonical = Canonical::new(&mut files, &mut pass);
    value.serialize(&mut Encoder::canonical(&mut out, &mut canonical))?;
    sink(&out);
    Ok(())
}
