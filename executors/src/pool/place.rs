use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixListener;

use super::PoolSettings;
use super::accept::accept_all;
use super::events::Events;
use super::job::WorkerId;
use super::link::{Facts, Link};
use super::manager::Shared;
use crate::causes::WithCauses;
use crate::command::CommandSpec;
use crate::node::{Launch, Node, NodeSettings};
use crate::program::{PrivateFolder, Program, ProgramError};
use crate::wire::ProgramIdentity;
use crate::worker::Ledger;
use crate::{Attempt, AttemptId};

/// Where the pool's processes are started.
#[derive(Debug, Default)]
pub(super) enum Place {
    /// Nothing was asked for yet.
    #[default]
    Nothing,
    /// It is being made; what is asked for meanwhile waits.
    Beginning(Vec<Request>),
    There(There),
    /// It could not be made, or is closed.
    Gone,
}

/// A place that is there.
#[derive(Debug)]
pub(super) struct There {
    pub(super) node: Arc<Node>,
    pub(super) folder: Arc<PrivateFolder>,
    /// The file that workers are started from.
    pub(super) program: Arc<Program>,
    /// Where workers connect to.
    pub(super) socket: PathBuf,
}

/// What is asked of a place.
#[derive(Debug)]
pub(super) enum Request {
    Launch {
        worker: WorkerId,
        number: u32,
    },
    Kill {
        worker: WorkerId,
    },
    Execute {
        attempt: Attempt,
        spec: Box<CommandSpec>,
        /// The one it follows on.
        after: Option<AttemptId>,
    },
    Release {
        attempt: AttemptId,
    },
    Interrupt {
        attempt: AttemptId,
    },
}

impl Place {
    /// Asks for something; true if the place is to be made for it first.
    pub(super) fn ask(
        &mut self,
        request: Request,
        links: &mut HashMap<WorkerId, Link>,
        settings: &PoolSettings,
    ) -> bool {
        match self {
            Self::Nothing => {
                *self = Self::Beginning(vec![request]);
                true
            }
            Self::Beginning(waiting) => {
                waiting.push(request);
                false
            }
            Self::There(there) => {
                there.ask(request, links, settings);
                false
            }
            Self::Gone => false,
        }
    }

    /// The file that workers are started from.
    pub(super) fn program(&self) -> Option<ProgramIdentity> {
        match self {
            Self::There(there) => Some(there.program.identity()),
            _ => None,
        }
    }

    /// Removes what was made for a worker that is gone.
    pub(super) fn forget(&self, worker: WorkerId) {
        if let Self::There(there) = self {
            // It goes with the folder at the latest.
            let _ = std::fs::remove_file(there.page(worker));
        }
    }

    pub(super) fn hurry(&self) {
        if let Self::There(there) = self {
            there.node.hurry();
        }
    }

    /// Takes the place away.
    pub(super) fn leave(&mut self) -> Option<There> {
        match std::mem::replace(self, Self::Gone) {
            Self::There(there) => Some(there),
            _ => None,
        }
    }
}

impl There {
    fn page(&self, worker: WorkerId) -> PathBuf {
        self.folder.join(format!("page-{}", worker.0))
    }

    pub(super) fn ask(
        &self,
        request: Request,
        links: &mut HashMap<WorkerId, Link>,
        settings: &PoolSettings,
    ) {
        match request {
            Request::Launch { worker, number } => {
                let Some(link) = links.get_mut(&worker) else {
                    return;
                };
                // Where it cannot be made no file can be opened in it, and that is reported.
                let _ = std::fs::create_dir_all(settings.output_folder.path());
                let page = self.page(worker);
                // A worker that finds no page says so and ends, and that is how it is seen.
                link.ledger = Ledger::create(&page).ok();
                self.node.launch(Launch {
                    worker: worker.0,
                    environment: variables(settings, number),
                    stdout: link.facts.stdout.to_path_buf(),
                    stderr: link.facts.stderr.to_path_buf(),
                    cpus: cores(settings, number),
                    socket: self.socket.clone(),
                    page,
                });
            }
            Request::Kill { worker } => self.node.kill(worker.0),
            Request::Execute {
                attempt,
                spec,
                after,
            } => self.node.execute(attempt, *spec, after),
            Request::Release { attempt } => self.node.release(attempt),
            Request::Interrupt { attempt } => self.node.stop(attempt),
        }
    }
}

/// The variables that a worker finds.
fn variables(settings: &PoolSettings, number: u32) -> Vec<(String, String)> {
    let mut variables = settings.variables.clone();
    variables.push(("CHILTEPIN_WORKER_ID".to_owned(), number.to_string()));
    let own = settings
        .gpus
        .of_worker(number as usize, settings.gpus_per_worker);
    let own = own.unwrap_or_default();
    variables.extend(
        own.into_iter()
            .map(|(name, value)| (name.to_owned(), value)),
    );
    variables
}

/// The processors that a worker is bound to: its part of those that this process may use; none
/// where it may use them all.
fn cores(settings: &PoolSettings, number: u32) -> Vec<u32> {
    let allowed = settings
        .bind_cores
        .then(|| rustix::thread::sched_getaffinity(None).ok())
        .flatten();
    let Some(allowed) = allowed else {
        return Vec::new();
    };
    let allowed = (0..rustix::thread::CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu));
    let first = number as usize * settings.cores_per_worker as usize;
    allowed
        .skip(first)
        .take(settings.cores_per_worker as usize)
        .filter_map(|cpu| u32::try_from(cpu).ok())
        .collect()
}

impl Shared {
    pub(super) fn new_link(&self, number: u32) -> Link {
        let name = format!("{}-{number}", self.settings.name);
        let file = |extension| -> Arc<Path> {
            let path = self
                .settings
                .output_folder
                .path()
                .join(format!("{name}.{extension}"));
            path.into()
        };
        Link {
            facts: Facts {
                node: Arc::from(""),
                process: 0,
                stdout: file("out"),
                stderr: file("err"),
                name: name.clone().into(),
            },
            ledger: None,
            connection: None,
            exit: None,
            is_read: false,
            misspoke: None,
        }
    }
}

impl Shared {
    /// Makes the place, on a thread where that may take its time.
    pub(super) fn begin_place(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        let make = move || match shared.make_place() {
            Ok(there) => shared.enter_place(there),
            Err(error) => shared.node_failed(WithCauses(&error).to_string()),
        };
        let beginning = self.runtime.spawn_blocking(make);
        self.inner.lock().beginning = Some(beginning);
    }

    fn make_place(self: &Arc<Self>) -> Result<There, PlaceError> {
        let folder = Arc::new(PrivateFolder::new()?);
        let program = Program::of_this_process(&self.settings.output_folder)?;
        let socket = folder.join("pool");
        let listen = || format!("listen on the socket `{}`", socket.display());
        let listener = UnixListener::bind(&socket).map_err(system(listen()))?;
        self.runtime
            .spawn(accept_all(listener, Arc::downgrade(self)));
        let settings = NodeSettings {
            executor: self.settings.name.clone(),
            environment: self.settings.environment.clone(),
            removed_variables: self.settings.removed_variables.clone(),
            variables: self.settings.common_variables.clone(),
            prefix: self.settings.prefix.clone(),
            kill_grace: self.settings.kill_grace,
            start_timeout: NodeSettings::START_TIMEOUT,
            folder: Arc::clone(&folder),
            program: Arc::clone(&program),
            threads_per_process: self.settings.cores_per_worker,
        };
        let events = Arc::new(Events(Arc::downgrade(self)));
        let node = Node::start(settings, events, &self.runtime);
        Ok(There {
            node: Arc::new(node),
            folder,
            program,
            socket,
        })
    }

    fn enter_place(&self, there: There) {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        match std::mem::replace(&mut inner.place, Place::Gone) {
            Place::Beginning(waiting) => {
                for request in waiting {
                    there.ask(request, &mut inner.links, &self.settings);
                }
                if inner.is_hurried {
                    there.node.hurry();
                }
                inner.place = Place::There(there);
            }
            // Closed meanwhile: the node goes with `there`.
            other => inner.place = other,
        }
    }

    /// Ends what was started there.
    pub(super) async fn end_place(&self, grace: Duration) {
        // The program may end after this, and its folders are to be gone by then: also those of a
        // place that was just being made.
        let beginning = self.inner.lock().beginning.take();
        if let Some(beginning) = beginning
            && let Err(error) = beginning.await
        {
            tracing::debug!(%error, "the place for processes was not made to its end");
        }
        let all = {
            let mut inner = self.inner.lock();
            let mut all = std::mem::take(&mut inner.former);
            all.extend(inner.place.leave());
            all
        };
        for there in all {
            there.node.shutdown(grace).await;
        }
    }
}

/// Why there is no place to start processes in.
#[derive(Debug, thiserror::Error)]
enum PlaceError {
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error("cannot {action}")]
    System { action: String, source: io::Error },
}

fn system(action: String) -> impl FnOnce(io::Error) -> PlaceError {
    move |source| PlaceError::System { action, source }
}
