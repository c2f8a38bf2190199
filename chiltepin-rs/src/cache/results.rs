//! What the driver asks of the cache: is the result of this call there, and keep that one.
//!
//! ```text
//!   Look ─► queue ─► arguments to a key ─► another call works it out? wait for its end
//!                                      └─► store: there ─► the value, files put back ─► looked
//!                                              not there ─► looked, and later
//!   Keep ─► queue ─► value and files ─► store ─► durable ─► kept
//! ```
//!
//! A few threads of their own do this: arguments are encoded by users' code, files are read, and the
//! driver must not wait for either.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use chiltepin_executors::causes::WithCauses;
use chiltepin_executors::{Failure, FailureKind, TaskId};
use parking_lot::{Condvar, Mutex};

use super::in_flight::InFlight;
use super::{Argument, CacheKey, Code, Entry, KeptAs, Recipe, Store, StoreSettings, files};
use crate::driver::{CacheCounts, Driver, Payload, Results};
use crate::error::ErrorKind;
use crate::file::FileHashes;
use crate::log::warn;
use crate::task::AnyTask;

/// The cache, as the driver sees it.
pub(crate) struct CachedResults {
    shared: Arc<Shared>,
}

struct Shared {
    settings: CacheSettings,
    /// Opened when something is looked for; none if that cannot be.
    store: OnceLock<Option<Store>>,
    files: FileHashes,
    queue: Mutex<Queue>,
    more: Condvar,
    in_flight: Mutex<InFlight<Job>>,
    found: AtomicU64,
    computed: AtomicU64,
    /// It was said that nothing is kept.
    has_warned: AtomicBool,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    is_closed: bool,
}

#[derive(Clone)]
struct Job {
    kind: JobKind,
    id: TaskId,
    task: Payload,
}

#[derive(Clone, Copy)]
enum JobKind {
    Look,
    Keep,
}

/// Tells the driver that a result is kept as well as it can be, when it is dropped: also where the
/// store's thread is gone, so that the task ends.
struct TellsKept {
    driver: Arc<Driver>,
    id: TaskId,
}

impl Drop for TellsKept {
    fn drop(&mut self) {
        self.driver.kept(self.id);
    }
}

/// What became of a look.
enum Looked {
    There,
    NotThere,
    /// Somebody else works it out, and tells.
    Waits,
}

/// Where results are, and whose they are.
pub(crate) struct CacheSettings {
    pub(crate) store: StoreSettings,
    /// The program's file, where all of it counts for its functions' results.
    pub(crate) program: Option<PathBuf>,
    /// The name of the run.
    pub(crate) run: String,
}

impl CachedResults {
    pub(crate) fn new(settings: CacheSettings) -> Self {
        let shared = Shared {
            settings,
            store: OnceLock::new(),
            files: FileHashes::default(),
            queue: Mutex::default(),
            more: Condvar::new(),
            in_flight: Mutex::default(),
            found: AtomicU64::new(0),
            computed: AtomicU64::new(0),
            has_warned: AtomicBool::new(false),
        };
        Self {
            shared: Arc::new(shared),
        }
    }
}

impl Results for CachedResults {
    fn look(&self, id: TaskId, task: Payload) {
        self.shared.push([Job {
            kind: JobKind::Look,
            id,
            task,
        }]);
    }

    fn keep(&self, id: TaskId, task: Payload) {
        self.shared.push([Job {
            kind: JobKind::Keep,
            id,
            task,
        }]);
    }

    fn ended(&self, task: &Payload) {
        if let Some(kept_as) = task.header().kept_as() {
            self.shared.release(&kept_as.key, task.header().id());
        }
    }

    fn counts(&self) -> CacheCounts {
        CacheCounts {
            found: self.shared.found.load(Ordering::Relaxed),
            computed: self.shared.computed.load(Ordering::Relaxed),
        }
    }
}

impl Drop for CachedResults {
    fn drop(&mut self) {
        self.shared.queue.lock().is_closed = true;
        self.shared.more.notify_all();
    }
}

impl Shared {
    fn push(self: &Arc<Self>, jobs: impl IntoIterator<Item = Job>) {
        let mut queue = self.queue.lock();
        queue.jobs.extend(jobs);
        let most = std::thread::available_parallelism().map_or(2, usize::from);
        let needs_thread = queue.idle == 0 && queue.threads < most;
        queue.threads += usize::from(needs_thread);
        drop(queue);
        self.more.notify_one();
        if needs_thread {
            self.start_thread();
        }
    }

    fn start_thread(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        let started = std::thread::Builder::new()
            .name("chiltepin-look".to_owned())
            .spawn(move || shared.work());
        if let Err(error) = started {
            let mut queue = self.queue.lock();
            queue.threads -= 1;
            let is_last = queue.threads == 0;
            drop(queue);
            tracing::warn!(%error, "cannot start a thread for the cache");
            if is_last {
                // Nobody else would.
                self.work_off();
            }
        }
    }

    /// Does what is queued until the cache is dropped.
    fn work(&self) {
        while let Some(job) = self.next() {
            self.perform(job);
        }
    }

    fn work_off(&self) {
        loop {
            let Some(job) = self.queue.lock().jobs.pop_front() else {
                return;
            };
            self.perform(job);
        }
    }

    fn next(&self) -> Option<Job> {
        let mut queue = self.queue.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if queue.is_closed {
                return None;
            }
            queue.idle += 1;
            self.more.wait(&mut queue);
            queue.idle -= 1;
        }
    }

    fn perform(&self, job: Job) {
        let Job { kind, id, task } = job;
        let Some(driver) = task.header().driver().cloned() else {
            return;
        };
        match kind {
            JobKind::Look => match self.look(id, &task) {
                Looked::There => driver.looked(id, true),
                Looked::NotThere => driver.looked(id, false),
                Looked::Waits => {}
            },
            JobKind::Keep => match self.entry(&task) {
                Some((store, entry)) => {
                    let name = task.header().name().to_owned();
                    let tells = TellsKept { driver, id };
                    store.put(entry, move |kept| {
                        if let Err(error) = kept {
                            tracing::debug!(task = name, %error, "its result is not kept");
                        }
                        drop(tells);
                    });
                    self.tell_trouble(store);
                }
                None => driver.kept(id),
            },
        }
    }

    fn store(&self) -> Option<&Store> {
        let store = self.store.get_or_init(|| {
            let opened = Store::open(&self.settings.store);
            let opened = opened.inspect_err(|error| {
                warn(&format!(
                    "every task runs, and no result is kept: {}",
                    WithCauses(error)
                ));
            });
            opened.ok()
        });
        store.as_ref().inspect(|store| self.tell_trouble(store))
    }

    /// Says once that results are not kept.
    fn tell_trouble(&self, store: &Store) {
        if !self.has_warned.load(Ordering::Relaxed)
            && let Some(trouble) = store.trouble()
            && !self.has_warned.swap(true, Ordering::Relaxed)
        {
            warn(&WithCauses(&trouble).to_string());
        }
    }

    fn look(&self, id: TaskId, task: &Payload) -> Looked {
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
        if let Some(directory) = &kept_as.directory
            && let Err(error) = files::empty_directory(directory)
        {
            let directory = directory.display();
            tracing::warn!(%directory, %error, "cannot empty the directory of a cached task");
        }
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
        files::put_back(store, &self.files, task.header(), &found.outputs)
            && task.restore(found.value)
    }

    fn release(self: &Arc<Self>, key: &CacheKey, task: TaskId) {
        let waiting = self.in_flight.lock().end(key, task.number());
        if !waiting.is_empty() {
            self.push(waiting);
        }
    }

    /// The same for who looks, and goes on with what waits by itself.
    fn release_now(&self, key: &CacheKey, task: u64) {
        let waiting = self.in_flight.lock().end(key, task);
        self.queue.lock().jobs.extend(waiting);
    }

    /// What the arguments of a call come down to. They are all there.
    fn kept_as(&self, task: &dyn AnyTask) -> Result<KeptAs, Failure> {
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
        let recipe = Recipe {
            function: info.registered_name().into_owned(),
            version: info.defaults.version.unwrap_or_default().to_owned(),
            code: match &self.settings.program {
                Some(program) => Code::Binary(self.digest_of(program)?),
                None => Code::Body(info.body.to_be_bytes()),
            },
            arguments,
        };
        let mut upstream = Vec::new();
        task.visit_dependencies(&mut |future| {
            let kept_as = future.task().and_then(|task| task.header().kept_as());
            upstream.extend(kept_as.map(|kept_as| kept_as.key));
        });
        let key = recipe.key();
        let directory = header
            .has_fresh_directory()
            .then(|| self.store().map(|store| store.directory(&key)))
            .flatten();
        Ok(KeptAs {
            key,
            recipe,
            upstream,
            directory,
            looked: Instant::now(),
        })
    }

    /// What is to be kept of a task that has run well; nothing if that is not to be had.
    fn entry(&self, task: &Payload) -> Option<(&Store, Entry)> {
        let header = task.header();
        let store = self.store()?;
        let kept_as = header.kept_as()?;
        let not_kept = |reason: &dyn std::fmt::Display| {
            tracing::warn!(task = header.name(), %reason, "its result cannot be kept in the cache");
        };
        let value = match task.encoded_value() {
            Ok(value) => value,
            Err(failure) => {
                not_kept(&ErrorKind::of_failure(failure.kind, None));
                return None;
            }
        };
        let outputs = match files::put(store, header) {
            Ok(outputs) => outputs,
            Err(error) => {
                not_kept(&error);
                return None;
            }
        };
        let entry = Entry {
            key: kept_as.key,
            recipe: kept_as.recipe.clone(),
            value,
            outputs,
            has_directory: kept_as.directory.is_some(),
            upstream: kept_as.upstream.clone(),
            made: SystemTime::now(),
            took: kept_as.looked.elapsed(),
            run: self.settings.run.clone(),
            task: header.name().to_owned(),
        };
        Some((store, entry))
    }

    fn digest_of(&self, program: &Path) -> Result<[u8; 32], Failure> {
        self.files.digest(program).map_err(|error| {
            let reason = format!("cannot be part of a cache key: {}", WithCauses(&error));
            Failure::permanent(FailureKind::Encoding { reason })
        })
    }
}
