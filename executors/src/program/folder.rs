use std::env;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::ProgramError;

/// How long the path of a Unix socket can be, without the NUL byte at its end.
const LONGEST_SOCKET_PATH: usize = 107;

/// How long the names are of the sockets made in a private folder.
const LONGEST_SOCKET_NAME: usize = 24;

/// A folder that nobody but this user can look into, removed with all it holds when it is dropped.
///
/// It is made in the system's temporary folder. Where that has a path too long for sockets in it,
/// the folder is made in `/tmp`.
///
/// ```
/// let folder = chiltepin_executors::program::PrivateFolder::new()?;
/// assert!(folder.path().is_dir());
/// # Ok::<(), chiltepin_executors::program::ProgramError>(())
/// ```
#[derive(Debug)]
pub struct PrivateFolder {
    folder: TempDir,
}

impl PrivateFolder {
    /// Makes a folder.
    ///
    /// # Errors
    /// The system refuses it.
    pub fn new() -> Result<Self, ProgramError> {
        let folder = Self::new_in(&env::temp_dir())?;
        let length = folder.path().as_os_str().as_bytes().len();
        if length + "/".len() + LONGEST_SOCKET_NAME > LONGEST_SOCKET_PATH {
            return Self::new_in(Path::new("/tmp"));
        }
        Ok(folder)
    }

    /// Makes a folder in another one, which is made if it is not there.
    ///
    /// # Errors
    /// The system refuses it.
    pub fn new_in(parent: &Path) -> Result<Self, ProgramError> {
        let make = || {
            // A relative path would mean another place to a process that works elsewhere.
            let parent = std::path::absolute(parent)?;
            fs::create_dir_all(&parent)?;
            tempfile::Builder::new()
                .prefix("chiltepin-")
                .permissions(Permissions::from_mode(0o700))
                .tempdir_in(parent)
        };
        let made = make().map_err(|source| ProgramError::Folder {
            folder: parent.to_owned(),
            source,
        });
        Ok(Self { folder: made? })
    }

    /// Makes a folder of this name in another one, where there is none.
    ///
    /// # Errors
    /// The system refuses it, or it is there.
    pub fn named(parent: &Path, name: &str) -> Result<Self, ProgramError> {
        let make = || {
            let parent = std::path::absolute(parent)?;
            fs::create_dir_all(&parent)?;
            tempfile::Builder::new()
                .prefix(name)
                .rand_bytes(0)
                .permissions(Permissions::from_mode(0o700))
                .tempdir_in(parent)
        };
        let made = make().map_err(|source| ProgramError::Folder {
            folder: parent.to_owned(),
            source,
        });
        Ok(Self { folder: made? })
    }

    /// Where it is: a full path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The path of something in it.
    #[must_use]
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path().join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_may_look_into_it_and_it_goes() {
        let folder = PrivateFolder::new().unwrap();
        let path = folder.path().to_owned();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700);
        fs::write(folder.join("file"), "text").unwrap();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn a_named_one_is_made_once() {
        let place = tempfile::tempdir().unwrap();
        let folder = PrivateFolder::named(place.path(), "private").unwrap();
        assert_eq!(folder.path(), place.path().join("private"));
        let mode = fs::metadata(folder.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700);
        assert!(PrivateFolder::named(place.path(), "private").is_err());
        drop(folder);
        assert!(!place.path().join("private").exists());
    }

    #[test]
    fn two_differ_and_a_parent_is_made() {
        let place = tempfile::tempdir().unwrap();
        let parent = place.path().join("deep/er");
        let one = PrivateFolder::new_in(&parent).unwrap();
        let other = PrivateFolder::new_in(&parent).unwrap();
        assert_ne!(one.path(), other.path());
        assert!(one.path().starts_with(&parent));
    }
}
