use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::{HEADER, header};
use crate::cache::frame::frame;

/// The file as it is written: locked as long as its writer lives, so that a reader can tell a run
/// that goes on from one that was killed, from any node.
pub(super) struct JournalFile {
    file: File,
    /// The length of what was written whole, in bytes.
    length: u64,
    is_synced: bool,
}

impl JournalFile {
    /// Makes the file in a run's folder, which is made too.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(path)?;
        // A file system without locks has its runs look killed while they go on; no more.
        let _ = file.try_lock();
        file.write_all(&header())?;
        Ok(Self {
            file,
            length: HEADER as u64,
            is_synced: false,
        })
    }

    /// Has another file take what is written from now on.
    #[cfg(test)]
    pub(super) fn replace(&mut self, file: File) {
        self.file = file;
    }

    pub(super) fn append(&mut self, payload: &[u8]) -> io::Result<()> {
        let Some(frame) = frame(payload) else {
            return Ok(());
        };
        self.is_synced = false;
        if let Err(error) = self.file.write_all(&frame) {
            // A part of it must not stand before what is written later, if anything is.
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        self.length += frame.len() as u64;
        Ok(())
    }

    /// Whether the disk has all that was written.
    pub(super) fn is_synced(&self) -> bool {
        self.is_synced
    }

    /// Has the disk take what was written.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if !self.is_synced {
            self.file.sync_data()?;
            self.is_synced = true;
        }
        Ok(())
    }
}
