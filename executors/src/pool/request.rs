use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{NodeGpus, PoolSettings};
use crate::LazyFolder;

/// What is asked of a pool of worker processes, whatever node it comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolRequest {
    /// The executor's name.
    pub name: String,
    /// Cores of the node; as many as it has if not given.
    pub cores_per_node: Option<u32>,
    /// Bytes of memory of the node; as many as it has if not given.
    pub memory_per_node: Option<u64>,
    /// GPUs of the node, where no variable says which it was granted.
    pub gpus_per_node: Option<u32>,
    /// Cores each worker has to itself.
    pub cores_per_worker: u32,
    /// GPUs each worker has to itself.
    pub gpus_per_worker: u32,
    /// The most workers; as many as the cores carry if not given.
    pub max_workers_per_node: Option<u32>,
    /// Synchronous bodies that one worker runs at once.
    pub threads_per_worker: u32,
    /// Async bodies that one worker runs at once.
    pub max_async: u32,
    /// Whether each worker is bound to cores of its own.
    pub bind_cores: bool,
    /// Sets of workers kept even when idle; 0 or 1 on a node of a block.
    pub min_sets: u32,
    /// Sets of workers started before anything is asked of them.
    pub init_sets: u32,
    /// The most sets of workers at once.
    pub max_sets: u32,
    /// How long a worker may be idle before it is given back.
    pub max_idletime: Duration,
    /// How many workers one task may lose before it fails.
    pub crash_limit: u32,
    /// How long what was told to stop may take before it is killed.
    pub kill_grace: Duration,
    /// The most bytes of a value that travels inline.
    pub largest_value: u64,
    /// Shell lines that run once, in the shell that becomes the workers' parent.
    pub environment: Vec<String>,
    /// Variables set for the workers.
    pub variables: Vec<(String, String)>,
    /// The words put before what starts the workers.
    pub prefix: Vec<String>,
}

/// What a node has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// Cores that may be used.
    pub cores: u32,
    /// Memory in bytes.
    pub memory: u64,
    /// The GPUs it was granted.
    pub gpus: NodeGpus,
}

impl PoolRequest {
    /// The pool on this machine, whose workers write their output to files in the folder.
    ///
    /// # Errors
    /// The machine has too few GPUs for one worker; the reason names the setting.
    pub fn resolve(
        &self,
        machine: &Machine,
        output_folder: LazyFolder,
    ) -> Result<PoolSettings, String> {
        let cores = self.cores_per_node.unwrap_or(machine.cores);
        let gpus = &machine.gpus;
        let per_set = self
            .max_workers_per_node
            .unwrap_or_else(|| (cores / self.cores_per_worker.max(1)).max(1));
        let by_gpus = u32::try_from(gpus.workers(self.gpus_per_worker)).unwrap_or(u32::MAX);
        if by_gpus == 0 {
            return Err(format!(
                "resource `{}` gives {} to each worker (`gpus_per_worker`), and this machine has \
                 {}; set `gpus_per_node` if that is wrong",
                self.name,
                gpus_in_words(self.gpus_per_worker as usize),
                gpus_in_words(gpus.count()),
            ));
        }
        let workers = |sets: u32| per_set.saturating_mul(sets).min(by_gpus);
        Ok(PoolSettings {
            name: self.name.clone(),
            min_workers: workers(self.min_sets),
            init_workers: workers(self.init_sets),
            max_workers: workers(self.max_sets.max(1)),
            threads_per_worker: self.threads_per_worker,
            cores_per_worker: self.cores_per_worker,
            gpus_per_worker: self.gpus_per_worker,
            cores,
            memory: self.memory_per_node.unwrap_or(machine.memory),
            gpus: gpus.clone(),
            max_async: self.max_async,
            bind_cores: self.bind_cores,
            max_idletime: self.max_idletime,
            crash_limit: self.crash_limit,
            kill_grace: self.kill_grace,
            largest_value: usize::try_from(self.largest_value).unwrap_or(usize::MAX),
            environment: self.environment.clone(),
            variables: self.variables.clone(),
            prefix: self.prefix.clone(),
            removed_variables: Vec::new(),
            common_variables: Vec::new(),
            output_folder,
        })
    }
}

fn gpus_in_words(count: usize) -> String {
    match count {
        0 => "no GPUs".to_owned(),
        1 => "1 GPU".to_owned(),
        count => format!("{count} GPUs"),
    }
}
