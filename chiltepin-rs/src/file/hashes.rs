use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use parking_lot::Mutex;

use super::content::{Content, Stamp, of_directory, of_file};

/// What files hold, as BLAKE3 hashes; those that have not changed since are not read again.
///
/// A file is known again by device, inode, size and times. One that was written less than two
/// seconds before it was read is read again next time: another write could leave the times as they
/// are.
#[derive(Debug, Default)]
pub(crate) struct FileHashes {
    known: Mutex<Known>,
}

/// Two generations: once the newer one is full it takes the place of the older.
#[derive(Debug, Default)]
struct Known {
    newer: HashMap<Stamp, [u8; 32]>,
    older: HashMap<Stamp, [u8; 32]>,
}

/// The most files of a generation, in about ten megabytes.
const MOST: usize = 1 << 16;

impl Known {
    fn get(&mut self, stamp: &Stamp) -> Option<[u8; 32]> {
        if let Some(digest) = self.newer.get(stamp) {
            return Some(*digest);
        }
        let digest = *self.older.get(stamp)?;
        self.put(*stamp, digest);
        Some(digest)
    }

    fn put(&mut self, stamp: Stamp, digest: [u8; 32]) {
        if self.newer.len() >= MOST {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(stamp, digest);
    }
}

/// A file whose content is an argument and cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{}`", path.display())]
pub(crate) struct UnreadFile {
    path: PathBuf,
    #[source]
    error: io::Error,
}

impl UnreadFile {
    pub(super) fn new(path: &Path, error: io::Error) -> Self {
        let path = path.to_owned();
        Self { path, error }
    }
}

impl FileHashes {
    /// The hash of what a path leads to now: of a file, that of its bytes; of a directory, one made
    /// of the names, kinds and hashes of all that is in it.
    ///
    /// # Errors
    /// It is not there, cannot be read, is neither file nor directory, or is a directory that holds
    /// a link to itself.
    pub(crate) fn digest(&self, path: &Path) -> Result<[u8; 32], UnreadFile> {
        match self.content(path, &mut SystemTime::now, &mut Vec::new())? {
            Content::File(digest) | Content::Directory(digest) => Ok(digest),
        }
    }

    /// `within` are the directories that are being read.
    pub(super) fn content(
        &self,
        path: &Path,
        now: &mut dyn FnMut() -> SystemTime,
        within: &mut Vec<(u64, u64)>,
    ) -> Result<Content, UnreadFile> {
        let unread = |error| UnreadFile::new(path, error);
        let metadata = fs::metadata(path).map_err(unread)?;
        let stamp = Stamp::of(&metadata);
        if metadata.is_dir() {
            if within.contains(&stamp.identity()) {
                let reason = "it is a link to a directory that it is in";
                return Err(unread(io::Error::other(reason)));
            }
            within.push(stamp.identity());
            let digest = of_directory(path, &mut |path| self.content(path, now, within))?;
            within.pop();
            return Ok(Content::Directory(digest));
        }
        // A pipe would keep its reader waiting.
        if !metadata.is_file() {
            let reason = "it is neither a file nor a directory";
            return Err(unread(io::Error::other(reason)));
        }
        if let Some(digest) = self.known.lock().get(&stamp) {
            return Ok(Content::File(digest));
        }
        let begun = now();
        let mut file = fs::File::open(path).map_err(unread)?;
        let (digest, stamp) = of_file(&mut file).map_err(unread)?;
        if let Some(stamp) = stamp.filter(|stamp| stamp.is_settled(begun)) {
            self.known.lock().put(stamp, digest);
        }
        Ok(Content::File(digest))
    }

    /// How many files are known.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let known = self.known.lock();
        known.newer.len() + known.older.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_kept_than_two_generations() {
        let mut known = Known::default();
        let stamps = (0..3 * MOST as u64 + 1).map(Stamp::example);
        for (stamp, digest) in stamps.zip((0..=u8::MAX).cycle()) {
            known.put(stamp, [digest; 32]);
            // It is asked for again and again, and stays.
            assert_eq!(known.get(&Stamp::example(0)), Some([0; 32]));
        }
        assert!(known.newer.len() + known.older.len() <= 2 * MOST);
        assert_eq!(known.get(&Stamp::example(1)), None);
        assert!(known.get(&Stamp::example(3 * MOST as u64)).is_some());
    }
}
