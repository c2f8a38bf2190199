use std::time::Duration;

use chiltepin_executors::pool::PoolRequest;

use crate::process::LONG;

/// A pool of one set of two workers, of one core each.
pub(crate) fn request() -> PoolRequest {
    PoolRequest {
        name: "compute".to_owned(),
        cores_per_node: Some(2),
        memory_per_node: None,
        gpus_per_node: None,
        cores_per_worker: 1,
        gpus_per_worker: 0,
        max_workers_per_node: None,
        threads_per_worker: 1,
        max_async: 16,
        bind_cores: false,
        min_sets: 0,
        init_sets: 0,
        max_sets: 1,
        max_idletime: LONG,
        crash_limit: 2,
        kill_grace: Duration::from_secs(20),
        largest_value: 32 << 20,
        environment: Vec::new(),
        variables: Vec::new(),
        prefix: Vec::new(),
    }
}
