use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use parking_lot::{Mutex, RwLock};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::applications;
use super::arrival::Joined;
use super::command::Command;
use super::node::NodeId;
use super::plan::{NodeRoom, Plan};
use super::rendezvous::Rendezvous;
use super::scaling::Waiting;
use super::state::State;
use super::{BlocksSettings, returns, timer};
use crate::mpi::Apps;
use crate::pool::{Machine, NoWorkers, NodeGpus};
use crate::provider::Provider;
use crate::registry::Functions;
use crate::{
    Asked, AttemptId, BlocksStatus, Capacity, Executor, Failure, FailureKind, Invocation,
    LazyFolder, Outcome, Rooms, Wanted, Work, start,
};

/// Runs calls on the nodes of blocks that it asks a batch system for.
#[derive(Debug)]
pub struct Blocks {
    shared: Arc<Shared>,
}

/// What all parts share.
pub(super) struct Shared {
    pub(super) settings: BlocksSettings,
    pub(super) longest_timeout: Duration,
    pub(super) provider: Arc<dyn Provider>,
    pub(super) rendezvous: Arc<Rendezvous>,
    pub(super) runtime: Handle,
    pub(super) inner: Mutex<Inner>,
    pub(super) nodes: RwLock<HashMap<NodeId, Joined>>,
    pub(super) rooms: OnceLock<Arc<dyn Rooms>>,
    /// Who places MPI applications, where the executor runs those.
    pub(super) apps: OnceLock<Arc<Apps>>,
    /// The time the state wants to be told has moved forward.
    pub(super) earlier: Notify,
    /// The names of jobs that were asked for without an answer.
    pub(super) unheard: Mutex<Vec<String>>,
    /// How many ends of blocks are being noted.
    pub(super) notes: AtomicUsize,
    /// Something has happened that may have been the last.
    pub(super) settled: Notify,
}

pub(super) struct Inner {
    pub(super) state: State,
    /// What is to be done, in this order, by whoever comes first.
    pub(super) outbox: VecDeque<Command>,
    is_performing: bool,
    /// When the timer fires.
    pub(super) armed: Option<Instant>,
}

/// How long agents are waited for that were told to call when their block began.
const PATIENCE: Duration = Duration::from_secs(60);

impl Blocks {
    /// Makes the executor. Blocks are asked for when somebody is there to be told of their room,
    /// and wanted.
    ///
    /// # Errors
    /// This program cannot have worker processes.
    pub fn open(
        settings: BlocksSettings,
        provider: Arc<dyn Provider>,
        rendezvous: &Arc<Rendezvous>,
        runtime: Handle,
    ) -> Result<Self, NoWorkers> {
        start::origin()?;
        Functions::of_program().check_some()?;
        let plan = plan(&settings, provider.name());
        let name = settings.pool.name.clone();
        let shared = Arc::new(Shared {
            settings,
            longest_timeout: plan.longest_timeout(),
            provider,
            rendezvous: Arc::clone(rendezvous),
            runtime,
            inner: Mutex::new(Inner {
                state: State::new(plan),
                outbox: VecDeque::new(),
                is_performing: false,
                armed: None,
            }),
            nodes: RwLock::default(),
            rooms: OnceLock::new(),
            apps: OnceLock::new(),
            earlier: Notify::new(),
            unheard: Mutex::default(),
            notes: AtomicUsize::new(0),
            settled: Notify::new(),
        });
        if let Some(mpi) = shared.settings.mpi.clone() {
            let _ = shared.apps.set(applications::open(mpi, &shared));
        }
        rendezvous.enter(&name, &shared);
        timer::spawn(&shared);
        Ok(Self { shared })
    }

    /// The most room that one task can ever have, as far as the settings say.
    #[must_use]
    pub fn largest(&self) -> Capacity {
        if self.shared.settings.mpi.is_some() {
            return Capacity::UNBOUNDED;
        }
        let room = node_room(&self.shared.settings);
        Capacity {
            async_bodies: room.async_bodies.unwrap_or(u32::MAX),
            cores: room.cores.unwrap_or(u32::MAX),
            memory: room.memory.unwrap_or(u64::MAX),
            gpus: room.gpus.unwrap_or(u32::MAX),
        }
    }
}

fn plan(settings: &BlocksSettings, provider: &str) -> Plan {
    let batch = &settings.batch;
    let max = settings.max_blocks.max(1);
    Plan {
        name: settings.pool.name.clone(),
        provider: provider.to_owned(),
        nodes: batch.nodes.max(1),
        init: settings.init_blocks.min(max),
        min: settings.min_blocks.min(max),
        max,
        parallelism: settings.parallelism,
        max_idletime: settings.max_idletime,
        poll_interval: settings.poll_interval,
        walltime: batch.walltime,
        margin: Plan::margin(batch.walltime, settings.pool.kill_grace),
        patience: PATIENCE,
        room: node_room(settings),
        max_apps: settings.mpi.as_ref().map(|mpi| mpi.max_apps),
    }
}

/// What a node has for calls, as far as the settings say.
fn node_room(settings: &BlocksSettings) -> NodeRoom {
    let pool = &settings.pool;
    let gpus = pool.gpus_per_node;
    let machine = Machine {
        cores: pool.cores_per_node.unwrap_or(1),
        memory: pool.memory_per_node.unwrap_or_default(),
        gpus: NodeGpus::granted(|_| None, gpus),
    };
    let resolved = pool.resolve(&machine, LazyFolder::at(PathBuf::new()));
    let capacity = resolved.ok().map(|settings| settings.capacity());
    let known = pool.cores_per_node.and(capacity.as_ref());
    NodeRoom {
        async_bodies: known.map(|capacity| capacity.async_bodies),
        cores: known.map(|capacity| capacity.cores),
        memory: pool.memory_per_node,
        gpus,
    }
}

impl Shared {
    pub(super) fn name(&self) -> &str {
        &self.settings.pool.name
    }

    /// Lets the state do something, and does what it commands.
    pub(super) fn with<R>(
        self: &Arc<Self>,
        act: impl FnOnce(&mut State, Instant, &mut Vec<Command>) -> R,
    ) -> R {
        let mut inner = self.inner.lock();
        let result = self.act(&mut inner, act);
        drop(inner);
        self.perform_all();
        result
    }

    /// Lets the state do something; what it commands is left to be done.
    pub(super) fn act<R>(
        &self,
        inner: &mut Inner,
        act: impl FnOnce(&mut State, Instant, &mut Vec<Command>) -> R,
    ) -> R {
        let mut commands = Vec::new();
        let result = act(&mut inner.state, Instant::now(), &mut commands);
        inner.outbox.extend(commands);
        if let Some(wake) = inner.state.wake
            && inner.armed.is_none_or(|armed| wake < armed)
        {
            inner.armed = Some(wake);
            self.earlier.notify_one();
        }
        result
    }

    /// Does what was commanded, in order. While somebody is at it, he does the rest too: what is
    /// done may come back here with more.
    pub(super) fn perform_all(self: &Arc<Self>) {
        loop {
            let mut inner = self.inner.lock();
            if inner.is_performing {
                return;
            }
            let Some(command) = inner.outbox.pop_front() else {
                return;
            };
            inner.is_performing = true;
            drop(inner);
            // What is told may be told to code of the program's, as its log: if that panics, which
            // has been reported by then, whatever else is commanded is done nevertheless.
            let _ = catch_unwind(AssertUnwindSafe(|| self.perform(command)));
            self.inner.lock().is_performing = false;
            self.settled.notify_waiters();
        }
    }

    /// How the blocks stand.
    pub(super) fn status(&self) -> BlocksStatus {
        let nodes = self.nodes.read();
        let calls = nodes.iter().map(|(id, node)| (*id, node.agent.calls()));
        let calls: HashMap<_, _> = calls.collect();
        drop(nodes);
        let calls = |id| calls.get(&id).copied().unwrap_or_default();
        let inner = self.inner.lock();
        inner.state.status(Instant::now(), SystemTime::now(), calls)
    }

    /// Starts what was bound to a node, and what follows on it if that node is gone.
    pub(super) fn start(self: &Arc<Self>, invocation: Invocation) {
        let mut next = Some(invocation);
        while let Some(invocation) = next {
            next = self.start_one(invocation);
        }
    }

    fn start_one(self: &Arc<Self>, invocation: Invocation) -> Option<Invocation> {
        let losses = invocation.work.returns();
        if returns::are_enough(losses) {
            let reason = "lost the nodes that it ran on again and again".to_owned();
            let Invocation { attempt, work, .. } = invocation;
            let kind = FailureKind::NodesLost { reason, losses };
            return work.finish(&attempt, Outcome::Failed(Failure::permanent(kind)));
        }
        if let Some(apps) = self.apps.get() {
            apps.arrive(invocation);
            return None;
        }
        let node = NodeId::of_offer(invocation.offer);
        let agent = self
            .nodes
            .read()
            .get(&node)
            .map(|node| Arc::clone(&node.agent));
        match agent {
            Some(agent) => {
                agent.start(invocation);
                None
            }
            None => {
                let reason = format!("a node of `{}` was gone before it began", self.name());
                let Invocation { attempt, work, .. } = invocation;
                work.finish(&attempt, Outcome::Returned { reason })
            }
        }
    }
}

#[async_trait]
impl Executor for Blocks {
    fn offer(&self) -> Option<Capacity> {
        // Applications wait for nodes with those who place them.
        self.shared.apps.get().map(|_| Capacity::UNBOUNDED)
    }

    fn attach(&self, rooms: Arc<dyn Rooms>) {
        if self.shared.rooms.set(rooms).is_ok() {
            self.shared
                .with(|state, now, commands| state.woken(now, commands));
        }
    }

    fn tells_begin(&self) -> bool {
        true
    }

    fn has_ends(&self) -> bool {
        self.shared.apps.get().is_none()
    }

    fn admit(&self, asked: &Asked) -> Result<(), String> {
        let most = self.shared.longest_timeout;
        if let Some(timeout) = asked.timeout.filter(|timeout| *timeout > most) {
            return Err(format!(
                "may take {} s (`timeout`), and a block of `{}` lasts {} s (`walltime`), of which \
                 a call can have {} s; raise `walltime` or give the call less time",
                timeout.as_secs_f64(),
                self.shared.name(),
                self.shared.settings.batch.walltime.as_secs(),
                most.as_secs()
            ));
        }
        match self.shared.apps.get() {
            Some(apps) => apps.admit(asked),
            None => asked.without_mpi(),
        }
    }

    fn hears_wanted(&self) -> bool {
        self.shared.apps.get().is_none()
    }

    fn wanted(&self, wanted: Wanted) {
        let waiting = Waiting::Calls(wanted);
        self.shared
            .with(|state, now, commands| state.wanted(waiting, now, commands));
    }

    fn start(&self, invocation: Invocation) {
        self.shared.start(invocation);
    }

    fn stop(&self, attempt: AttemptId, work: &Arc<dyn Work>) {
        if let Some(apps) = self.shared.apps.get() {
            return apps.stop(attempt, work);
        }
        work.stop_signal().request(attempt.attempt);
        // Only the one that has it does anything.
        let nodes = self.shared.nodes.read();
        let agents: Vec<_> = nodes.values().map(|node| Arc::clone(&node.agent)).collect();
        drop(nodes);
        for agent in agents {
            agent.stop(attempt, work);
        }
    }

    fn status(&self) -> Option<BlocksStatus> {
        Some(self.shared.status())
    }

    fn hurry(&self) {
        let nodes = self.shared.nodes.read();
        let agents: Vec<_> = nodes.values().map(|node| Arc::clone(&node.agent)).collect();
        drop(nodes);
        for agent in agents {
            agent.hurry();
        }
        self.shared
            .with(|state, now, commands| state.hurry(now, commands));
    }

    async fn shutdown(&self, grace: Duration) {
        let shared = Arc::clone(&self.shared);
        // Whoever closes the workflow may do so outside of its runtime.
        let shut = self
            .shared
            .runtime
            .spawn(async move { shared.shut(grace).await });
        if let Err(error) = shut.await {
            tracing::debug!(%error, "the runtime ended before the blocks did");
        }
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        // Who was not shut down lets go of everything without waiting for it.
        self.shared
            .with(|state, now, commands| state.close(Duration::ZERO, now, commands));
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Shared")
            .field("settings", &self.settings)
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}
