//! Looking: is the result of this call there?

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use chiltepin_executors::causes::WithCauses;
use chiltepin_executors::{Failure, FailureKind, TaskId};

use super::super::recipe::EXIT_CODES;
use super::super::{Argument, CacheKey, Code, KeptAs, Recipe, files};
use super::{Job, JobKind, Shared};
use parking_lot::Mutex;

use crate::config::CacheMode;
use crate::driver::Payload;
use crate::error::ErrorKind;
use crate::task::{AnyTask, Header};

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
    pub(in crate::cache) fn recipe(&self, task: &dyn AnyTask) -> Result<(Recipe, Files), Failure> {
        let header = task.header();
        let info = header.info();
        let digests = task.digests(&self.files)?;
        let mut arguments: Vec<_> = digests
            .arguments
            .into_iter()
            .map(|argument| Argument {
                name: argument.name.to_owned(),
                digest: argument.digest,
            })
            .collect();
        arguments.extend(files::as_argument(header));
        arguments.extend(allowed_exit_codes(header));
        let recipe = Recipe {
            function: info.registered_name().into_owned(),
            version: info.defaults.version.unwrap_or_default().to_owned(),
            code: match self.settings.mode {
                CacheMode::Binary => Code::Binary(self.program()?),
                CacheMode::Body => Code::Body(info.body.to_be_bytes()),
            },
            arguments,
        };
        Ok((recipe, digests.files))
    }

    /// What a call is to the cache. Its arguments are all there.
    fn kept_as(&self, task: &dyn AnyTask) -> Result<KeptAs, Failure> {
        let header = task.header();
        let (recipe, files) = self.recipe(task)?;
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
            files,
            upstream,
            directories,
            started: Mutex::new(Instant::now()),
        })
    }

    /// The hash of the program that runs, whatever has its file's name by now.
    fn program(&self) -> Result<[u8; 32], Failure> {
        let digest = self.program.get_or_init(|| {
            let digest = self.files.digest(Path::new("/proc/self/exe"));
            digest.map_err(|error| WithCauses(&error).to_string())
        });
        digest.clone().map_err(|reason| {
            let reason = format!("cannot be part of a cache key: {reason}");
            Failure::permanent(FailureKind::Encoding { reason })
        })
    }
}

/// Files among arguments, each with the hash of what it held.
type Files = Vec<(PathBuf, [u8; 32])>;

/// The exit codes that a call takes as values, as one more argument: to a call that does not, such
/// a value is an error.
fn allowed_exit_codes(header: &Header) -> Option<Argument> {
    let mut codes = header.options()?.allowed_exit_codes.clone();
    codes.sort_unstable();
    codes.dedup();
    let bytes: Vec<u8> = codes.iter().flat_map(|code| code.to_le_bytes()).collect();
    (!codes.is_empty()).then(|| Argument {
        name: EXIT_CODES.to_owned(),
        digest: blake3::hash(&bytes).into(),
    })
}
