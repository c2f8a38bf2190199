//! Files named by their content, compressed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::OFlags;

use super::durable::DurableNames;
use super::entry::Output;
use super::error::RestoreError;
use super::key::hex;
use super::publish::{self, Draft};
use super::record::ObjectRecord;

/// Fast, and for numbers hardly worse than higher ones.
const LEVEL: i32 = 1;

/// The folder of objects of a cache.
#[derive(Debug)]
pub(super) struct Objects {
    folder: PathBuf,
    durable: DurableNames,
}

/// An object that cannot be read.
#[derive(Debug)]
pub(super) enum Unreadable {
    Gone,
    /// It was removed, so that it is made anew.
    Damaged,
    Io(io::Error),
}

impl Objects {
    pub(super) fn of(cache: &Path) -> Self {
        Self {
            folder: cache.join("objects"),
            durable: DurableNames::default(),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn path(&self, hash: &[u8; 32]) -> PathBuf {
        let name = hex(hash);
        self.folder.join(&name[..2]).join(format!("{name}.zst"))
    }

    /// Keeps bytes; durable when this returns.
    pub(super) fn put(&self, content: &[u8]) -> io::Result<ObjectRecord> {
        let hash = *blake3::hash(content).as_bytes();
        self.store(hash, content.len() as u64, content)
    }

    /// Keeps the content of a file; durable when this returns.
    pub(super) fn put_file(&self, path: &Path) -> io::Result<Output> {
        // To open a pipe waits for who writes to it, and one never ends while that is this process.
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed())
            .open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "it is no regular file",
            ));
        }
        let mut hasher = blake3::Hasher::new();
        let size = io::copy(&mut file, &mut hasher)?;
        let hash = *hasher.finalize().as_bytes();
        file.rewind()?;
        let object = self.store(hash, size, file)?;
        Ok(Output {
            path: path.to_path_buf(),
            hash,
            size,
            stored: object.stored,
            executable: metadata.permissions().mode() & 0o111 != 0,
        })
    }

    fn store(&self, hash: [u8; 32], size: u64, content: impl Read) -> io::Result<ObjectRecord> {
        let path = self.path(&hash);
        let record = |stored| ObjectRecord { hash, size, stored };
        let folder = path.parent().unwrap_or(&self.folder);
        if let Some(stored) = self.present(&hash, &path, folder)? {
            return Ok(record(stored));
        }
        self.make_folder(folder)?;
        let mut draft = Draft::beside(&path)?;
        let mut read = Hashed::of(content);
        let mut encoder = zstd::Encoder::new(&mut draft.file, LEVEL)?;
        io::copy(&mut read, &mut encoder)?;
        encoder.finish()?;
        if read.hash() != hash {
            return Err(io::Error::other("the file changed while it was read"));
        }
        let metadata = draft.file.metadata()?;
        draft.publish(&path)?;
        self.durable.add_object(hash, metadata.ino());
        Ok(record(metadata.len()))
    }

    /// The bytes on the disk of an object that is there already; durable when this returns.
    fn present(&self, hash: &[u8; 32], path: &Path, folder: &Path) -> io::Result<Option<u64>> {
        // `prune` spares what is young: it may be on its way into a record.
        let touched = File::open(path).and_then(|file| {
            file.set_modified(SystemTime::now())?;
            file.metadata()
        });
        let Ok(metadata) = touched else {
            return Ok(None);
        };
        if !self.durable.has_object(hash, metadata.ino()) {
            // Another thread or driver may have given it its name only just now.
            self.make_folder(folder)?;
            publish::sync_folder(folder)?;
            self.durable.add_object(*hash, metadata.ino());
        }
        Ok(Some(metadata.len()))
    }

    /// Makes the folder of an object, whose name is durable when this returns.
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        let name = folder.file_name().unwrap_or_default();
        if self.durable.has_folder(name) && folder.exists() {
            return Ok(());
        }
        publish::make_folder(folder)?;
        // Whoever made one that was there may not have come to this yet. One sync is for all that
        // are there.
        let there: Vec<_> = fs::read_dir(&self.folder)?
            .map(|entry| Ok(entry?.file_name()))
            .collect::<io::Result<_>>()?;
        publish::sync_folder(&self.folder)?;
        self.durable.add_folders(there);
        Ok(())
    }

    /// The content of an object, which is what was kept.
    pub(super) fn get(&self, hash: &[u8; 32], size: u64) -> Result<Vec<u8>, Unreadable> {
        let mut content = Vec::new();
        self.copy(hash, size, &mut content)?;
        Ok(content)
    }

    /// Gives a file back at `to`, whole or not at all.
    ///
    /// What stands there goes only where it is a regular file: a device, or a link to one, is not a
    /// task's to replace.
    pub(super) fn restore(&self, output: &Output, to: &Path) -> Result<(), RestoreError> {
        let path = to.to_path_buf();
        if fs::symlink_metadata(to).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(RestoreError::NotAFile { path });
        }
        let restored = (|| {
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder).map_err(Unreadable::Io)?;
            }
            let mut draft = Draft::beside(to).map_err(Unreadable::Io)?;
            self.copy(&output.hash, output.size, &mut draft.file)?;
            let publish = || {
                if output.executable {
                    let mut permissions = draft.file.metadata()?.permissions();
                    // Executable by whom it is readable for, as the umask left it.
                    let readable = permissions.mode() & 0o444;
                    permissions.set_mode(permissions.mode() | (readable >> 2));
                    draft.file.set_permissions(permissions)?;
                }
                draft.publish(to)
            };
            publish().map_err(Unreadable::Io)
        })();
        restored.map_err(|error| match error {
            Unreadable::Gone => RestoreError::Gone { path },
            Unreadable::Damaged => RestoreError::Damaged { path },
            Unreadable::Io(source) => RestoreError::Io { path, source },
        })
    }

    fn copy(&self, hash: &[u8; 32], size: u64, to: &mut impl Write) -> Result<(), Unreadable> {
        let path = self.path(hash);
        let file = File::open(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Unreadable::Gone,
            _ => Unreadable::Io(error),
        })?;
        let mut decoder = zstd::Decoder::new(file).map_err(Unreadable::Io)?;
        let mut hasher = blake3::Hasher::new();
        let mut left = size;
        let mut buffer = vec![0; 128 << 10];
        let whole = loop {
            let count = match decoder.read(&mut buffer) {
                Ok(0) => break left == 0,
                Ok(count) => count,
                // The system's own errors say nothing about the content.
                Err(error) if error.raw_os_error().is_some() => return Err(Unreadable::Io(error)),
                Err(_) => break false,
            };
            let Some(rest) = left.checked_sub(count as u64) else {
                break false;
            };
            left = rest;
            hasher.update(&buffer[..count]);
            to.write_all(&buffer[..count]).map_err(Unreadable::Io)?;
        };
        if whole && hasher.finalize() == *hash {
            return Ok(());
        }
        tracing::warn!(
            "`{}` in the cache was damaged and is removed: what it held is computed again",
            path.display()
        );
        let _ = fs::remove_file(&path);
        Err(Unreadable::Damaged)
    }
}

/// A reader that hashes what goes through it.
struct Hashed<R> {
    reader: R,
    hasher: blake3::Hasher,
}

impl<R: Read> Hashed<R> {
    fn of(reader: R) -> Self {
        Self {
            reader,
            hasher: blake3::Hasher::new(),
        }
    }

    fn hash(&self) -> [u8; 32] {
        *self.hasher.finalize().as_bytes()
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changes_while_it_is_read_is_not_kept_under_what_it_held() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::of(folder.path());
        fs::create_dir(objects.folder()).unwrap();
        let before = *blake3::hash(b"as it was hashed").as_bytes();
        let error = objects
            .store(before, 16, &b"as it was copied"[..])
            .unwrap_err();
        assert!(error.to_string().contains("changed"), "{error}");
        assert!(matches!(objects.get(&before, 16), Err(Unreadable::Gone)));
    }
}
