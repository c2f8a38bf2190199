use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::random::random;

/// What a key's file begins with: what it is, and the version of what follows.
const MAGIC: &[u8] = b"chiltepin key 1\n";

/// The secret that driver and agents of a run share. It never travels, and is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl Key {
    /// A new one.
    ///
    /// # Errors
    /// The system has no random bytes to give.
    pub fn generate() -> io::Result<Self> {
        random().map(Self)
    }

    /// Writes it to a file that is not there yet and nobody else can read.
    ///
    /// # Errors
    /// The file is there, or cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let options = options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(path)?;
        file.write_all(&[MAGIC, &self.0].concat())
    }

    /// Reads it.
    ///
    /// # Errors
    /// The file cannot be read, can be read by others, or is no such file.
    pub fn read(path: &Path) -> io::Result<Self> {
        let invalid = |what: &str| {
            let text = format!("`{}` {what}", path.display());
            io::Error::new(io::ErrorKind::InvalidData, text)
        };
        let metadata = fs::metadata(path)?;
        if !metadata.is_file() || metadata.len() != (MAGIC.len() + 32) as u64 {
            return Err(invalid("is not the key of a run"));
        }
        if metadata.mode() & 0o077 != 0 {
            return Err(invalid(
                "holds the key of a run and can be read by others, which makes it worthless",
            ));
        }
        let content = fs::read(path)?;
        let key = content.strip_prefix(MAGIC);
        let key = key.and_then(|key| key.try_into().ok());
        key.map(Self)
            .ok_or_else(|| invalid("is not the key of a run"))
    }

    pub(super) fn secret(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_written_once_for_its_owner_alone_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let key = Key::generate().unwrap();
        key.write(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(Key::read(&path).unwrap() == key);
        let other = Key::generate().unwrap();
        assert!(other != key);
        other.write(&path).unwrap_err();
        assert!(Key::read(&path).unwrap() == key);
    }

    #[test]
    fn what_others_can_read_or_is_no_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        Key::generate().unwrap().write(&path).unwrap();
        let good = fs::read(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let error = Key::read(&path).unwrap_err().to_string();
        assert!(error.contains("can be read by others"), "{error}");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let other = [b"chiltepin key 2\n", &good[MAGIC.len()..]].concat();
        for content in [&good[1..], &other, b"", &[good.clone(), vec![0]].concat()] {
            fs::write(&path, content).unwrap();
            Key::read(&path).unwrap_err();
        }
        Key::read(folder.path()).unwrap_err();
    }

    #[test]
    fn a_key_is_not_shown() {
        let key = Key([0xab; 32]);
        assert_eq!(format!("{key:?} {:?}", Some(&key)), "Key(..) Some(Key(..))");
    }
}
