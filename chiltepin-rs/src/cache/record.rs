//! Records: what the frames of a pack carry, encoded and read back without trust.
//!
//! ```text
//!   Entry:      Head (postcard) │ the value's bytes, when small │ Tail (postcard)
//!   Tombstone:  Head (postcard)
//! ```
//!
//! Looking a result up reads the head and the value; the tail is for who lists and explains.
//! A change of these types is a new [`VERSION`](super::pack::VERSION) of the packs.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::entry::{Entry, Output};
use super::{CacheKey, Recipe, directory};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// Orders what is said about one key; see [`Clock`](super::clock::Clock).
    pub(super) stamp: u64,
    pub(super) key: CacheKey,
    pub(super) body: Body,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Body {
    Entry(Kept),
    /// What was kept under the key before is gone.
    Tombstone,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) value: Value,
    pub(super) outputs: Vec<OutputRecord>,
    pub(super) directory: DirectoryRecord,
    /// Nanoseconds since 1970.
    pub(super) made: u64,
    /// Nanoseconds.
    pub(super) took: u64,
}

/// Which of the kept directories is the task's.
///
/// The first two are encoded as the `bool` is that stood here once: whether there was one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum DirectoryRecord {
    None,
    /// The one that has the key for its name.
    OfKey,
    /// The one of this name, not checked.
    Named(String),
}

/// Where a value's bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Value {
    /// Behind the head.
    Inline { length: u32 },
    /// In a file of its own.
    Object(ObjectRecord),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ObjectRecord {
    pub(super) hash: [u8; 32],
    /// Bytes of the content.
    pub(super) size: u64,
    /// Bytes on the disk.
    pub(super) stored: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OutputRecord {
    /// The bytes of the path, which need not be UTF-8.
    path: Vec<u8>,
    pub(super) object: ObjectRecord,
    executable: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tail {
    pub(super) recipe: Recipe,
    pub(super) upstream: Vec<CacheKey>,
    pub(super) run: String,
    pub(super) task: String,
}

/// A payload that no version of this program wrote.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Kept {
    /// All files that the entry needs.
    pub(super) fn objects(&self) -> impl Iterator<Item = ObjectRecord> {
        let value = match &self.value {
            Value::Object(object) => Some(*object),
            Value::Inline { .. } => None,
        };
        value
            .into_iter()
            .chain(self.outputs.iter().map(|output| output.object))
    }
}

impl DirectoryRecord {
    /// The name of the directory of a key's task; a record may name what is none of it.
    pub(super) fn name(&self, key: &CacheKey) -> Result<Option<String>, Malformed> {
        match self {
            Self::None => Ok(None),
            Self::OfKey => Ok(Some(key.to_string())),
            Self::Named(name) => match directory::owner(name) {
                Some(owner) if owner.key == *key => Ok(Some(name.clone())),
                _ => Err(Malformed),
            },
        }
    }
}

impl OutputRecord {
    pub(super) fn output(&self) -> Output {
        use std::os::unix::ffi::OsStringExt;
        Output {
            path: PathBuf::from(std::ffi::OsString::from_vec(self.path.clone())),
            hash: self.object.hash,
            size: self.object.size,
            stored: self.object.stored,
            executable: self.executable,
        }
    }

    fn of(output: &Output) -> Self {
        use std::os::unix::ffi::OsStrExt;
        Self {
            path: output.path.as_os_str().as_bytes().to_vec(),
            object: ObjectRecord {
                hash: output.hash,
                size: output.size,
                stored: output.stored,
            },
            executable: output.executable,
        }
    }
}

/// The payload of an entry whose value lies in `object`, or behind the head when there is none.
pub(super) fn entry(stamp: u64, entry: &Entry, object: Option<ObjectRecord>) -> Option<Vec<u8>> {
    let inline: &[u8] = if object.is_some() { &[] } else { &entry.value };
    let head = Head {
        stamp,
        key: entry.key,
        body: Body::Entry(Kept {
            value: match object {
                Some(object) => Value::Object(object),
                None => Value::Inline {
                    length: u32::try_from(inline.len()).ok()?,
                },
            },
            outputs: entry.outputs.iter().map(OutputRecord::of).collect(),
            directory: match &entry.directory {
                Some(name) => DirectoryRecord::Named(name.clone()),
                None => DirectoryRecord::None,
            },
            made: nanoseconds(entry.made),
            took: u64::try_from(entry.took.as_nanos()).unwrap_or(u64::MAX),
        }),
    };
    let tail = Tail {
        recipe: entry.recipe.clone(),
        upstream: entry.upstream.clone(),
        run: entry.run.clone(),
        task: entry.task.clone(),
    };
    let mut payload = postcard::to_extend(&head, Vec::with_capacity(256 + inline.len())).ok()?;
    payload.extend_from_slice(inline);
    postcard::to_extend(&tail, payload).ok()
}

/// The payload of a tombstone.
pub(super) fn tombstone(stamp: u64, key: CacheKey) -> Option<Vec<u8>> {
    postcard::to_allocvec(&Head {
        stamp,
        key,
        body: Body::Tombstone,
    })
    .ok()
}

/// The head of a payload, and where it ends.
pub(super) fn head(payload: &[u8]) -> Result<(Head, usize), Malformed> {
    let (head, rest) = postcard::take_from_bytes(payload).map_err(|_| Malformed)?;
    Ok((head, payload.len() - rest.len()))
}

/// The head of a payload and its value, if that lies behind the head: a part of `payload`.
pub(super) fn value(payload: &Bytes) -> Result<(Head, Option<Bytes>), Malformed> {
    let (head, end) = head(payload)?;
    let value = match &head.body {
        Body::Entry(Kept {
            value: Value::Inline { length },
            ..
        }) => {
            let last = end.checked_add(*length as usize).ok_or(Malformed)?;
            if last > payload.len() {
                return Err(Malformed);
            }
            Some(payload.slice(end..last))
        }
        _ => None,
    };
    Ok((head, value))
}

/// The head and the tail of a payload; a tombstone has no tail.
pub(super) fn whole(payload: &[u8]) -> Result<(Head, Option<Tail>), Malformed> {
    let (head, end) = head(payload)?;
    let Body::Entry(kept) = &head.body else {
        return if end == payload.len() {
            Ok((head, None))
        } else {
            Err(Malformed)
        };
    };
    let inline = match kept.value {
        Value::Inline { length } => length as usize,
        Value::Object(_) => 0,
    };
    let tail = end
        .checked_add(inline)
        .and_then(|end| payload.get(end..))
        .ok_or(Malformed)?;
    let (tail, rest) = postcard::take_from_bytes(tail).map_err(|_| Malformed)?;
    if !rest.is_empty() {
        return Err(Malformed);
    }
    Ok((head, Some(tail)))
}

/// As packs and the index write a time; one before 1970 is 1970.
pub(super) fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The time that [`nanoseconds`] wrote.
pub(super) fn time(nanoseconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanoseconds)
}
