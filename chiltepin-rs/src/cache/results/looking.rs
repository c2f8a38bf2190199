//! Looking: is the result of this call there?

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use chiltepin_executors::causes::WithCauses;
use chiltepin_executors::{Failure, FailureKind, TaskId};

use super::super::{Argument, CacheKey, Code, KeptAs, Recipe, files};
use super::{Job, JobKind, Shared};
use crate::driver::Payload;
use crate::error::ErrorKind;
use crate::task::AnyTask;

/// The number of a task's first attempt.
const FIRST: u32 = 1;

/// What became of a look.
pub(super) enum Looked {
    There,
    NotThere,
    /// Somebody else works it out, and tells.
    Waits,
}

impl Shared {
    pub(super) fn look(&self, id: TaskId, task: &Payload) -> Looked {
        let header = task.header();
        if header.kept_as().is_none() {
            match self.kept_as(&**task) {
                Ok(kept_as) => header.set_kept_as(kept_as),
                Err(failure) => {
                    let reason = ErrorKind::of_failure(failure.kind, None);
                    tracing::warn!(
                        task = header.name(),
                        %reason,
                        "cannot be looked for in the cache, and is not kept there"
                    );
                    return Looked::NotThere;
                }
            }
        }
        let Some(kept_as) = header.kept_as() else {
            return Looked::NotThere;
        };
        let waiting = || Job {
            kind: JobKind::Look,
            id,
            task: Arc::clone(task),
        };
        let key = kept_as.key;
        if !self.in_flight.lock().begin(key, id.number(), waiting) {
            return Looked::Waits;
        }
        // One that has ended meanwhile, as when it was cancelled, has told so before it led.
        if header.decision().is_made() {
            self.release_now(&key, id.number());
            return Looked::NotThere;
        }
        if self.take(&key, &**task) {
            self.found.fetch_add(1, Ordering::Relaxed);
            return Looked::There;
        }
        self.computed.fetch_add(1, Ordering::Relaxed);
        Looked::NotThere
    }

    /// Gives a task the value and the files that are kept for it, if they are.
    fn take(&self, key: &CacheKey, task: &dyn AnyTask) -> bool {
        let Some(store) = self.store() else {
            return false;
        };
        let Some(found) = store.get(key) else {
            return false;
        };
        let directory = match found.directory {
            Some(directory) if task.header().has_fresh_directory() => Some(directory),
            _ => task.header().directory(FIRST),
        };
        let directory = directory.unwrap_or_default();
        files::put_back(
            store,
            &self.files,
            task.header(),
            &directory,
            &found.outputs,
        ) && task.restore(found.value)
    }

    pub(super) fn release(self: &Arc<Self>, key: &CacheKey, task: TaskId) {
        let waiting = self.in_flight.lock().end(key, task.number());
        if !waiting.is_empty() {
            self.push(waiting);
        }
    }

    /// The same for who looks, and goes on with what waits by itself.
    fn release_now(&self, key: &CacheKey, task: u64) {
        let waiting = self.in_flight.lock().end(key, task);
        self.queue.give_back(&mut waiting.into());
    }

    /// What decides the result of a call, whose arguments are all there.
    pub(in crate::cache) fn recipe(&self, task: &dyn AnyTask) -> Result<Recipe, Failure> {
        let header = task.header();
        let info = header.info();
        let digests = task.digests(&self.files)?;
        let mut arguments: Vec<_> = digests
            .into_iter()
            .map(|argument| Argument {
                name: argument.name.to_owned(),
                digest: argument.digest,
            })
            .collect();
        arguments.extend(files::as_argument(header));
        Ok(Recipe {
            function: info.registered_name().into_owned(),
            version: info.defaults.version.unwrap_or_default().to_owned(),
            code: match &self.settings.program {
                Some(program) => Code::Binary(self.digest_of(program)?),
                None => Code::Body(info.body.to_be_bytes()),
            },
            arguments,
        })
    }

    /// What a call is to the cache. Its arguments are all there.
    fn kept_as(&self, task: &dyn AnyTask) -> Result<KeptAs, Failure> {
        let header = task.header();
        let recipe = self.recipe(task)?;
        let mut upstream = Vec::new();
        task.visit_dependencies(&mut |future| {
            let kept_as = future.task().and_then(|task| task.header().kept_as());
            upstream.extend(kept_as.map(|kept_as| kept_as.key));
        });
        let key = recipe.key();
        // Where nothing is kept, it works where tasks do that are not cached.
        let directories = header
            .has_fresh_directory()
            .then(|| self.store().filter(|store| store.trouble().is_none()))
            .flatten()
            .map(|store| store.own_directories(&key));
        Ok(KeptAs {
            key,
            recipe,
            upstream,
            directories,
            looked: Instant::now(),
        })
    }

    fn digest_of(&self, program: &Path) -> Result<[u8; 32], Failure> {
        self.files.digest(program).map_err(|error| {
            let reason = format!("cannot be part of a cache key: {}", WithCauses(&error));
            Failure::permanent(FailureKind::Encoding { reason })
        })
    }
}
