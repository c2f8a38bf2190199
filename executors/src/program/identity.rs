use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::wire::ProgramIdentity;

impl ProgramIdentity {
    /// The identity of the program that this process runs.
    ///
    /// # Errors
    /// The system does not tell, as where `/proc` is not mounted.
    pub fn of_this_process() -> io::Result<Self> {
        Self::of_file(Path::new(OWN_PROGRAM))
    }

    /// The identity of the program in this file.
    ///
    /// # Errors
    /// The file cannot be examined.
    pub fn of_file(program: &Path) -> io::Result<Self> {
        fs::metadata(program).map(|metadata| Self::of(&metadata))
    }

    pub(super) fn of(metadata: &Metadata) -> Self {
        let nanoseconds = i128::from(metadata.mtime_nsec());
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: i128::from(metadata.mtime()) * 1_000_000_000 + nanoseconds,
        }
    }
}

/// Names the program of the process that asks, also when its file was replaced or removed.
pub(super) const OWN_PROGRAM: &str = "/proc/self/exe";
