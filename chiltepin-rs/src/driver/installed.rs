use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use chiltepin_executors::{AttemptId, Capacity, Demand, Executor, LazyFolder, TaskId};
use parking_lot::RwLock;

use super::Recorder;
use super::lock::Payload;
#[cfg(feature = "records")]
use super::recording::Recording;
use crate::kernel::{ExecutorId, ExecutorSet, LabelId};
use crate::retries::Retries;

/// An executor of the workflow, or the reason why one of that name is none.
pub(crate) struct Installed {
    pub(crate) name: Arc<str>,
    pub(crate) state: Result<Arc<dyn Executor>, String>,
    /// How often failed attempts are repeated there, if it says so.
    pub(crate) retries: Option<Retries>,
    /// How many workers a task may lose there.
    pub(super) crash_limit: u32,
    bound: RwLock<Bound>,
    /// How often it was to be told of waiting work since somebody began to tell it.
    pub(super) to_tell: AtomicU32,
}

/// The most room one place of an executor ever has, or why it runs nothing any more.
pub(super) type Bound = Result<Capacity, Arc<str>>;

/// Why an executor is none for a task.
pub(super) enum Misfit {
    /// It runs nothing, for this reason.
    Unavailable(Arc<str>),
    /// This is all it has.
    TooSmall(Capacity),
}

impl Installed {
    /// An executor of which one place has at most `largest`, or why there is none.
    pub(crate) fn new(
        name: &str,
        state: Result<Arc<dyn Executor>, String>,
        largest: Capacity,
        retries: Option<Retries>,
    ) -> Self {
        Self {
            name: Arc::from(name),
            state,
            retries,
            crash_limit: 1,
            bound: RwLock::new(Ok(largest)),
            to_tell: AtomicU32::new(0),
        }
    }

    /// Says how many workers a task may lose there; one if nothing is said.
    pub(crate) fn with_crash_limit(self, crash_limit: u32) -> Self {
        Self {
            crash_limit,
            ..self
        }
    }

    pub(super) fn executor(&self) -> Option<&Arc<dyn Executor>> {
        self.state.as_ref().ok()
    }

    /// Takes in what the executor says of itself; false where that is nothing new. What is broken
    /// stays so.
    pub(super) fn set_bound(&self, bound: Bound) -> bool {
        let mut known = self.bound.write();
        let is_news = known.is_ok() && *known != bound;
        if is_news {
            *known = bound;
        }
        is_news
    }

    /// Whether it can ever run such a task, by its room.
    pub(super) fn fits(&self, demand: &Demand) -> Result<&Arc<dyn Executor>, Misfit> {
        let executor = match &self.state {
            Ok(executor) => executor,
            Err(reason) => return Err(Misfit::Unavailable(Arc::from(&**reason))),
        };
        match &*self.bound.read() {
            Ok(largest) if largest.fits(demand) => Ok(executor),
            Ok(largest) => Err(Misfit::TooSmall(*largest)),
            Err(reason) => Err(Misfit::Unavailable(Arc::clone(reason))),
        }
    }

    /// The most room one place of it ever has, if it runs anything.
    pub(super) fn largest(&self) -> Option<Capacity> {
        self.bound.read().as_ref().ok().copied()
    }

    /// Why it runs nothing, if it does not.
    pub(super) fn unavailable(&self) -> Option<String> {
        match &self.state {
            Ok(_) => Some(self.bound.read().as_ref().err()?.to_string()),
            Err(reason) => Some(reason.clone()),
        }
    }
}

/// What a workflow's settings say of every call.
pub(crate) struct Settings {
    /// Where a call may go that names no executor; none for everywhere.
    pub(crate) executors: Option<Vec<String>>,
    pub(crate) retries: Retries,
    pub(crate) labels: Labels,
    pub(crate) run_folder: LazyFolder,
    /// Whether some executor keeps accounts of its attempts, so that the time of each submit is
    /// looked up.
    pub(crate) accounts: bool,
    /// Where the jitter of retries comes from.
    pub(crate) seed: u64,
    /// Where results of cached tasks are looked for and kept, if anywhere.
    pub(crate) results: Option<Arc<dyn Results>>,
    /// Which arguments the recorder is told, if any.
    #[cfg(feature = "records")]
    pub(crate) recording: Option<Recording>,
    /// Who is told what happens, if anybody.
    pub(crate) recorder: Option<Arc<dyn Recorder>>,
}

/// Where results of tasks outlive their run. Each of these returns at once; the driver is told the
/// answer later, from another thread.
pub(crate) trait Results: Send + Sync {
    /// Looks for the result of a task that is about to run, and tells the driver by
    /// [`looked`](super::Driver::looked).
    fn look(&self, id: TaskId, task: Payload);

    /// Keeps the result of a task whose attempt has run well, and tells the driver by
    /// [`kept`](super::Driver::kept) once it outlives the process, or cannot.
    fn keep(&self, attempt: AttemptId, task: Payload);

    /// Is told that a task has ended that was looked for.
    fn ended(&self, task: &Payload);

    /// What the program asks.
    #[cfg(feature = "records")]
    fn handle(&self) -> crate::cache::Cache;

    /// How many results were there so far.
    fn counts(&self) -> CacheCounts;
}

/// What became of the looks for results so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CacheCounts {
    /// Those that were there.
    pub(crate) found: u64,
    /// Those that were not.
    pub(crate) computed: u64,
}

/// The labels that have limits.
#[derive(Default)]
pub(crate) struct Labels {
    ids: BTreeMap<String, LabelId>,
    limits: Vec<u32>,
}

impl Labels {
    pub(crate) fn new(limits: &BTreeMap<String, u32>) -> Self {
        let ids = limits
            .keys()
            .cloned()
            .zip((0..=u16::MAX).map(LabelId))
            .collect();
        Self {
            ids,
            limits: limits.values().copied().collect(),
        }
    }

    pub(crate) fn limits(&self) -> &[u32] {
        &self.limits
    }

    pub(crate) fn id(&self, label: &str) -> Option<LabelId> {
        self.ids.get(label).copied()
    }

    pub(crate) fn name(&self, id: LabelId) -> Option<&str> {
        self.ids.keys().nth(usize::from(id.0)).map(String::as_str)
    }
}

impl ExecutorSet {
    pub(crate) fn insert(&mut self, executor: ExecutorId) {
        self.0 |= 1 << executor.0;
    }

    /// Those in it, in order of their ids.
    pub(crate) fn iter(self) -> impl Iterator<Item = ExecutorId> {
        (0..64)
            .map(ExecutorId)
            .filter(move |executor| self.0 & (1 << executor.0) != 0)
    }

    pub(crate) const fn contains(self, executor: ExecutorId) -> bool {
        executor.0 < 64 && self.0 & (1 << executor.0) != 0
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}
