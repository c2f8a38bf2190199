use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use chiltepin_executors::{Capacity, Executor};

use crate::kernel::{ExecutorId, ExecutorSet, LabelId};

/// An executor of the workflow, or the reason why one of that name is none.
pub(crate) struct Installed {
    pub(crate) name: Arc<str>,
    pub(crate) state: Result<Arc<dyn Executor>, String>,
    /// The most room one place of it ever has.
    pub(crate) largest: Capacity,
    /// How often failed attempts are repeated there, if it says so.
    pub(crate) retries: Option<u32>,
}

/// What a workflow's settings say of every call.
pub(crate) struct Settings {
    /// Where a call may go that names no executor; none for everywhere.
    pub(crate) executors: Option<Vec<String>>,
    pub(crate) retries: u32,
    pub(crate) labels: Labels,
    pub(crate) run_folder: PathBuf,
    /// Whether some executor keeps accounts of its attempts, so that the time of each submit is
    /// looked up.
    pub(crate) accounts: bool,
    /// Where the jitter of retries comes from.
    pub(crate) seed: u64,
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

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}
