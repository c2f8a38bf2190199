use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// What blocks of an executor are asked for with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchSettings {
    /// Nodes of a block.
    pub nodes: u32,
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
    /// Cores of a node, if they are asked for.
    pub cores_per_node: Option<u32>,
    /// Bytes of memory of a node, if they are asked for.
    pub memory_per_node: Option<u64>,
    /// GPUs of a node, if they are asked for.
    pub gpus_per_node: Option<u32>,
    /// Options for the head of the script.
    pub scheduler_options: Vec<String>,
    /// Shell lines that run at the head of the block, before its agents start.
    pub environment: Vec<String>,
    /// The words put before the agent.
    pub prefix: Vec<String>,
    /// Where the driver works, which is where the block does.
    pub directory: PathBuf,
}

impl Default for BatchSettings {
    /// One node for ten minutes, and nothing else said.
    fn default() -> Self {
        Self {
            nodes: 1,
            exclusive: true,
            partition: None,
            queue: None,
            account: None,
            walltime: Duration::from_secs(600),
            cores_per_node: None,
            memory_per_node: None,
            gpus_per_node: None,
            scheduler_options: Vec::new(),
            environment: Vec::new(),
            prefix: Vec::new(),
            directory: PathBuf::from("/"),
        }
    }
}

/// One block to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockRequest {
    /// The job's name, which no other job has that this user has ever asked for: it is what a job is
    /// known by when nobody could hear its number. Letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// The block's number within its executor.
    pub block: u32,
    /// What its agents are told they are, in a file that nobody else can read.
    pub claim: PathBuf,
    /// The program that its agents are started from, and its arguments.
    pub program: PathBuf,
    /// The program's arguments.
    pub arguments: Vec<OsString>,
    /// Where the script is written to.
    pub script: PathBuf,
    /// Where the job's output goes.
    pub output: PathBuf,
    /// Nodes that are not to be given.
    pub exclude: Vec<String>,
}
