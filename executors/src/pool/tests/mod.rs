//! The pool's state against a model of workers that run, fail, are killed and give calls back.

mod check;
mod model;
mod random;
mod rules;

use std::path::PathBuf;
use std::time::Duration;

use super::{NodeGpus, PoolSettings};
use crate::LazyFolder;

fn settings(max_workers: u32) -> PoolSettings {
    PoolSettings {
        name: "compute".to_owned(),
        min_workers: 0,
        init_workers: 0,
        max_workers,
        threads_per_worker: 1,
        cores_per_worker: 1,
        gpus_per_worker: 0,
        cores: max_workers,
        memory: 1 << 30,
        gpus: NodeGpus::granted(|_| None, Some(0)),
        max_async: 4,
        bind_cores: false,
        max_idletime: Duration::from_secs(60),
        crash_limit: 3,
        kill_grace: Duration::from_secs(10),
        largest_value: 1 << 20,
        environment: Vec::new(),
        variables: Vec::new(),
        prefix: Vec::new(),
        removed_variables: Vec::new(),
        common_variables: Vec::new(),
        output_folder: LazyFolder::at(PathBuf::new()),
    }
}
