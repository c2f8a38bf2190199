//! Private temporary folders of attempts.
//!
//! ```text
//!   TMPDIR/chiltepin-scratch-RANDOM         the folder
//!   TMPDIR/chiltepin-scratch-RANDOM.lock    locked as long as its process lives
//! ```
//!
//! An attempt's folder goes with its context. A process that is killed leaves one behind, and the
//! system its lock free: the next process of the same machine that makes one removes it.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use parking_lot::Mutex;

const PREFIX: &str = "chiltepin-scratch-";
const LOCK: &str = "lock";

/// A lock that is younger may be on its way to be taken.
const YOUNG: Duration = Duration::from_secs(60);

/// The folder of an attempt, made when it is asked for.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    held: Mutex<Option<Held>>,
}

/// A folder that is there until this is dropped.
#[derive(Debug)]
struct Held {
    folder: PathBuf,
    lock: PathBuf,
    /// Gives the lock up when it is closed.
    _locked: File,
}

impl Scratch {
    /// The folder, which is made in `temporary` if there is none yet.
    pub(super) fn folder(&self, temporary: &Path) -> io::Result<PathBuf> {
        /// What others have left is looked for once: temporary folders can be large.
        static SWEPT: Once = Once::new();
        let mut held = self.held.lock();
        if let Some(held) = &*held {
            return Ok(held.folder.clone());
        }
        SWEPT.call_once(|| sweep(temporary, YOUNG));
        Ok(held.insert(Held::make(temporary)?).folder.clone())
    }
}

impl Held {
    fn make(temporary: &Path) -> io::Result<Self> {
        let name = format!(
            "{PREFIX}{:016x}",
            RandomState::new().build_hasher().finish()
        );
        let folder = temporary.join(name);
        let lock = folder.with_extension(LOCK);
        let locked = File::create_new(&lock)?;
        locked.try_lock().map_err(|error| match error {
            TryLockError::Error(error) => error,
            TryLockError::WouldBlock => io::ErrorKind::WouldBlock.into(),
        })?;
        let held = Self {
            folder,
            lock,
            _locked: locked,
        };
        // Nobody else is to look into it.
        DirBuilder::new().mode(0o700).create(&held.folder)?;
        Ok(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        remove(&self.folder, &self.lock);
    }
}

fn remove(folder: &Path, lock: &Path) {
    match fs::remove_dir_all(folder) {
        // As long as the lock is there, it is found by the next sweep.
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let folder = folder.display();
            tracing::debug!(%folder, %error, "cannot remove a scratch folder");
        }
        _ => drop(fs::remove_file(lock)),
    }
}

/// Removes what processes have left that were killed.
fn sweep(temporary: &Path, young: Duration) {
    let entries = fs::read_dir(temporary).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let name = path.file_name().and_then(|name| name.to_str());
        let is_lock = name.is_some_and(|name| name.starts_with(PREFIX))
            && path.extension().is_some_and(|extension| extension == LOCK);
        if is_lock && is_left(&path, young) {
            remove(&path.with_extension(""), &path);
        }
    }
}

/// Whether the process is gone that had this lock; false too where that is another user's.
fn is_left(lock: &Path, young: Duration) -> bool {
    let Ok(file) = File::open(lock) else {
        return false;
    };
    let made = file.metadata().and_then(|metadata| metadata.modified());
    let is_young = made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age < young));
    !is_young && file.try_lock().is_ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn entries(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_folder_is_private_and_goes_with_its_attempt() {
        let temporary = tempfile::tempdir().unwrap();
        let scratch = Scratch::default();
        let folder = scratch.folder(temporary.path()).unwrap();
        assert_eq!(entries(&folder), 0);
        let mode = fs::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        fs::write(folder.join("part"), "").unwrap();
        assert_eq!(scratch.folder(temporary.path()).unwrap(), folder);
        let other = Scratch::default();
        assert_ne!(other.folder(temporary.path()).unwrap(), folder);
        drop((scratch, other));
        assert_eq!(entries(temporary.path()), 0);
    }

    #[test]
    fn what_a_killed_process_has_left_is_removed_and_what_is_used_is_not() {
        let temporary = tempfile::tempdir().unwrap();
        let used = Scratch::default();
        let folder = used.folder(temporary.path()).unwrap();
        let left = temporary.path().join(format!("{PREFIX}left"));
        fs::create_dir(&left).unwrap();
        fs::write(left.join("part"), "").unwrap();
        fs::write(left.with_extension(LOCK), "").unwrap();
        fs::write(temporary.path().join("of somebody.lock"), "").unwrap();
        sweep(temporary.path(), YOUNG);
        assert!(left.exists(), "it may be about to be locked");
        sweep(temporary.path(), Duration::ZERO);
        assert!(!left.exists() && !left.with_extension(LOCK).exists());
        assert!(folder.exists());
        assert_eq!(entries(temporary.path()), 3);
    }
}
