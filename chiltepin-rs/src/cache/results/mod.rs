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

mod answers;
mod keeping;
mod looking;

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use chiltepin_executors::causes::WithCauses;
use chiltepin_executors::panic::catch;
use chiltepin_executors::{AttemptId, TaskId};
use parking_lot::Mutex;

use super::in_flight::InFlight;
use super::queue::Queue;
use super::{Cache, Store, StoreSettings};
use crate::config::CacheMode;
use crate::driver::{CacheCounts, Payload, Results};
use crate::file::FileHashes;
use crate::log::warn;
use answers::Answers;
use keeping::TellsKept;
use looking::Looked;

/// The cache, as the driver sees it.
pub(crate) struct CachedResults {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    settings: CacheSettings,
    /// Opened when something is looked for, or why it cannot be.
    store: OnceLock<Result<Store, String>>,
    files: FileHashes,
    /// The hash of the program that runs, where that counts, or why there is none.
    program: OnceLock<Result<[u8; 32], String>>,
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
    Keep {
        /// The one that did well.
        attempt: u32,
    },
}

impl Job {
    /// Answers as if nothing were there, and nothing to be kept.
    fn give_up(&self, answers: &mut Answers) {
        if let Some(driver) = self.task.header().driver() {
            match self.kind {
                JobKind::Look => answers.add(driver, self.id, false),
                JobKind::Keep { .. } => driver.kept(self.id),
            }
        }
    }
}

/// A job that takes so long is slow: those taken with it are not left behind it.
const SLOW: Duration = Duration::from_micros(200);

/// Where results are, and whose they are.
pub(crate) struct CacheSettings {
    pub(crate) store: StoreSettings,
    /// What of the program counts for its functions' results.
    pub(crate) mode: CacheMode,
    /// The name of the run.
    pub(crate) run: String,
}

impl CachedResults {
    pub(crate) fn new(settings: CacheSettings) -> Self {
        let shared = Shared {
            settings,
            store: OnceLock::new(),
            files: FileHashes::default(),
            program: OnceLock::new(),
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

    fn keep(&self, attempt: AttemptId, task: Payload) {
        self.shared.push([Job {
            kind: JobKind::Keep {
                attempt: attempt.attempt,
            },
            id: attempt.task,
            task,
        }]);
    }

    fn ended(&self, task: &Payload) {
        if let Some(kept_as) = task.header().kept_as() {
            self.shared.release(&kept_as.key, task.header().id());
        }
    }

    fn handle(&self) -> Cache {
        Cache::of(Arc::clone(&self.shared))
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
            // Users' code encodes values and is told of warnings, and the last who has a task
            // drops its value: a panic must cost no other task its answer, nor the queue a thread.
            if catch(AssertUnwindSafe(|| self.perform(&job, &mut answers))).is_err() {
                job.give_up(&mut answers);
            }
            let _ = catch(AssertUnwindSafe(|| drop(job)));
            if start.elapsed() >= SLOW {
                answers.tell();
                // Another thread may be free for them.
                self.queue.give_back(&mut jobs);
            }
        }
        answers.tell();
    }

    fn perform(&self, job: &Job, answers: &mut Answers) {
        let Job { kind, id, task } = job;
        let (kind, id) = (*kind, *id);
        let Some(driver) = task.header().driver() else {
            return;
        };
        match kind {
            JobKind::Look => match self.look(id, task) {
                Looked::There => answers.add(driver, id, true),
                Looked::NotThere => answers.add(driver, id, false),
                Looked::Waits => {}
            },
            JobKind::Keep { attempt } => match self.entry(attempt, task) {
                Some((store, entry)) => {
                    Self::remove_failed(attempt, task);
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
        let store = self.opened().ok();
        store.inspect(|store| self.tell_trouble(store))
    }

    /// The store, or why there is none, which is said once.
    pub(super) fn opened(&self) -> Result<&Store, &str> {
        let store = self.store.get_or_init(|| {
            Store::open(&self.settings.store).map_err(|error| {
                let reason = WithCauses(&error).to_string();
                warn(&format!("every task runs, and no result is kept: {reason}"));
                reason
            })
        });
        store.as_ref().map_err(String::as_str)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.settings.store.folder
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
}
