//! Makes the executors that a configuration names, or notes why one cannot be used.

use std::sync::Arc;

#[cfg(feature = "cluster")]
use chiltepin_executors::blocks::{Blocks, Rendezvous};
use chiltepin_executors::mpi::{LocalMpi, LocalMpiSettings, MpiSettings, NoLocalMpi};
use chiltepin_executors::pool::{Machine, NodeGpus, PoolRequest, Processes};
use chiltepin_executors::threads::{Runners, Threads, ThreadsSettings};
use chiltepin_executors::{Capacity, Executor, LazyFolder, machine_memory};
use tokio::runtime::Handle;

#[cfg(feature = "cluster")]
use super::cluster;
use crate::config::{self, LogLevel, Provider, Resource};
use crate::driver::Installed;
use crate::environment;

/// What executors are made with.
pub(super) struct Ground<'a> {
    pub(super) handle: &'a Handle,
    /// The threads of the runtime.
    pub(super) threads: usize,
    /// The folder of the run.
    pub(super) run_folder: &'a LazyFolder,
    /// What is logged, if that was said.
    pub(super) log_level: Option<LogLevel>,
    /// Where the nodes of all blocks call.
    #[cfg(feature = "cluster")]
    pub(super) rendezvous: &'a Arc<Rendezvous>,
}

/// What the executor of joins is called.
pub(super) const JOINS: &str = "driver";

type Made = Result<(Arc<dyn Executor>, Capacity), String>;

impl Ground<'_> {
    /// Starts what a resource's tasks run on, or notes why they cannot.
    pub(super) fn install(&self, resource: &Resource) -> Installed {
        let made = match (&resource.provider, resource.unavailable()) {
            (_, Some(reason)) => Err(reason),
            (Provider::Threads(threads), None) => Ok(self.threads(resource, threads)),
            (Provider::Localhost(pool), None) => match &pool.mpi {
                None => self.processes(resource, pool),
                Some(mpi) => self.local_mpi(resource, pool, mpi),
            },
            #[cfg(feature = "cluster")]
            (Provider::Slurm(batch) | Provider::PbsPro(batch), None) => {
                self.blocks(resource, batch)
            }
            // What is available is one of the above.
            (provider, None) => Err(format!("no executor for `{}`", provider.name())),
        };
        let (state, largest) = match made {
            Ok((executor, largest)) => (Ok(executor), largest),
            Err(reason) => (Err(reason), Capacity::UNBOUNDED),
        };
        let crash_limit = match &resource.provider {
            Provider::Localhost(pool) => pool.crash_limit,
            Provider::Slurm(batch) | Provider::PbsPro(batch) => batch.pool.crash_limit,
            _ => 1,
        };
        Installed::new(&resource.name, state, largest, resource.retries.clone())
            .with_crash_limit(crash_limit)
    }

    /// Where the bodies of joins run: in the driver, any number at once.
    pub(super) fn joins(&self) -> Installed {
        let runners = Runners::new(self.handle.clone(), self.threads);
        let state: Result<Arc<dyn Executor>, _> = Ok(Arc::new(runners));
        Installed::new(JOINS, state, Capacity::UNBOUNDED, None)
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
        let request = self.pool_request(resource, pool);
        let settings = request.resolve(&Self::machine(pool), self.run_folder.below("workers"))?;
        let executor = Processes::new(settings, self.handle.clone())
            .map_err(|error| needs_workers(resource, &error))?;
        let largest = executor.largest();
        Ok((Arc::new(executor), largest))
    }

    /// MPI applications on this machine.
    fn local_mpi(&self, resource: &Resource, pool: &config::Pool, mpi: &config::Mpi) -> Made {
        let request = self.pool_request(resource, pool);
        let pool = request.resolve(&Self::machine(pool), self.run_folder.below("workers"))?;
        let settings = LocalMpiSettings {
            mpi: mpi_settings(mpi),
            pool,
            in_slurm: environment::in_slurm(),
        };
        let executor = LocalMpi::new(settings, self.handle.clone());
        let executor = executor.map_err(|error| match error {
            NoLocalMpi::NoWorkers(error) => needs_workers(resource, &error),
            error => format!("resource `{}` runs no MPI: {error}", resource.name),
        })?;
        Ok((Arc::new(executor), Capacity::UNBOUNDED))
    }

    /// Blocks of nodes.
    #[cfg(feature = "cluster")]
    fn blocks(&self, resource: &Resource, batch: &config::Batch) -> Made {
        let provider = cluster::provider(resource, batch).map_err(|error| {
            format!(
                "resource `{}` cannot ask for blocks: {error}",
                resource.name
            )
        })?;
        let pool = PoolRequest {
            // The head of each block's script has run the lines, and its agents are started behind
            // the prefix.
            environment: Vec::new(),
            prefix: Vec::new(),
            ..self.pool_request(resource, &batch.pool)
        };
        let mpi = batch.pool.mpi.as_ref().map(|mpi| MpiSettings {
            nodes_per_block: batch.nodes_per_block,
            ..mpi_settings(mpi)
        });
        let log = self.log_level.map(|level| level.to_string());
        let settings = cluster::blocks_settings(resource, batch, pool, mpi, log);
        let executor = Blocks::open(settings, provider, self.rendezvous, self.handle.clone())
            .map_err(|error| needs_workers(resource, &error))?;
        let largest = executor.largest();
        Ok((Arc::new(executor), largest))
    }

    /// Tells workers what to log.
    fn log_variable(&self) -> Option<(String, String)> {
        let level = self.log_level?;
        Some((environment::LOG.name.to_owned(), level.to_string()))
    }

    /// What this machine has.
    fn machine(pool: &config::Pool) -> Machine {
        let available = std::thread::available_parallelism().map_or(1, usize::from);
        Machine {
            cores: u32::try_from(available).unwrap_or(u32::MAX),
            memory: machine_memory(),
            gpus: NodeGpus::granted(environment::gpu_variable, pool.gpus_per_node),
        }
    }

    fn pool_request(&self, resource: &Resource, pool: &config::Pool) -> PoolRequest {
        PoolRequest {
            name: resource.name.clone(),
            cores_per_node: pool.cores_per_node,
            memory_per_node: pool.memory_per_node,
            gpus_per_node: pool.gpus_per_node,
            cores_per_worker: pool.cores_per_worker,
            gpus_per_worker: pool.gpus_per_worker,
            max_workers_per_node: pool.max_workers_per_node,
            threads_per_worker: pool.threads_per_worker,
            max_async: pool.max_async,
            bind_cores: pool.cpu_affinity,
            // On this machine a block is one set of workers.
            min_sets: pool.min_blocks,
            init_sets: pool.init_blocks,
            max_sets: pool.max_blocks,
            max_idletime: pool.max_idletime,
            crash_limit: pool.crash_limit,
            kill_grace: resource.kill_grace,
            largest_value: pool.max_inline_value,
            environment: pool.environment.clone(),
            variables: self.log_variable().into_iter().collect(),
            prefix: resource.prefix.clone(),
        }
    }
}

fn needs_workers(resource: &Resource, error: &dyn std::error::Error) -> String {
    format!(
        "resource `{}` needs worker processes: {error}",
        resource.name
    )
}

/// How MPI applications are run on a resource.
fn mpi_settings(mpi: &config::Mpi) -> MpiSettings {
    MpiSettings {
        max_apps: mpi.max_apps,
        launcher: mpi.launcher.clone(),
        launcher_options: mpi.launcher_options.clone(),
        nodes_per_block: mpi.nodes_per_block,
    }
}
