//! Files that are there whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file under a temporary name, removed unless it is published.
pub(super) struct Draft {
    pub(super) file: File,
    path: PathBuf,
    published: bool,
}

impl Draft {
    /// A new file in the folder where `destination` is to be.
    pub(super) fn beside(destination: &Path) -> io::Result<Self> {
        let path = destination.with_file_name(format!(".tmp-{:016x}", random()));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)?;
        Ok(Self {
            file,
            path,
            published: false,
        })
    }

    /// Makes the content durable, and gives the file its name, which is durable then too.
    pub(super) fn publish(mut self, destination: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, destination)?;
        self.published = true;
        match destination.parent() {
            Some(folder) => sync_folder(folder),
            None => Ok(()),
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.published {
            // What is left is removed by `prune`.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Writes a small file whole.
pub(super) fn write(destination: &Path, content: &[u8]) -> io::Result<()> {
    let mut draft = Draft::beside(destination)?;
    draft.file.write_all(content)?;
    draft.publish(destination)
}

/// Makes names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A number that no other process is likely to come by.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
