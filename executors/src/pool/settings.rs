use std::time::Duration;

use super::NodeGpus;
use crate::{Capacity, LazyFolder};

/// What a pool of worker processes is made of.
#[derive(Clone, Debug)]
pub struct PoolSettings {
    /// The executor's name, which its workers bear with a number.
    pub name: String,
    /// Workers kept even when idle.
    pub min_workers: u32,
    /// Workers started with the pool, before anything is asked of it.
    pub init_workers: u32,
    /// The most workers at once.
    pub max_workers: u32,
    /// Synchronous bodies that one worker runs at once.
    pub threads_per_worker: u32,
    /// Cores each worker has to itself.
    pub cores_per_worker: u32,
    /// GPUs each worker has to itself.
    pub gpus_per_worker: u32,
    /// Cores of the node; at least what the workers have.
    pub cores: u32,
    /// Memory of the node in bytes.
    pub memory: u64,
    /// The GPUs that the node was granted.
    pub gpus: NodeGpus,
    /// Async bodies that one worker runs at once.
    pub max_async: u32,
    /// Whether each worker is bound to cores of its own.
    pub bind_cores: bool,
    /// How long a worker may be idle before it is given back.
    pub max_idletime: Duration,
    /// How many workers one task may lose before it fails.
    pub crash_limit: u32,
    /// How long what was told to stop may take before it is killed.
    pub kill_grace: Duration,
    /// The most bytes of a value that travels inline.
    pub largest_value: usize,
    /// Shell lines that run once, in the shell that becomes the workers' parent.
    pub environment: Vec<String>,
    /// Variables set for the workers.
    pub variables: Vec<(String, String)>,
    /// Variables of this process that neither workers nor commands are to see.
    pub removed_variables: Vec<String>,
    /// Variables set for workers and commands alike, before the environment lines run.
    pub common_variables: Vec<(String, String)>,
    /// The words put before what starts the workers.
    pub prefix: Vec<String>,
    /// Where the workers' output files are made, when the first one starts.
    pub output_folder: LazyFolder,
}

impl PoolSettings {
    /// Cores that a synchronous body takes at least: its part of its worker's.
    pub(super) fn share(&self) -> u32 {
        (self.cores_per_worker / self.threads_per_worker.max(1)).max(1)
    }

    /// Synchronous bodies that all workers run at once.
    pub(super) fn slots(&self) -> u32 {
        self.max_workers.saturating_mul(self.threads_per_worker)
    }

    /// The room for tasks on the node.
    pub(crate) fn capacity(&self) -> Capacity {
        Capacity {
            async_bodies: self.max_workers.saturating_mul(self.max_async),
            cores: self.cores.max(self.slots().saturating_mul(self.share())),
            memory: self.memory,
            gpus: u32::try_from(self.gpus.count()).unwrap_or(u32::MAX),
        }
    }
}
