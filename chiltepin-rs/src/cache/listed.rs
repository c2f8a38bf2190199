//! Results, as a program is told of them.

use std::fmt;
use std::ops::Deref;
use std::time::{Duration, SystemTime};

use super::entry::Summary;

/// A kept result, without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CachedResult {
    /// Its key, 64 hexadecimal digits.
    pub key: String,
    /// The function's whole name.
    pub function: String,
    /// The name of the call that computed it.
    pub task: String,
    /// The run in which that was.
    pub run: String,
    /// When it was computed.
    pub made: SystemTime,
    /// How long that took.
    pub took: Duration,
    /// Bytes on the disk, without those of its kept directory.
    pub size: u64,
    /// Whether it was taken along, as one that others of the listing went into.
    pub is_downstream: bool,
}

impl CachedResult {
    pub(super) fn of(summary: Summary) -> Self {
        Self {
            key: summary.key.to_string(),
            function: summary.function,
            task: summary.task,
            run: summary.run,
            made: summary.made,
            took: summary.took,
            size: summary.size,
            is_downstream: false,
        }
    }
}

impl fmt::Display for CachedResult {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task, run, .. } = self;
        // The beginning is enough to name it to `chiltepin cache`.
        let key = self.key.get(..12).unwrap_or(&self.key);
        write!(formatter, "{key} `{task}` of run {run}")
    }
}

/// The results of a [`Selection`](super::Selection); a slice of [`CachedResult`]s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing(Vec<CachedResult>);

impl Listing {
    pub(super) fn of(results: Vec<CachedResult>) -> Self {
        Self(results)
    }

    /// The bytes that all of them take on the disk, without their kept directories.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let sizes = self.0.iter().map(|result| result.size);
        sizes.fold(0, u64::saturating_add)
    }
}

impl Deref for Listing {
    type Target = [CachedResult];

    fn deref(&self) -> &[CachedResult] {
        &self.0
    }
}

impl IntoIterator for Listing {
    type Item = CachedResult;
    type IntoIter = std::vec::IntoIter<CachedResult>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
