use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::BlocksSettings;
use super::links::Links;
use super::manager::Shared;
use super::record::Record;
use crate::agent::{AgentHello, PROTOCOL};
use crate::causes::WithCauses;
use crate::program::{PrivateFolder, Program};
use crate::provider::Ledger;
use crate::registry::Functions;
use crate::transport::{
    Arrival, Identity, Key, Limits, Link, LinkSettings, Listener, ListenerSettings, Peers,
    candidates,
};
use crate::{BlocksStatus, LazyFolder};

/// Where the nodes of all executors of a run meet this process: one port, one key, one copy of the
/// program, all made when the first block is asked for.
pub struct Rendezvous {
    run_folder: Absolute,
    meeting: Arc<Meeting>,
    ground: tokio::sync::Mutex<Option<Arc<Ground>>>,
    listening: tokio::sync::Mutex<Listeners>,
}

/// Those that listen, and what their links live on.
#[derive(Default)]
struct Listeners {
    each: Vec<(Listening, Listener)>,
    links: Option<Links>,
}

/// The name, in a run's folder, of the folder that nobody but the user can look into: what is left
/// of it after a run may be removed.
pub const PRIVATE_FOLDER: &str = "private";

/// A run's folder as other processes can be told of it, wherever this one goes to meanwhile.
#[derive(Clone, Debug)]
pub(super) struct Absolute {
    folder: LazyFolder,
    here: PathBuf,
}

impl Absolute {
    pub(super) fn new(folder: &LazyFolder) -> Self {
        Self {
            folder: folder.clone(),
            here: std::env::current_dir().unwrap_or_default(),
        }
    }

    fn path(&self) -> PathBuf {
        self.here.join(self.folder.path())
    }

    pub(super) fn if_made(&self) -> Option<PathBuf> {
        Some(self.here.join(self.folder.if_made()?))
    }
}

/// What is the same for all blocks.
pub(super) struct Ground {
    folder: PrivateFolder,
    key: Key,
    pub(super) identity: Identity,
    pub(super) program: Program,
    pub(super) ledger: Ledger,
    /// Tells this run's jobs from all others in their names.
    pub(super) mark: String,
}

/// How executors listen; those that do so in the same way share a port.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listening {
    ports: Option<RangeInclusive<u16>>,
    link: LinkSettings,
    largest_frame: usize,
}

/// The executors whose nodes may call.
struct Meeting {
    record: Record,
    executors: Mutex<HashMap<String, Weak<Shared>>>,
    /// How blocks stand is to be written down.
    changed: Notify,
}

/// What stands around the values in a message.
const FRAME_OVERHEAD: u64 = 1 << 20;

/// How many of the largest values a call may have.
const LARGEST_VALUES: u64 = 4;

/// How long changes are gathered before they are written down.
const GATHERING: Duration = Duration::from_millis(200);

impl Rendezvous {
    /// In this folder of a run, which the nodes see too. Nothing is made yet.
    #[must_use]
    pub fn new(run_folder: &LazyFolder, runtime: &Handle) -> Arc<Self> {
        let run_folder = Absolute::new(run_folder);
        let meeting = Arc::new(Meeting {
            record: Record::new(run_folder.clone()),
            executors: Mutex::default(),
            changed: Notify::new(),
        });
        write_changes(&meeting, runtime);
        Arc::new(Self {
            run_folder,
            meeting,
            ground: tokio::sync::Mutex::default(),
            listening: tokio::sync::Mutex::default(),
        })
    }

    /// The run's folder, which is made now if it is not there; a full path.
    pub(super) fn run_folder(&self) -> PathBuf {
        self.run_folder.path()
    }

    pub(super) fn enter(&self, executor: &str, shared: &Arc<Shared>) {
        let mut executors = self.meeting.executors.lock();
        executors.insert(executor.to_owned(), Arc::downgrade(shared));
    }

    /// How the blocks of some executor stand has changed.
    pub(super) fn changed(&self) {
        self.meeting.changed.notify_one();
    }

    /// Writes down how blocks stand, now.
    pub(super) fn write(&self) {
        self.meeting.write();
    }

    /// What all blocks need, if it is there.
    pub(super) async fn made(&self) -> Option<Arc<Ground>> {
        self.ground.lock().await.clone()
    }

    /// What all blocks need; made if it is not there yet.
    pub(super) async fn ground(&self) -> Result<Arc<Ground>, String> {
        let mut ground = self.ground.lock().await;
        if let Some(ground) = &*ground {
            return Ok(Arc::clone(ground));
        }
        let run_folder = self.run_folder.clone();
        let made = tokio::task::spawn_blocking(move || Ground::make(&run_folder.path()))
            .await
            .map_err(|error| error.to_string())??;
        let made = Arc::new(made);
        *ground = Some(Arc::clone(&made));
        Ok(made)
    }

    /// The port at which nodes of such an executor may call; listened on if it is not yet.
    async fn port(&self, ground: &Ground, listening: Listening) -> Result<u16, String> {
        let mut listeners = self.listening.lock().await;
        let Listeners { each, links } = &mut *listeners;
        if let Some((_, listener)) = each.iter().find(|(known, _)| *known == listening) {
            return Ok(listener.port());
        }
        let settings = ListenerSettings {
            ports: listening.ports.clone(),
            key: ground.key.clone(),
            identity: ground.identity,
            largest_frame: listening.largest_frame,
            link: listening.link,
            limits: Limits::default(),
        };
        // Each agent is an open socket, and a soft limit of 1024 is common.
        if let Err(error) = crate::raise_open_files() {
            tracing::debug!(%error, "cannot raise the number of files that may be open");
        }
        let peers: Arc<dyn Peers> = Arc::clone(&self.meeting) as _;
        let failed = |error: &dyn std::error::Error| {
            let causes = WithCauses(error);
            format!("cannot listen for the nodes of blocks: {causes}")
        };
        let links = match links {
            Some(links) => links,
            None => links.insert(Links::start().map_err(|error| failed(&error))?),
        };
        let listener = links.spawn(Listener::start(settings, peers)).await;
        let listener = listener
            .map_err(|error| failed(&error))?
            .map_err(|error| failed(&error))?;
        let port = listener.port();
        each.push((listening, listener));
        Ok(port)
    }

    /// The addresses at which the nodes of an executor may call.
    pub(super) async fn candidates(
        &self,
        ground: &Ground,
        settings: &BlocksSettings,
    ) -> Result<Vec<String>, String> {
        let listening = Listening {
            ports: settings.port.clone(),
            link: settings.link,
            largest_frame: largest_frame(settings),
        };
        let port = self.port(ground, listening).await?;
        let (address, interface) = (settings.address.clone(), settings.interface.clone());
        // Names may take seconds to be looked up.
        let found =
            tokio::task::spawn_blocking(move || candidates(&address, interface.as_deref(), port));
        match found.await {
            Ok(Ok(candidates)) => Ok(candidates),
            Ok(Err(error)) => Err(format!(
                "cannot tell under which address nodes reach this process: {}",
                WithCauses(&error)
            )),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The most bytes of a message to or from a node.
pub(super) fn largest_frame(settings: &BlocksSettings) -> usize {
    let values = settings.pool.largest_value.saturating_mul(LARGEST_VALUES);
    let bytes = values.saturating_add(FRAME_OVERHEAD).min(u32::MAX.into());
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

impl Ground {
    fn make(run_folder: &Path) -> Result<Self, String> {
        let folder = PrivateFolder::named(run_folder, PRIVATE_FOLDER)
            .map_err(|error| WithCauses(&error).to_string())?;
        let failed = |what: &str, error: &io::Error| {
            format!("cannot {what} in `{}`: {error}", folder.path().display())
        };
        let key = Key::generate().map_err(|error| failed("make a key", &error))?;
        key.write(&folder.join(KEY_FILE))
            .map_err(|error| failed("write the key", &error))?;
        let program =
            Program::copy_into(folder.path()).map_err(|error| WithCauses(&error).to_string())?;
        let ledger = Ledger::open(run_folder).map_err(|error| {
            format!(
                "cannot keep a list of jobs in `{}`: {error}",
                run_folder.display()
            )
        })?;
        let run = run_identity(run_folder);
        Ok(Self {
            key,
            identity: Identity {
                run,
                program: program.hash(),
            },
            program,
            ledger,
            mark: run[..6].iter().map(|byte| format!("{byte:02x}")).collect(),
            folder,
        })
    }

    pub(super) fn key_file(&self) -> PathBuf {
        self.folder.join(KEY_FILE)
    }

    /// Where the claim of a block's agents is.
    pub(super) fn claim(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.claim"))
    }
}

const KEY_FILE: &str = "key";

/// What no other run has; it is no secret.
fn run_identity(run_folder: &Path) -> [u8; 16] {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let mut hasher = blake3::Hasher::new();
    hasher.update(run_folder.as_os_str().as_encoded_bytes());
    hasher.update(&now.as_nanos().to_le_bytes());
    hasher.update(&std::process::id().to_le_bytes());
    hasher.update(rustix::system::uname().nodename().to_bytes());
    let mut run = [0; 16];
    hasher.finalize_xof().fill(&mut run);
    run
}

impl Peers for Meeting {
    fn arrived(&self, hello: Bytes, link: &Arc<Link>, from: SocketAddr) -> Result<Arrival, String> {
        let hello = AgentHello::decode(&hello)
            .map_err(|error| format!("what it says first makes no sense: {error}"))?;
        if hello.protocol != PROTOCOL {
            return Err(format!(
                "it speaks version {} of the protocol, and this process {PROTOCOL}",
                hello.protocol
            ));
        }
        if hello.registry != Functions::of_program().fingerprint() {
            return Err("it has other tasks than this process".to_owned());
        }
        let executor = self.executors.lock().get(&hello.executor).cloned();
        let Some(shared) = executor.and_then(|executor| executor.upgrade()) else {
            return Err(format!(
                "there is no executor `{}` any more",
                hello.executor
            ));
        };
        tracing::debug!(executor = hello.executor, node = hello.node, %from, "an agent has called");
        shared.arrived(&hello, link)
    }
}

impl Meeting {
    fn write(&self) {
        if let Err(error) = self.record.write(|| self.stand()) {
            tracing::debug!(%error, "cannot write down how blocks stand");
        }
    }

    /// How the blocks of all executors stand.
    fn stand(&self) -> Vec<BlocksStatus> {
        let executors: Vec<_> = self.executors.lock().values().cloned().collect();
        let executors = executors.iter().filter_map(Weak::upgrade);
        let mut statuses: Vec<_> = executors.map(|shared| shared.status()).collect();
        statuses.sort_by(|one, other| one.executor.cmp(&other.executor));
        statuses
    }
}

/// Writes down how blocks stand, a moment after it has changed.
fn write_changes(meeting: &Arc<Meeting>, runtime: &Handle) {
    let meeting = Arc::downgrade(meeting);
    runtime.spawn(async move {
        while let Some(strong) = meeting.upgrade() {
            // Woken at times to see whether anybody is there still.
            let changed = tokio::time::timeout(LOOKS_UP, strong.changed.notified()).await;
            if changed.is_err() {
                continue;
            }
            tokio::time::sleep(GATHERING).await;
            let _ = tokio::task::spawn_blocking(move || strong.write()).await;
        }
    });
}

const LOOKS_UP: Duration = Duration::from_secs(10);

impl fmt::Debug for Rendezvous {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Rendezvous")
            .field("run_folder", &self.run_folder)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::transport::{Dial, DialError};

    #[tokio::test]
    async fn nodes_are_answered_while_the_workflow_is_blocked() {
        let folder = tempfile::tempdir().unwrap();
        let rendezvous = Rendezvous::new(
            &LazyFolder::at(folder.path().to_owned()),
            &Handle::current(),
        );
        let ground = rendezvous.ground().await.unwrap();
        let listening = Listening {
            ports: None,
            link: LinkSettings::default(),
            largest_frame: 1 << 20,
        };
        let port = rendezvous.port(&ground, listening).await.unwrap();
        let dial = Dial {
            candidates: vec![format!("127.0.0.1:{port}")],
            key: ground.key.clone(),
            identity: ground.identity,
            largest_frame: 1 << 20,
            answers_within: Dial::ANSWERS_WITHIN,
            patience: Duration::ZERO,
        };
        let (answered, answer) = mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let said = runtime.block_on(dial.connect(b"nothing".to_vec()));
            answered.send(said.map(|_| ())).unwrap();
        });
        // This thread is all that the workflow's runtime has.
        let said = answer.recv_timeout(Duration::from_secs(30)).unwrap();
        assert!(matches!(said, Err(DialError::Refused { .. })), "{said:?}");
    }
}
