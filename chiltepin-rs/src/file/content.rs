use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::UnreadFile;

/// What tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    /// Set by the system alone, so that a file whose time was put back is seen.
    changed: (i64, i64),
}

/// How long after a write another one may leave the times as they are: the coarsest clock of a file
/// system, that of FAT.
const COARSEST_CLOCK: Duration = Duration::from_secs(2);

impl Stamp {
    pub(super) fn of(metadata: &fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether any later write gives another stamp.
    pub(super) fn is_settled(&self, now: SystemTime) -> bool {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let latest = self.modified.max(self.changed);
        let latest = Duration::new(
            u64::try_from(latest.0).unwrap_or_default(),
            u32::try_from(latest.1).unwrap_or_default(),
        );
        latest + COARSEST_CLOCK <= now
    }

    #[cfg(test)]
    pub(super) const fn example(inode: u64) -> Self {
        Self {
            device: 1,
            inode,
            size: 1,
            modified: (1, 1),
            changed: (1, 1),
        }
    }

    /// What tells one file from another.
    pub(super) const fn identity(&self) -> (u64, u64) {
        (self.device, self.inode)
    }
}

/// Reads a regular file. Gives its stamp too, if it was the same before and after.
pub(super) fn of_file(file: &mut fs::File) -> io::Result<([u8; 32], Option<Stamp>)> {
    let before = Stamp::of(&file.metadata()?);
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(&mut *file)?;
    let after = Stamp::of(&file.metadata()?);
    Ok((hasher.finalize().into(), (before == after).then_some(after)))
}

/// The hash of a directory: of each entry in order of the names, with the length of its name, its
/// name, whether it is a directory, and the hash of what it holds.
pub(super) fn of_directory(
    path: &Path,
    digest: &mut dyn FnMut(&Path) -> Result<Content, UnreadFile>,
) -> Result<[u8; 32], UnreadFile> {
    let unread = |error| UnreadFile::new(path, error);
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(unread)? {
        names.push(entry.map_err(unread)?.file_name());
    }
    names.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"directory");
    for name in names {
        let (kind, digest) = match digest(&path.join(&name))? {
            Content::File(digest) => (b"f", digest),
            Content::Directory(digest) => (b"d", digest),
        };
        let name = name.as_bytes();
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name);
        hasher.update(kind);
        hasher.update(&digest);
    }
    Ok(hasher.finalize().into())
}

/// The hash of what a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    File([u8; 32]),
    Directory([u8; 32]),
}
