use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::super::event::{Event, RunOutcome, Text};
use super::super::stream::{Turn, View};
use super::FILE;
use super::file::JournalFile;
use super::scribe::Scribe;

/// How long encoded events come together before they are written.
const GATHER: Duration = Duration::from_millis(100);

/// They become a frame at this length at the latest.
const FRAME: usize = 256 << 10;

/// The disk is made to take what was written this often at most.
const SYNC: Duration = Duration::from_secs(1);

/// The journal of a run that goes on.
pub(crate) struct Journal {
    /// None once it could not be written.
    file: Option<JournalFile>,
    scribe: Scribe,
    written: Instant,
    synced: Instant,
}

impl Journal {
    /// Begins the journal of the run in this folder, which is made.
    ///
    /// # Errors
    /// The folder or the file cannot be made.
    pub(crate) fn begin(folder: &Path) -> io::Result<Self> {
        Ok(Self::with_file(JournalFile::create(&folder.join(FILE))?))
    }

    pub(super) fn with_file(file: JournalFile) -> Self {
        let now = Instant::now();
        Self {
            file: Some(file),
            scribe: Scribe::default(),
            written: now,
            synced: now,
        }
    }

    /// Writes what was encoded.
    fn write(&mut self) {
        if let Some(payload) = self.scribe.take() {
            self.with_it(|file| file.append(&payload));
        }
    }

    fn sync(&mut self) {
        self.with_it(JournalFile::sync);
    }

    /// Does something with the file, if it could be written so far.
    fn with_it(&mut self, work: impl FnOnce(&mut JournalFile) -> io::Result<()>) {
        if let Some(file) = &mut self.file
            && let Err(error) = work(file)
        {
            tracing::warn!(%error, "cannot write `{FILE}`; the run goes on without it");
            self.file = None;
        }
    }
}

impl View for Journal {
    fn take(&mut self, events: &[Event<Text>]) {
        for event in events {
            self.scribe.add(event);
            if self.scribe.len() >= FRAME {
                self.write();
            }
        }
    }

    fn turn(&mut self, now: Instant) -> Turn {
        if now - self.written >= GATHER {
            self.write();
            self.written = now;
        }
        if now - self.synced >= SYNC {
            self.sync();
            self.synced = now;
        }
        match &self.file {
            None => Turn::Gone,
            Some(_) if self.scribe.len() > 0 => Turn::Within(GATHER),
            Some(file) if !file.is_synced() => Turn::Within(SYNC),
            Some(_) => Turn::Rest,
        }
    }

    fn finish(&mut self, _: RunOutcome) {
        self.write();
        self.sync();
    }
}
