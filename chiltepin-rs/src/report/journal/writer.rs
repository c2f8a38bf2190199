use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::super::event::{Event, RunOutcome, Text, What};
use super::super::stream::View;
use super::file::JournalFile;
use super::scribe::Scribe;
use super::{FILE, FRAME};

/// How long encoded events come together before they are written.
const GATHER: Duration = Duration::from_millis(100);

/// The disk is made to take what was written this often at most.
const SYNC: Duration = Duration::from_secs(1);

/// The journal of a run that goes on.
pub(crate) struct Journal {
    /// It stays locked as long as the run goes on, also when it cannot be written any more.
    file: JournalFile,
    /// Events that are missing in it since it could not be written.
    missed: Option<u64>,
    /// The time of the last event.
    last: u64,
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
            file,
            missed: None,
            last: 0,
            scribe: Scribe::default(),
            written: now,
            synced: now,
        }
    }

    /// The file, to have its place taken.
    #[cfg(test)]
    pub(super) fn file(&mut self) -> &mut JournalFile {
        &mut self.file
    }

    /// Writes what was encoded.
    fn write(&mut self) {
        let events = self.scribe.count();
        if let Some(payload) = self.scribe.take() {
            self.with_it(events, |file| file.append(&payload));
        }
    }

    fn sync(&mut self) {
        self.with_it(0, JournalFile::sync);
    }

    /// Does something with the file, if it could be written so far; so many events are missing
    /// where that fails.
    fn with_it(&mut self, events: u32, work: impl FnOnce(&mut JournalFile) -> io::Result<()>) {
        if self.missed.is_none()
            && let Err(error) = work(&mut self.file)
        {
            tracing::warn!(%error, "cannot write `{FILE}`; the run goes on without it");
            self.missed = Some(u64::from(events));
        }
    }
}

impl View for Journal {
    fn take(&mut self, events: &[Event<Text>]) {
        self.last = events.last().map_or(self.last, |event| event.at);
        if let Some(missed) = &mut self.missed {
            *missed += events.len() as u64;
            return;
        }
        for event in events {
            self.scribe.add(event);
            if self.scribe.len() >= FRAME {
                self.write();
            }
        }
    }

    fn turn(&mut self, now: Instant) -> Option<Duration> {
        if now - self.written >= GATHER {
            self.write();
            self.written = now;
        }
        if now - self.synced >= SYNC {
            self.sync();
            self.synced = now;
        }
        match self.missed {
            None if self.scribe.len() > 0 => Some(GATHER),
            None if !self.file.is_synced() => Some(SYNC),
            _ => None,
        }
    }

    fn finish(&mut self, outcome: RunOutcome) {
        // There may be room again, for that much at least.
        if let Some(events) = self.missed.take() {
            self.scribe = Scribe::default();
            let at = self.last;
            for what in [What::Missed { events }, What::RunEnded { outcome }] {
                self.scribe.add(&Event { at, what });
            }
        }
        self.write();
        self.sync();
    }
}
