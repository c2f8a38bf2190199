use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::runtime::Handle;

use super::flavour::{PATIENCE, name_of};
use super::question::Question;
use super::{AppNode, Apps, AppsEvents, AppsSettings, Launcher, MpiSettings, Swept};
use crate::command::kill_application;
use crate::pool::{NoWorkers, PoolSettings, Processes};
use crate::{Asked, AttemptId, Capacity, Executor, Invocation, Rooms, Work};

/// MPI applications on this machine, which stands for all nodes of a block.
#[derive(Debug)]
pub struct LocalMpi {
    shared: Arc<Shared>,
}

/// What MPI applications on this machine are run with.
#[derive(Clone, Debug)]
pub struct LocalMpiSettings {
    /// How applications are run; the machine stands for as many nodes as a block has.
    pub mpi: MpiSettings,
    /// Where they are run.
    pub pool: PoolSettings,
    /// Whether a Slurm job is around this program.
    pub in_slurm: bool,
}

/// Why MPI applications cannot run on this machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoLocalMpi {
    /// There can be no worker processes.
    #[error(transparent)]
    NoWorkers(#[from] NoWorkers),
    /// The launcher starts ranks by asking Slurm, and there is none.
    #[error(
        "its MPI launcher `{launcher}` works within a Slurm job alone, and there is none around \
         this program; set `mpi_launcher` to `mpiexec`, or `provider` to `slurm`"
    )]
    NoSlurm {
        /// The launcher.
        launcher: String,
    },
}

struct Shared {
    mpi: MpiSettings,
    executor: String,
    pool: Processes,
    apps: Arc<Apps>,
    runtime: Handle,
    rooms: OnceLock<Arc<dyn Rooms>>,
    stage: Mutex<Stage>,
}

/// How far it is on its way to know its launcher.
enum Stage {
    /// Nothing was asked of it.
    Idle,
    /// The launcher is being asked; the folder is for its answer.
    Asking(
        Arc<Question>,
        #[expect(dead_code, reason = "removed when it is dropped")] TempDir,
    ),
    /// It knows, or it knows that it never will.
    Told,
}

/// By this number its block is known; there is no other.
const BLOCK: u32 = 0;

impl LocalMpi {
    /// Starts nothing yet: the first process comes with the first call.
    ///
    /// # Errors
    /// This program cannot have worker processes, or the launcher needs Slurm and there is none.
    pub fn new(settings: LocalMpiSettings, runtime: Handle) -> Result<Self, NoLocalMpi> {
        let LocalMpiSettings {
            mpi,
            mut pool,
            in_slurm,
        } = settings;
        if name_of(&mpi.launcher) == "srun" && !in_slurm {
            return Err(NoLocalMpi::NoSlurm {
                launcher: mpi.launcher,
            });
        }
        // Nodes are given out by the block; here each application needs a place to start from.
        pool.max_workers = mpi.max_apps;
        pool.threads_per_worker = 1;
        pool.cores = pool
            .cores
            .max(mpi.max_apps.saturating_mul(pool.cores_per_worker));
        let executor = pool.name.clone();
        let pool = Processes::new(pool, runtime.clone())?;
        let settings = AppsSettings {
            executor: executor.clone(),
            is_local: true,
            is_root: rustix::process::geteuid().is_root(),
            in_slurm,
            runtime: runtime.clone(),
            events: Arc::new(NobodyAsks),
        };
        let shared = Arc::new(Shared {
            apps: Apps::new(mpi.clone(), settings),
            mpi,
            executor,
            pool,
            runtime,
            rooms: OnceLock::new(),
            stage: Mutex::new(Stage::Idle),
        });
        Ok(Self { shared })
    }
}

/// There are always as many nodes as there are.
struct NobodyAsks;

impl AppsEvents for NobodyAsks {
    fn changed(&self) {}

    /// Never told of the only machine there is.
    fn unclean(&self, _node: u32, _reason: &str) {}
}

#[async_trait]
impl Executor for LocalMpi {
    /// Calls wait for nodes where it is known which are free.
    fn offer(&self) -> Option<Capacity> {
        Some(Capacity::UNBOUNDED)
    }

    fn attach(&self, rooms: Arc<dyn Rooms>) {
        let _ = self.shared.rooms.set(rooms);
    }

    fn tells_begin(&self) -> bool {
        true
    }

    fn admit(&self, asked: &Asked) -> Result<(), String> {
        self.shared.apps.admit(asked)
    }

    fn start(&self, invocation: Invocation) {
        self.shared.begin();
        self.shared.apps.arrive(invocation);
    }

    fn stop(&self, attempt: AttemptId, work: &Arc<dyn Work>) {
        self.shared.apps.stop(attempt, work);
    }

    fn hurry(&self) {
        self.shared.pool.hurry();
    }

    async fn shutdown(&self, grace: Duration) {
        self.shared.stop_asking();
        self.shared.pool.shutdown(grace).await;
    }
}

impl Shared {
    /// Has the launcher asked what it is, once.
    fn begin(self: &Arc<Self>) {
        let mut stage = self.stage.lock();
        if !matches!(*stage, Stage::Idle) {
            return;
        }
        let folder = match tempfile::tempdir() {
            Ok(folder) => folder,
            Err(error) => {
                *stage = Stage::Told;
                drop(stage);
                return self.give_up(&format!("cannot make a temporary folder: {error}"));
            }
        };
        let shared = Arc::downgrade(self);
        let take = move |words| {
            if let Some(shared) = shared.upgrade() {
                shared.told(words);
            }
        };
        let output = folder.path().join("version");
        let question = Question::new(&self.mpi.launcher, output, Box::new(take));
        *stage = Stage::Asking(Arc::clone(&question), folder);
        drop(stage);
        self.pool.start(question.invocation());
        let shared = Arc::downgrade(self);
        self.runtime.spawn(async move {
            tokio::time::sleep(PATIENCE).await;
            if let Some(shared) = shared.upgrade() {
                shared.stop_asking();
            }
        });
    }

    fn stop_asking(&self) {
        let question = match &*self.stage.lock() {
            Stage::Asking(question, _) => Arc::clone(question),
            Stage::Idle | Stage::Told => return,
        };
        let question: Arc<dyn Work> = question;
        self.pool.stop(Question::id(), &question);
    }

    /// The launcher has told what it is; or it could not be asked.
    fn told(self: &Arc<Self>, words: Result<String, String>) {
        let before = std::mem::replace(&mut *self.stage.lock(), Stage::Told);
        drop(before);
        let launcher = words.and_then(|words| {
            let launcher = Launcher::recognise(&self.mpi.launcher, &words)?;
            tracing::debug!(
                executor = self.executor,
                ?launcher,
                "the MPI launcher is known"
            );
            Ok(words)
        });
        let words = match launcher {
            Ok(words) => words,
            Err(reason) => return self.give_up(&reason),
        };
        let here: Arc<dyn AppNode> = Arc::new(Here {
            shared: Arc::downgrade(self),
            runtime: self.runtime.clone(),
            words,
        });
        for node in 0..self.mpi.nodes_per_block {
            if let Err(reason) = self.apps.add(BLOCK, node, Arc::clone(&here), None) {
                return self.give_up(&reason);
            }
        }
        self.apps.place();
    }

    fn give_up(self: &Arc<Self>, reason: &str) {
        self.apps.give_up(reason);
        if let Some(rooms) = self.rooms.get() {
            rooms.broken(reason.to_owned());
        }
    }
}

/// This machine as each of the nodes.
struct Here {
    shared: Weak<Shared>,
    runtime: Handle,
    /// What its launcher says.
    words: String,
}

impl AppNode for Here {
    fn name(&self) -> &str {
        "localhost"
    }

    fn launcher(&self) -> Option<Result<String, String>> {
        Some(Ok(self.words.clone()))
    }

    fn start(&self, invocation: Invocation) {
        if let Some(shared) = self.shared.upgrade() {
            shared.pool.start(invocation);
        }
    }

    fn stop(&self, attempt: AttemptId, work: &Arc<dyn Work>) {
        if let Some(shared) = self.shared.upgrade() {
            shared.pool.stop(attempt, work);
        }
    }

    fn sweep(&self, application: &str) -> BoxFuture<'static, Result<Swept, String>> {
        let application = application.to_owned();
        let swept = self
            .runtime
            .spawn_blocking(move || kill_application(&application));
        let lost = |error| format!("the driver's runtime has ended: {error}");
        swept.map(move |swept| swept.map_err(lost)).boxed()
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Shared")
            .field("executor", &self.executor)
            .field("mpi", &self.mpi)
            .finish_non_exhaustive()
    }
}
