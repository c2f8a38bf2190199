//! Makes the executors that a configuration names, or notes why one cannot be used.

use std::path::Path;
use std::sync::Arc;

use chiltepin_executors::pool::{NodeGpus, PoolSettings, Processes};
use chiltepin_executors::threads::{Runners, Threads, ThreadsSettings};
use chiltepin_executors::{Capacity, Executor, machine_memory};
use tokio::runtime::Handle;

use crate::config::{self, LogLevel, Provider, Resource};
use crate::driver::Installed;
use crate::environment;

/// What executors are made with.
pub(super) struct Ground<'a> {
    pub(super) handle: &'a Handle,
    /// The threads of the runtime.
    pub(super) threads: usize,
    /// The folder of the run.
    pub(super) run_folder: &'a Path,
    /// What is logged, if that was said.
    pub(super) log_level: Option<LogLevel>,
}

type Made = Result<(Arc<dyn Executor>, Capacity), String>;

impl Ground<'_> {
    /// Starts what a resource's tasks run on, or notes why they cannot.
    pub(super) fn install(&self, resource: &Resource) -> Installed {
        let made = match (&resource.provider, resource.unavailable()) {
            (_, Some(reason)) => Err(reason),
            (Provider::Threads(threads), None) => Ok(self.threads(resource, threads)),
            (Provider::Localhost(pool), None) => self.processes(resource, pool),
            // What is available is one of the above.
            (provider, None) => Err(format!("no executor for `{}`", provider.name())),
        };
        let (state, largest) = match made {
            Ok((executor, largest)) => (Ok(executor), largest),
            Err(reason) => (Err(reason), Capacity::UNBOUNDED),
        };
        Installed {
            name: Arc::from(&*resource.name),
            state,
            largest,
            retries: resource.retries,
        }
    }

    /// Where the bodies of joins run: in the driver, any number at once.
    pub(super) fn joins(&self) -> Installed {
        let runners = Runners::new(self.handle.clone(), self.threads);
        Installed {
            name: Arc::from("driver"),
            state: Ok(Arc::new(runners)),
            largest: Capacity::UNBOUNDED,
            retries: None,
        }
    }

    fn threads(
        &self,
        resource: &Resource,
        threads: &config::Threads,
    ) -> (Arc<dyn Executor>, Capacity) {
        let settings = ThreadsSettings {
            name: resource.name.clone(),
            max_threads: u32::try_from(threads.max_threads).unwrap_or(u32::MAX),
            max_async: threads.max_async,
            memory: threads.memory.unwrap_or_else(machine_memory),
            gpus: threads.gpus,
            kill_grace: resource.kill_grace,
            prefix: resource.prefix.clone(),
        };
        let executor = Threads::new(&settings, self.handle.clone(), self.threads);
        let largest = executor.offer().unwrap_or(Capacity::UNBOUNDED);
        (Arc::new(executor), largest)
    }

    fn processes(&self, resource: &Resource, pool: &config::Pool) -> Made {
        let settings = self.pool_settings(resource, pool)?;
        let executor = Processes::new(settings, self.handle.clone()).map_err(|error| {
            format!(
                "resource `{}` needs worker processes: {error}",
                resource.name
            )
        })?;
        let largest = executor.largest();
        Ok((Arc::new(executor), largest))
    }

    /// Tells workers what to log.
    fn log_variable(&self) -> Option<(String, String)> {
        let level = self.log_level?;
        Some((environment::LOG.name.to_owned(), level.to_string()))
    }

    fn pool_settings(
        &self,
        resource: &Resource,
        pool: &config::Pool,
    ) -> Result<PoolSettings, String> {
        let available = std::thread::available_parallelism().map_or(1, usize::from);
        let cores = pool
            .cores_per_node
            .unwrap_or_else(|| u32::try_from(available).unwrap_or(u32::MAX));
        let gpus = NodeGpus::granted(environment::gpu_variable, pool.gpus_per_node);
        let per_block = pool
            .max_workers_per_node
            .unwrap_or_else(|| (cores / pool.cores_per_worker).max(1));
        let by_gpus = u32::try_from(gpus.workers(pool.gpus_per_worker)).unwrap_or(u32::MAX);
        if by_gpus == 0 {
            return Err(format!(
                "resource `{}` gives {} to each worker (`gpus_per_worker`), and this machine has \
                 {}; set `gpus_per_node` if that is wrong",
                resource.name,
                gpus_in_words(pool.gpus_per_worker as usize),
                gpus_in_words(gpus.count()),
            ));
        }
        // A block is one set of workers on this machine.
        let workers = |blocks: u32| per_block.saturating_mul(blocks).min(by_gpus);
        let max_workers = workers(pool.max_blocks.max(1));
        Ok(PoolSettings {
            name: resource.name.clone(),
            min_workers: workers(pool.min_blocks),
            init_workers: workers(pool.init_blocks),
            max_workers,
            threads_per_worker: pool.threads_per_worker,
            cores_per_worker: pool.cores_per_worker,
            gpus_per_worker: pool.gpus_per_worker,
            cores,
            memory: pool.memory_per_node.unwrap_or_else(machine_memory),
            gpus,
            max_async: pool.max_async,
            bind_cores: pool.cpu_affinity,
            max_idletime: pool.max_idletime,
            crash_limit: pool.crash_limit,
            kill_grace: resource.kill_grace,
            largest_value: usize::try_from(pool.max_inline_value).unwrap_or(usize::MAX),
            environment: pool.environment.clone(),
            variables: self.log_variable().into_iter().collect(),
            prefix: resource.prefix.clone(),
            output_folder: self.run_folder.join("workers"),
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
