//! Keeping: the value and the files of a task that has run well.

use std::sync::Arc;
use std::time::SystemTime;

use chiltepin_executors::TaskId;

use super::super::{Entry, Store, directory, files};
use super::Shared;
use crate::driver::{Driver, Payload};
use crate::error::ErrorKind;

/// Tells the driver that a result is kept as well as it can be, when it is dropped: also where the
/// store's thread is gone, so that the task ends.
pub(super) struct TellsKept {
    pub(super) driver: Arc<Driver>,
    pub(super) id: TaskId,
}

impl Drop for TellsKept {
    fn drop(&mut self) {
        self.driver.kept(self.id);
    }
}

impl Shared {
    /// What is to be kept of a task that has run well; nothing if that is not to be had.
    pub(super) fn entry(&self, attempt: u32, task: &Payload) -> Option<(&Store, Entry)> {
        let header = task.header();
        let store = self.store()?;
        let kept_as = header.kept_as()?;
        let not_kept = |reason: &dyn std::fmt::Display| {
            tracing::warn!(task = header.name(), %reason, "its result cannot be kept in the cache");
        };
        for (path, digest) in &kept_as.files {
            if self.files.digest(path).ok().as_ref() != Some(digest) {
                let path = path.display();
                not_kept(&format_args!(
                    "`{path}` is not what it was when it was looked for"
                ));
                return None;
            }
        }
        let value = match task.encoded_value() {
            Ok(value) => value,
            Err(failure) => {
                not_kept(&ErrorKind::of_failure(failure.kind, None));
                return None;
            }
        };
        let outputs = match files::put(
            store,
            header,
            &header.directory(attempt).unwrap_or_default(),
        ) {
            Ok(outputs) => outputs,
            Err(error) => {
                not_kept(&error);
                return None;
            }
        };
        if let Some(directories) = &kept_as.directories
            && let Err(error) = directory::sync(&directories.of_attempt(attempt))
        {
            not_kept(&error);
            return None;
        }
        let entry = Entry {
            key: kept_as.key,
            recipe: kept_as.recipe.clone(),
            value,
            outputs,
            directory: kept_as
                .directories
                .as_ref()
                .map(|directories| directories.name(attempt)),
            upstream: kept_as.upstream.clone(),
            made: SystemTime::now(),
            took: kept_as.started.lock().elapsed(),
            run: self.settings.run.clone(),
            task: header.name().to_owned(),
        };
        Some((store, entry))
    }

    /// Removes the directories of the attempts before the one that did well.
    pub(super) fn remove_failed(attempt: u32, task: &Payload) {
        let kept_as = task.header().kept_as();
        if let Some(directories) = kept_as.and_then(|kept_as| kept_as.directories.as_ref()) {
            for earlier in 1..attempt {
                directory::remove(&directories.of_attempt(earlier));
            }
        }
    }
}
