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
use std::time::{Duration, Instant, SystemTime};

use chiltepin_executors::causes::WithCauses;
use chiltepin_executors::{Failure, FailureKind, TaskId};
use parking_lot::Mutex;

use super::in_flight::InFlight;
use super::queue::Queue;
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
    queue: Queue<Job>,
    in_flight: Mutex<InFlight<Job>>,
    found: AtomicU64,
    computed: AtomicU64,
    /// It was said that nothing is kept.
    has_warned: AtomicBool,
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

/// A job that takes so long is slow: those taken with it are not left behind it.
const SLOW: Duration = Duration::from_micros(200);

/// What came of looks, to be told.
#[derive(Default)]
struct Answers {
    driver: Option<Arc<Driver>>,
    answers: Vec<(TaskId, bool)>,
}

impl Answers {
    fn add(&mut self, driver: &Arc<Driver>, id: TaskId, is_there: bool) {
        // All tasks of a cache are of one workflow.
        self.driver.get_or_insert_with(|| Arc::clone(driver));
        self.answers.push((id, is_there));
    }

    fn tell(&mut self) {
        if let Some(driver) = &self.driver
            && !self.answers.is_empty()
        {
            driver.looked(self.answers.drain(..));
        }
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
            queue: Queue::default(),
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
        self.shared.queue.close();
    }
}

impl Shared {
    fn push(self: &Arc<Self>, jobs: impl IntoIterator<Item = Job>) {
        if self.queue.push(jobs) {
            self.start_thread();
        }
    }

    fn start_thread(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        let started = std::thread::Builder::new()
            .name("chiltepin-look".to_owned())
            .spawn(move || shared.work());
        if let Err(error) = started {
            tracing::warn!(%error, "cannot start a thread for the cache");
            if self.queue.thread_is_gone() {
                // Nobody else would.
                while let Some(jobs) = self.queue.take_now() {
                    self.perform_all(jobs);
                }
            }
        }
    }

    /// Does what is queued until the cache is dropped.
    fn work(&self) {
        while let Some(jobs) = self.queue.take() {
            self.perform_all(jobs);
        }
    }

    /// Does some jobs, and tells the driver at once what came of quick looks: each time that it is
    /// told something takes its lock, for which those wait who submit.
    fn perform_all(&self, mut jobs: VecDeque<Job>) {
        let mut answers = Answers::default();
        while let Some(job) = jobs.pop_front() {
            let start = Instant::now();
            self.perform(job, &mut answers);
            if start.elapsed() >= SLOW {
                answers.tell();
                // Another thread may be free for them.
                self.queue.give_back(&mut jobs);
            }
        }
        answers.tell();
    }

    fn perform(&self, job: Job, answers: &mut Answers) {
        let Job { kind, id, task } = job;
        let Some(driver) = task.header().driver() else {
            return;
        };
        match kind {
            JobKind::Look => match self.look(id, &task) {
                Looked::There => answers.add(driver, id, true),
                Looked::NotThere => answers.add(driver, id, false),
                Looked::Waits => {}
            },
            JobKind::Keep => match self.entry(&task) {
                Some((store, entry)) => {
                    let name = task.header().name().to_owned();
                    let driver = Arc::clone(driver);
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
        self.queue.give_back(&mut waiting.into());
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
