use std::ops::RangeInclusive;
use std::time::Duration;

use crate::mpi::MpiSettings;
use crate::pool::PoolRequest;
use crate::provider::BatchSettings;
use crate::transport::LinkSettings;

/// What an executor on blocks of nodes is made of.
#[derive(Clone, Debug)]
pub struct BlocksSettings {
    /// What runs on each node.
    pub pool: PoolRequest,
    /// What MPI applications get; none where the executor runs no MPI.
    pub mpi: Option<MpiSettings>,
    /// What a block is asked for with.
    pub batch: BatchSettings,
    /// Blocks asked for at the start.
    pub init_blocks: u32,
    /// Blocks kept even when idle.
    pub min_blocks: u32,
    /// The most blocks at once.
    pub max_blocks: u32,
    /// Blocks per waiting work that would fill one: 1 for all it takes, 0 for one at a time.
    pub parallelism: f64,
    /// How long a block may be idle before it is given back.
    pub max_idletime: Duration,
    /// How often the scheduler is asked about blocks, while there is something to ask.
    pub poll_interval: Duration,
    /// Host names or addresses under which nodes reach this process; found out if empty.
    pub address: Vec<String>,
    /// The network interface whose address the nodes are told.
    pub interface: Option<String>,
    /// The ports that may be listened on; any if not given.
    pub port: Option<RangeInclusive<u16>>,
    /// The times of the connections to the nodes.
    pub link: LinkSettings,
    /// What agents log, as `debug`, if that was said.
    pub log: Option<String>,
}
