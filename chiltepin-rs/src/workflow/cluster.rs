//! What a resource on a cluster asks for, in the words of the executors: read off the
//! configuration, nothing else.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use chiltepin_executors::blocks::BlocksSettings;
use chiltepin_executors::mpi::MpiSettings;
use chiltepin_executors::pool::PoolRequest;
use chiltepin_executors::provider::{
    BatchSettings, Commands, Current, Pbs, Provider, ProviderError, Slurm,
};
use chiltepin_executors::transport::LinkSettings;

use crate::config::{self, Allocation, Batch, Resource};
use crate::environment;

/// Where the resource's blocks come from.
pub(crate) fn provider(
    resource: &Resource,
    batch: &Batch,
) -> Result<Arc<dyn Provider>, ProviderError> {
    let commands = Commands::new(environment::variables(), Commands::LIMIT);
    let settings = batch_settings(resource, batch, working_directory());
    Ok(match (batch.allocation, &resource.provider) {
        (Allocation::Current, _) => Arc::new(Current::new(settings, &commands)?),
        (_, config::Provider::PbsPro(_)) => Arc::new(Pbs::new(settings, &commands)),
        _ => Arc::new(Slurm::new(settings, &commands)),
    })
}

/// Where this program works, and so its blocks.
pub(crate) fn working_directory() -> PathBuf {
    env::current_dir().unwrap_or_else(|_| PathBuf::from("/"))
}

/// What the executor of the resource is made of.
pub(super) fn blocks_settings(
    resource: &Resource,
    batch: &Batch,
    pool: PoolRequest,
    mpi: Option<MpiSettings>,
    log: Option<String>,
) -> BlocksSettings {
    BlocksSettings {
        pool: PoolRequest {
            // On each node there is one set of workers, which ends with the node.
            min_sets: 0,
            init_sets: 0,
            max_sets: 1,
            ..pool
        },
        mpi,
        batch: batch_settings(resource, batch, working_directory()),
        init_blocks: batch.pool.init_blocks,
        min_blocks: batch.pool.min_blocks,
        max_blocks: batch.pool.max_blocks,
        parallelism: batch.pool.parallelism,
        max_idletime: batch.pool.max_idletime,
        poll_interval: batch.poll_interval,
        address: batch.address.clone(),
        interface: batch.interface.clone(),
        port: batch.port.clone(),
        link: LinkSettings::default(),
        log,
    }
}

/// What blocks of the resource are asked for with, by a driver that works in this folder.
pub(crate) fn batch_settings(
    resource: &Resource,
    batch: &Batch,
    directory: PathBuf,
) -> BatchSettings {
    let pool = &batch.pool;
    BatchSettings {
        nodes: batch.nodes_per_block,
        exclusive: batch.exclusive,
        partition: batch.partition.clone(),
        queue: batch.queue.clone(),
        account: batch.account.clone(),
        walltime: batch.walltime,
        cores_per_node: pool.cores_per_node,
        memory_per_node: pool.memory_per_node,
        gpus_per_node: pool.gpus_per_node,
        scheduler_options: batch.scheduler_options.clone(),
        environment: pool.environment.clone(),
        prefix: resource.prefix.clone(),
        directory,
    }
}
