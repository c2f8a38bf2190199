use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::program::{PrivateFolder, Program};

/// What a node's processes are started with.
#[derive(Clone, Debug)]
pub struct NodeSettings {
    /// The executor's name.
    pub executor: String,
    /// Shell lines that run once, before anything is started; each is complete in itself.
    pub environment: Vec<String>,
    /// Variables of this process that nothing of the node is to see.
    pub removed_variables: Vec<String>,
    /// Variables set for all of the node, before the lines run.
    pub variables: Vec<(String, String)>,
    /// The words put before each worker and each command, as those that run it in a container.
    pub prefix: Vec<String>,
    /// How long a command that is told to stop may take, before it is killed.
    pub kill_grace: Duration,
    /// How long the start may take, with all environment lines.
    pub start_timeout: Duration,
    /// The executor's own folder, for sockets and claims.
    pub folder: Arc<PrivateFolder>,
    /// What workers are started from.
    pub program: Arc<Program>,
    /// What `OMP_NUM_THREADS` is set to for workers, unless it is set already.
    pub threads_per_process: u32,
}

impl NodeSettings {
    /// How long a start may take where nothing else is asked for.
    pub const START_TIMEOUT: Duration = Duration::from_secs(60);
}

/// A worker to be started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// Its number within its executor; a number is free again when its worker has exited.
    pub worker: u32,
    /// Variables set for it, beside those it inherits.
    pub environment: Vec<(String, String)>,
    /// The file its stdout is added to.
    pub stdout: PathBuf,
    /// The file its stderr is added to.
    pub stderr: PathBuf,
    /// The CPUs it may use; empty for all there are.
    pub cpus: Vec<u32>,
    /// Where it connects to.
    pub socket: PathBuf,
    /// The file in which it notes what it is doing.
    pub page: PathBuf,
}
