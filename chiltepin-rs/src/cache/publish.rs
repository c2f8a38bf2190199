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
    #[cfg(test)]
    tests::SYNCED.with_borrow_mut(|synced| synced.push(folder.to_path_buf()));
    File::open(folder)?.sync_all()
}

/// Makes a folder where there is none, and those above it, with names that are durable.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = match folder.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        // A relative path of one name.
        _ => Path::new("."),
    };
    make_folder(above)?;
    match fs::create_dir(folder) {
        Err(_) if folder.is_dir() => {}
        made => made?,
    }
    sync_folder(above)
}

/// Makes the name of a folder durable, which another process may have made at this moment.
pub(super) fn sync_name(folder: &Path) -> io::Result<()> {
    let folder = fs::canonicalize(folder)?;
    match folder.parent().map(sync_folder) {
        // One that may be gone through and not be read cannot be synced: nothing more can be done.
        Some(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        Some(synced) => synced,
        None => Ok(()),
    }
}

/// A number that no other process is likely to come by.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::RefCell;

    use super::*;

    thread_local! {
        /// The folders that this thread has synced.
        pub(in super::super) static SYNCED: RefCell<Vec<PathBuf>> = const { RefCell::new(Vec::new()) };
    }

    /// The folders that are synced while something is done.
    pub(in super::super) fn synced<T>(work: impl FnOnce() -> T) -> (T, Vec<PathBuf>) {
        SYNCED.take();
        let result = work();
        (result, SYNCED.take())
    }

    #[test]
    fn each_new_folder_s_name_is_durable() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("a/b");
        let (made, folders) = synced(|| make_folder(&folder));
        made.unwrap();
        assert!(folder.is_dir());
        assert_eq!(
            folders,
            [place.path().to_path_buf(), place.path().join("a")]
        );
        assert_eq!(synced(|| make_folder(&folder)).1.len(), 0);
        fs::write(place.path().join("file"), "").unwrap();
        make_folder(&place.path().join("file/c")).unwrap_err();
    }
}
