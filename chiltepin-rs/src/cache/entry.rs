//! What is kept, and what is given back.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::{CacheKey, Recipe};

/// A result to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: CacheKey,
    pub(crate) recipe: Recipe,
    /// The encoded value.
    pub(crate) value: Bytes,
    /// Files beside the value, each already in the store by [`put_file`](super::Store::put_file).
    pub(crate) outputs: Vec<Output>,
    /// The name of the task's directory among the kept ones, if it has one.
    pub(crate) directory: Option<String>,
    /// The cached results that went into this one.
    pub(crate) upstream: Vec<CacheKey>,
    pub(crate) made: SystemTime,
    /// How long the task ran.
    pub(crate) took: Duration,
    pub(crate) run: String,
    pub(crate) task: String,
}

/// A file that a task wrote, as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    /// Where the task wrote it.
    pub(crate) path: PathBuf,
    /// The BLAKE3 hash of its content.
    pub(crate) hash: [u8; 32],
    /// Bytes of its content.
    pub(crate) size: u64,
    /// Bytes that it takes in the store.
    pub(crate) stored: u64,
    pub(crate) executable: bool,
}

/// A result that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) value: Bytes,
    pub(crate) outputs: Vec<Output>,
    /// The task's kept directory, which exists.
    pub(crate) directory: Option<PathBuf>,
    pub(crate) made: SystemTime,
    pub(crate) took: Duration,
}

/// All that is known of a kept result but its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Details {
    pub(crate) summary: Summary,
    pub(crate) recipe: Recipe,
    pub(crate) outputs: Vec<Output>,
    pub(crate) upstream: Vec<CacheKey>,
    /// The task's kept directory, whether or not it is there.
    pub(crate) directory: Option<PathBuf>,
}

/// A line of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) key: CacheKey,
    pub(crate) function: String,
    pub(crate) run: String,
    pub(crate) task: String,
    pub(crate) made: SystemTime,
    pub(crate) took: Duration,
    /// When this machine last found it, to the hour.
    pub(crate) used: SystemTime,
    /// Bytes on the disk, without those of the kept directory.
    pub(crate) size: u64,
    pub(crate) has_directory: bool,
}

/// Which results to list: those that fit all that is given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) function: Option<String>,
    pub(crate) run: Option<String>,
    pub(crate) made_before: Option<SystemTime>,
}
