//! Directories that tasks work in and that are kept with their results: one for each execution.
//!
//! ```text
//!   directories/KEY-HOST-PROCESS-RANDOM-ATTEMPT
//! ```
//!
//! A body may name paths in its directory in its value, so that a directory stays where it was
//! made, and the record of a result says which one is its own. What no record names is left of an
//! attempt that failed, or of a driver whose record was not the last: `prune` removes it once its
//! driver is gone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{CacheKey, StoreSettings, pack, publish};

/// The directories of one task of this driver's.
#[derive(Clone, Debug)]
pub(crate) struct OwnDirectories {
    folder: PathBuf,
    /// What the names of all of them begin with.
    stem: String,
}

/// Whose directory it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Owner<'a> {
    pub(super) key: CacheKey,
    host: &'a str,
    process: u32,
}

impl OwnDirectories {
    /// Those of a task that works out the result of `key`, in the folder of all directories.
    pub(super) fn new(folder: PathBuf, key: &CacheKey) -> Self {
        let (host, process) = (pack::host(), std::process::id());
        let random = publish::random();
        let stem = format!("{key}-{host}-{process}-{random:016x}");
        Self { folder, stem }
    }

    /// The name of the one in which an attempt works.
    pub(super) fn name(&self, attempt: u32) -> String {
        format!("{}-{attempt}", self.stem)
    }

    /// Where an attempt works.
    pub(crate) fn of_attempt(&self, attempt: u32) -> PathBuf {
        self.folder.join(self.name(attempt))
    }
}

/// Whose directory has this name; `None` when it is no name of a directory.
pub(super) fn owner(name: &str) -> Option<Owner<'_>> {
    let mut parts = name.rsplitn(4, '-');
    let (attempt, random, process) = (parts.next()?, parts.next()?, parts.next()?);
    let (key, host) = parts.next()?.split_once('-')?;
    // It comes from a record, and is to be the name of one folder and no path.
    if name.contains('/') || attempt.parse::<u32>().is_err() || random.len() != 16 {
        return None;
    }
    Some(Owner {
        key: key.parse().ok()?,
        host,
        process: process.parse().ok()?,
    })
}

impl Owner<'_> {
    /// Whether its driver is gone, so far as can be told from here, and nothing was written for a
    /// while: in a container of the same name a process that is there cannot be seen.
    pub(super) fn is_gone(
        &self,
        directory: &Path,
        now: SystemTime,
        settings: &StoreSettings,
    ) -> bool {
        let written = latest_write(directory);
        let is_quiet = now
            .duration_since(written)
            .is_ok_and(|age| age >= settings.grace);
        let after = settings.abandoned_after;
        is_quiet && pack::is_gone(self.host, self.process, || written, now, after)
    }
}

/// When something in a directory was last written.
fn latest_write(path: &Path) -> SystemTime {
    let written = |path: &Path| {
        let metadata = fs::symlink_metadata(path).ok()?;
        let modified = metadata.modified().ok()?;
        Some((metadata.is_dir(), modified))
    };
    let Some((is_directory, own)) = written(path) else {
        return SystemTime::UNIX_EPOCH;
    };
    if !is_directory {
        return own;
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.fold(own, |latest, entry| latest.max(latest_write(&entry.path())))
}

/// Has the disk take all that is in a directory, and its name. What is neither file nor directory
/// is left as it is.
pub(super) fn sync(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            sync(&entry.path())?;
        } else if kind.is_file() {
            fs::File::open(entry.path())?.sync_all()?;
        }
    }
    publish::sync_folder(directory)?;
    directory.parent().map_or(Ok(()), publish::sync_folder)
}

/// Removes a directory, which is never seen half removed.
pub(super) fn remove(path: &Path) {
    let doomed = path.with_file_name(format!(".tmp-{:016x}", publish::random()));
    if fs::rename(path, &doomed).is_ok() {
        // What is left is removed by the next `prune`.
        let _ = fs::remove_dir_all(doomed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: CacheKey = CacheKey([0xab; 32]);

    #[test]
    fn a_directorys_name_tells_whose_it_is() {
        let own = OwnDirectories::new(PathBuf::from("/cache/directories"), &KEY);
        let path = own.of_attempt(3);
        assert_eq!(path.parent(), Some(Path::new("/cache/directories")));
        let name = path.file_name().unwrap().to_str().unwrap();
        let host = pack::host();
        let (key, process) = (KEY, std::process::id());
        let expected = Owner {
            key,
            host: &host,
            process,
        };
        assert_eq!(owner(name), Some(expected));
        assert_ne!(own.of_attempt(3), own.of_attempt(4));
        let other = OwnDirectories::new(PathBuf::from("/cache/directories"), &KEY);
        assert_ne!(own.of_attempt(3), other.of_attempt(3), "of another task");
    }

    #[test]
    fn a_name_that_is_none_has_no_owner() {
        let random = "0123456789abcdef";
        let node = format!("{KEY}-node-1.cluster-42-{random}-1");
        assert_eq!(owner(&node).map(|owner| owner.process), Some(42));
        for name in [
            KEY.to_string(),
            ".tmp-0123456789abcdef".to_owned(),
            format!("{KEY}-node-42-{random}-x"),
            format!("{KEY}-node-42-short-1"),
            format!("{KEY}-../../home-42-{random}-1"),
            format!("ab-node-42-{random}-1"),
            String::new(),
        ] {
            assert_eq!(owner(&name), None, "{name}");
        }
    }
}
