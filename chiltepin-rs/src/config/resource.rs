use std::ops::RangeInclusive;
use std::time::Duration;

use super::keys::PROVIDER_NAMES;
use super::nearest::nearest;
use crate::retries::Retries;

/// The name of the resource that is there without being configured.
pub const LOCAL: &str = "local";

/// A place where tasks run, under the name that calls use: `.on("compute")`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Resource {
    /// Its name.
    pub name: String,
    /// How it is come by, and all that depends on that.
    pub provider: Provider,
    /// The words put before what is started there: each command on threads, elsewhere what
    /// starts the workers. `["apptainer", "exec", "model.sif"]` runs them in a container.
    pub prefix: Vec<String>,
    /// How often a task that failed there is tried again; as the workflow says if not given.
    pub retries: Option<Retries>,
    /// How long a process that was told to stop may take before it is killed.
    pub kill_grace: Duration,
}

/// How a resource is come by.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Provider {
    /// Threads of the program itself.
    Threads(Threads),
    /// Worker processes on this machine.
    Localhost(Pool),
    /// Blocks of nodes from Slurm.
    Slurm(Batch),
    /// Blocks of nodes from PBS Pro.
    PbsPro(Batch),
    /// A Globus Compute endpoint, which Chiltepin's files may name.
    GlobusCompute {
        /// The endpoint's UUID.
        endpoint: String,
        /// What the endpoint is asked to provide.
        described: Box<Provider>,
    },
    /// A provider that this version does not know.
    Unknown {
        /// Its name.
        name: String,
    },
}

/// Threads of the program itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Threads {
    /// How many synchronous bodies and commands of one core run at once.
    pub max_threads: usize,
    /// How many async bodies are under way at once.
    pub max_async: u32,
    /// The bytes of memory that calls may ask for, together; no bound if not given.
    pub memory: Option<u64>,
    /// The GPUs that calls may ask for, together.
    pub gpus: u32,
}

impl Default for Threads {
    /// As many threads as the process has cores by its affinity mask and its control group.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            max_threads: cores,
            max_async: 256,
            memory: None,
            gpus: 0,
        }
    }
}

/// Worker processes, and the blocks of nodes they live on.
///
/// On `localhost` a block is one set of workers on this machine.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Pool {
    /// What MPI applications get; none where the resource runs no MPI.
    pub mpi: Option<Mpi>,
    /// Shell lines run on each node before its workers start.
    pub environment: Vec<String>,
    /// Cores of a node; as many as the node turns out to have if not given.
    pub cores_per_node: Option<u32>,
    /// Bytes of memory of a node.
    pub memory_per_node: Option<u64>,
    /// GPUs of a node.
    pub gpus_per_node: Option<u32>,
    /// Cores each worker has to itself.
    pub cores_per_worker: u32,
    /// GPUs each worker has to itself.
    pub gpus_per_worker: u32,
    /// The most workers on a node; as many as its cores carry if not given.
    pub max_workers_per_node: Option<u32>,
    /// Synchronous bodies that one worker runs at once, each on a thread of its own.
    pub threads_per_worker: u32,
    /// Async bodies that one worker has under way at once.
    pub max_async: u32,
    /// Whether each worker is bound to cores of its own.
    pub cpu_affinity: bool,
    /// How many workers one task may lose before it fails.
    pub crash_limit: u32,
    /// The most bytes of an argument or a result that travels inline.
    pub max_inline_value: u64,
    /// Blocks asked for at the start.
    pub init_blocks: u32,
    /// Blocks kept even when idle.
    pub min_blocks: u32,
    /// The most blocks at once.
    pub max_blocks: u32,
    /// Blocks per waiting work that would fill one: 1 for all it takes, 0 for one at a time.
    pub parallelism: f64,
    /// How long a block, or a worker, may be idle before it is given back.
    pub max_idletime: Duration,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            mpi: None,
            environment: Vec::new(),
            cores_per_node: None,
            memory_per_node: None,
            gpus_per_node: None,
            cores_per_worker: 1,
            gpus_per_worker: 0,
            max_workers_per_node: None,
            threads_per_worker: 1,
            max_async: 256,
            cpu_affinity: false,
            crash_limit: 3,
            max_inline_value: 64 << 20,
            init_blocks: 0,
            min_blocks: 0,
            max_blocks: 1,
            parallelism: 1.0,
            max_idletime: Duration::from_secs(120),
        }
    }
}

/// How MPI applications run on a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mpi {
    /// The most applications at once in a block.
    pub max_apps: u32,
    /// The program that starts them: `srun`, `mpiexec`, `mpirun`, `aprun`.
    pub launcher: String,
    /// Words given to the launcher before all others.
    pub launcher_options: Vec<String>,
    /// Nodes of a block; on `localhost` as many as this machine stands for.
    pub nodes_per_block: u32,
}

impl Mpi {
    /// One application at a time, started by `launcher`.
    pub(super) fn with_launcher(launcher: &str) -> Self {
        Self {
            max_apps: 1,
            launcher: launcher.to_owned(),
            launcher_options: Vec::new(),
            nodes_per_block: 1,
        }
    }
}

/// Blocks of nodes from a batch scheduler.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Batch {
    /// What runs on the nodes, and how many blocks there are.
    pub pool: Pool,
    /// Nodes of a block.
    pub nodes_per_block: u32,
    /// Whether a block has its nodes to itself.
    pub exclusive: bool,
    /// Slurm's partition.
    pub partition: Option<String>,
    /// Slurm's quality of service, or the queue of PBS.
    pub queue: Option<String>,
    /// Who pays.
    pub account: Option<String>,
    /// How long a block lasts, in whole seconds.
    pub walltime: Duration,
    /// Options for the head of the batch script, such as `--constraint=gpu`.
    pub scheduler_options: Vec<String>,
    /// Where the nodes come from.
    pub allocation: Allocation,
    /// How often the scheduler is asked about blocks.
    pub poll_interval: Duration,
    /// Host names or addresses under which the nodes reach this program, tried in turn; found
    /// out if empty.
    pub address: Vec<String>,
    /// The network interface whose address the nodes are told.
    pub interface: Option<String>,
    /// The ports that may be listened on; any if not given.
    pub port: Option<RangeInclusive<u16>>,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            pool: Pool::default(),
            nodes_per_block: 1,
            exclusive: true,
            partition: None,
            queue: None,
            account: None,
            walltime: Duration::from_secs(600),
            scheduler_options: Vec::new(),
            allocation: Allocation::New,
            poll_interval: Duration::from_secs(30),
            address: Vec::new(),
            interface: None,
            port: None,
        }
    }
}

/// Where the nodes of a block come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Allocation {
    /// From a batch job of its own.
    #[default]
    New,
    /// From the job that the program itself runs in.
    Current,
}

impl Resource {
    /// The resource of this name and provider, all else at its default.
    pub(super) fn new(name: &str, provider: Provider) -> Self {
        Self {
            name: name.to_owned(),
            provider,
            prefix: Vec::new(),
            retries: None,
            kill_grace: Duration::from_secs(10),
        }
    }

    /// Why a task sent to this resource must be refused and what to do instead; `None` if the
    /// resource can be used.
    #[must_use]
    pub fn unavailable(&self) -> Option<String> {
        let name = &self.name;
        let (what, cure) = match &self.provider {
            Provider::Threads(_) | Provider::Localhost(_) => return None,
            Provider::Slurm(_) | Provider::PbsPro(_) if cfg!(feature = "cluster") => return None,
            Provider::Slurm(_) | Provider::PbsPro(_) => (
                format!("blocks of nodes (provider `{}`)", self.provider.name()),
                "build it with the crate's feature `cluster`, which is on by default".to_owned(),
            ),
            Provider::GlobusCompute { endpoint, .. } => (
                format!("the Globus Compute endpoint `{endpoint}`"),
                "run the program on the endpoint's own system, with a resource that names no \
                 `endpoint`"
                    .to_owned(),
            ),
            Provider::Unknown { name: provider } => {
                let cure = match nearest(provider, PROVIDER_NAMES) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("the providers are `{}`", PROVIDER_NAMES.join("`, `")),
                };
                return Some(format!(
                    "resource `{name}` has the provider `{provider}`, which this version does \
                     not know; {cure}"
                ));
            }
        };
        Some(format!(
            "resource `{name}` needs {what}, which this program cannot use; {cure}"
        ))
    }
}

impl Provider {
    /// The provider's name as a file gives it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Threads(_) => "threads",
            Self::Localhost(_) => "localhost",
            Self::Slurm(_) => "slurm",
            Self::PbsPro(_) => "pbspro",
            Self::GlobusCompute { described, .. } => described.name(),
            Self::Unknown { name } => name,
        }
    }
}
