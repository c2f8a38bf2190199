use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;

use futures::future::join_all;
use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::placed::PlacedWork;
use super::placement::{Placed, Placement};
use super::variables::{Application, variables};
use super::{AppNode, AppsWanted, Geometry, Launcher, MpiSettings, Swept};
use crate::{Asked, Attempt, AttemptId, Failure, FailureKind, Invocation, Outcome, Work};

/// The MPI applications of an executor: which nodes each gets, and what becomes of it.
///
/// Calls [arrive](Apps::arrive) as they are bound to the executor and wait here for nodes; nodes
/// [join](Apps::joined) and [leave](Apps::left) as blocks come and go.
pub struct Apps {
    mpi: MpiSettings,
    settings: AppsSettings,
    /// Begins the names of applications: no two runs have the same, lest one sweeps the other's.
    run: String,
    inner: Mutex<Inner>,
}

/// What applications are run with, beside what was configured for them.
pub struct AppsSettings {
    /// The executor's name.
    pub executor: String,
    /// Whether all nodes are this machine.
    pub is_local: bool,
    /// Whether the user is root.
    pub is_root: bool,
    /// Whether a Slurm job is around the nodes.
    pub in_slurm: bool,
    /// Where sweeps are waited for.
    pub runtime: Handle,
    /// Who is told of changes.
    pub events: Arc<dyn AppsEvents>,
}

/// Is told of changes, by whoever caused them, and asks [`Apps::wanted`] and [`Apps::busy`] what
/// is new.
pub trait AppsEvents: Send + Sync {
    /// More or less waits for nodes, or a node is busy or no longer.
    fn changed(&self);

    /// A node is not used any more, for this reason: what waits may need another one in its stead.
    fn unclean(&self, node: u32, reason: &str);
}

struct Inner {
    placement: Placement,
    nodes: HashMap<u32, Node>,
    calls: HashMap<AttemptId, Call>,
    /// Why nothing can be run any more.
    broken: Option<String>,
}

struct Node {
    at: Arc<dyn AppNode>,
    name: Arc<str>,
    launcher: Launcher,
}

/// A call that waits, runs, or has ended and is being swept.
struct Call {
    attempt: Attempt,
    work: Arc<dyn Work>,
    offer: u32,
    running: Option<Running>,
    /// The driver wants it stopped.
    is_stopped: bool,
    /// How one of its nodes was lost.
    lost: Option<String>,
}

/// Where a call was started.
#[derive(Clone)]
struct Running {
    first: Arc<dyn AppNode>,
    work: Arc<dyn Work>,
}

impl Apps {
    /// No nodes yet.
    #[must_use]
    pub fn new(mpi: MpiSettings, settings: AppsSettings) -> Arc<Self> {
        let inner = Inner {
            placement: Placement::new(mpi.max_apps),
            nodes: HashMap::new(),
            calls: HashMap::new(),
            broken: None,
        };
        Arc::new(Self {
            run: format!("{:016x}", RandomState::new().hash_one(0_u8)),
            mpi,
            settings,
            inner: Mutex::new(inner),
        })
    }

    /// Whether a block can hold what a call asks for.
    ///
    /// # Errors
    /// It cannot; the reason is the end of a sentence that begins with the call.
    pub fn admit(&self, asked: &Asked) -> Result<(), String> {
        let nodes = asked
            .geometry
            .map_or(1, |geometry| geometry.num_nodes.get());
        let most = self.mpi.nodes_per_block;
        if nodes <= most {
            return Ok(());
        }
        Err(format!(
            "spans {nodes} nodes, and a block of `{}` has {most} (`nodes_per_block`)",
            self.settings.executor
        ))
    }

    /// Takes a call, to run it when there are nodes for it.
    pub fn arrive(self: &Arc<Self>, invocation: Invocation) {
        let mut next = Some(invocation);
        while let Some(invocation) = next {
            // Where nothing can be run any more, one refusal may bring the next call.
            next = self.take(invocation);
        }
    }

    /// Takes one call; what is to be started next if that one has ended already.
    fn take(self: &Arc<Self>, invocation: Invocation) -> Option<Invocation> {
        let Invocation {
            attempt,
            work,
            offer,
        } = invocation;
        let mut inner = self.inner.lock();
        let refused = match &inner.broken {
            // Asked for under the lock: whoever stops it later finds it here.
            _ if work.stop_signal().is_requested(attempt.id.attempt) => Some(Outcome::Stopped),
            Some(reason) => Some(unavailable(reason)),
            None => None,
        };
        if let Some(outcome) = refused {
            drop(inner);
            return work.finish(&attempt, outcome);
        }
        let nodes = geometry_of(&*work).num_nodes.get();
        let (timeout, priority) = (work.timeout(), work.priority());
        inner.placement.arrive(attempt.id, nodes, timeout, priority);
        let call = Call {
            attempt,
            work,
            offer,
            running: None,
            is_stopped: false,
            lost: None,
        };
        inner.calls.insert(attempt.id, call);
        drop(inner);
        self.place();
        None
    }

    /// Stops a call, whether it waits, runs, or is about to arrive.
    pub fn stop(self: &Arc<Self>, attempt: AttemptId, work: &Arc<dyn Work>) {
        work.stop_signal().request(attempt.attempt);
        let mut inner = self.inner.lock();
        let Some(call) = inner.calls.get_mut(&attempt) else {
            return;
        };
        call.is_stopped = true;
        if let Some(running) = call.running.clone() {
            drop(inner);
            running.first.stop(attempt, &running.work);
        } else if inner.placement.withdraw(attempt)
            && let Some(call) = inner.calls.remove(&attempt)
        {
            drop(inner);
            self.finish(&call.work, &call.attempt, Outcome::Stopped);
            // Nodes may have been kept for it.
            self.place();
        }
    }

    /// There is a node more, until its block's end if that is known. Numbers of nodes are not used
    /// twice.
    ///
    /// # Errors
    /// It cannot run applications: its launcher is not there, or is unknown.
    pub fn joined(
        self: &Arc<Self>,
        block: u32,
        node: u32,
        at: Arc<dyn AppNode>,
        until: Option<Instant>,
    ) -> Result<(), String> {
        self.add(block, node, at, until)?;
        self.place();
        Ok(())
    }

    /// There is a node more; nothing is started on it yet.
    pub(super) fn add(
        &self,
        block: u32,
        node: u32,
        at: Arc<dyn AppNode>,
        until: Option<Instant>,
    ) -> Result<(), String> {
        let program = &self.mpi.launcher;
        let launcher = match at.launcher() {
            Some(words) => Launcher::recognise(program, &words?)?,
            None => Launcher::recognise(program, "").unwrap_or(Launcher::Hydra),
        };
        let name = Arc::from(at.name());
        let mut inner = self.inner.lock();
        let joined = Node { at, name, launcher };
        inner.nodes.insert(node, joined);
        inner.placement.joined(block, node, until);
        Ok(())
    }

    /// A node's block ends then, other than was told.
    pub fn lasts(self: &Arc<Self>, node: u32, until: Option<Instant>) {
        self.inner.lock().placement.lasts(node, until);
        self.place();
    }

    /// A node is gone, for this reason: `node n3 is lost: ...`. What has ranks on it is stopped,
    /// and returned to the driver.
    pub fn left(self: &Arc<Self>, node: u32, reason: &str) {
        let mut inner = self.inner.lock();
        let gone = inner.nodes.remove(&node);
        let hit = inner.placement.left(node);
        let call = hit.and_then(|attempt| inner.calls.get_mut(&attempt));
        let running = call.and_then(|call| {
            call.lost.get_or_insert_with(|| reason.to_owned());
            call.running.clone()
        });
        drop(inner);
        if let (Some(gone), Some(running), Some(attempt)) = (gone, running, hit)
            && !Arc::ptr_eq(&gone.at, &running.first)
        {
            running.first.stop(attempt, &running.work);
        }
        self.place();
    }

    /// Nothing more is started in this block.
    pub fn draining(self: &Arc<Self>, block: u32) {
        self.inner.lock().placement.draining(block);
        self.place();
    }

    /// What waits for nodes.
    #[must_use]
    pub fn wanted(&self) -> AppsWanted {
        self.inner.lock().placement.wanted()
    }

    /// Whether a node has ranks of an application, or what one has left.
    #[must_use]
    pub fn busy(&self, node: u32) -> bool {
        self.inner.lock().placement.is_busy(node)
    }

    /// Fails all calls that wait, and those to come, for this reason.
    pub fn give_up(self: &Arc<Self>, reason: &str) {
        let mut inner = self.inner.lock();
        inner.broken.get_or_insert_with(|| reason.to_owned());
        let waiting = inner.placement.withdraw_all();
        let calls: Vec<Call> = waiting
            .iter()
            .filter_map(|attempt| inner.calls.remove(attempt))
            .collect();
        drop(inner);
        for call in calls {
            self.finish(&call.work, &call.attempt, unavailable(reason));
        }
        self.settings.events.changed();
    }

    /// Starts what there are nodes for.
    pub(super) fn place(self: &Arc<Self>) {
        loop {
            let mut inner = self.inner.lock();
            let Some(placed) = inner.placement.next(Instant::now()) else {
                break;
            };
            let started = self.prepare(&mut inner, &placed);
            drop(inner);
            if let Some((first, invocation)) = started {
                invocation.work.placed(placed.attempt, &placed.nodes);
                first.start(invocation);
            }
        }
        self.settings.events.changed();
    }

    /// What starts an application, and where.
    fn prepare(
        self: &Arc<Self>,
        inner: &mut Inner,
        placed: &Placed,
    ) -> Option<(Arc<dyn AppNode>, Invocation)> {
        let call = inner.calls.get_mut(&placed.attempt)?;
        let nodes: Vec<&Node> = placed
            .nodes
            .iter()
            .filter_map(|node| inner.nodes.get(node))
            .collect();
        let names: Vec<Arc<str>> = nodes.iter().map(|node| Arc::clone(&node.name)).collect();
        let first = nodes.first()?;
        let geometry = geometry_of(&*call.work);
        tracing::debug!(
            executor = self.settings.executor,
            task = %placed.attempt,
            block = placed.block,
            nodes = names.join(","),
            "an application is started"
        );
        let application = format!("{}-{}", self.run, placed.attempt);
        let mut options = self.mpi.launcher_options.clone();
        options.extend(call.work.launcher_options().iter().cloned());
        let variables = variables(&Application {
            id: &application,
            geometry,
            nodes: &names,
            is_local: self.settings.is_local,
            program: &self.mpi.launcher,
            launcher: first.launcher,
            options: &options,
            is_root: self.settings.is_root,
            in_slurm: self.settings.in_slurm,
        });
        let work: Arc<dyn Work> = Arc::new(PlacedWork {
            inner: Arc::clone(&call.work),
            apps: Arc::clone(self),
            application,
            variables,
        });
        let first = Arc::clone(&first.at);
        call.running = Some(Running {
            first: Arc::clone(&first),
            work: Arc::clone(&work),
        });
        let invocation = Invocation {
            attempt: call.attempt,
            work,
            offer: call.offer,
        };
        Some((first, invocation))
    }

    /// An application has ended; its nodes are swept before that is told.
    pub(super) fn ended(self: &Arc<Self>, attempt: AttemptId, application: &str, outcome: Outcome) {
        let mut inner = self.inner.lock();
        let numbers = inner.placement.ended(attempt);
        let places = places(&inner.nodes, &numbers);
        drop(inner);
        let sweep = |(at, numbers): (Arc<dyn AppNode>, _)| {
            let swept = at.sweep(application);
            async move { (numbers, swept.await) }
        };
        let sweeps: Vec<_> = places.into_iter().map(sweep).collect();
        let apps = Arc::clone(self);
        self.settings.runtime.spawn(async move {
            let swept = join_all(sweeps).await;
            apps.swept(attempt, outcome, swept);
        });
    }

    /// Its nodes are swept.
    fn swept(self: &Arc<Self>, attempt: AttemptId, outcome: Outcome, swept: Vec<SweptNodes>) {
        let mut inner = self.inner.lock();
        let mut lost = None;
        let mut unclean = Vec::new();
        for (numbers, swept) in swept {
            // This machine is all there is, however many nodes it stands for: better in bad company
            // than waiting for ever.
            let is_clean = swept
                .as_ref()
                .is_ok_and(|swept| swept.left == 0 || self.settings.is_local);
            for number in &numbers {
                inner.placement.swept(*number, is_clean);
            }
            if swept.is_ok() && !is_clean {
                unclean.extend(numbers);
            }
            match swept {
                Ok(Swept { left: 0, found: 0 }) => {}
                Ok(swept) => tracing::warn!(
                    executor = self.settings.executor,
                    task = %attempt,
                    killed = swept.found - swept.left.min(swept.found),
                    left = swept.left,
                    "an application has left processes behind"
                ),
                Err(reason) => {
                    lost.get_or_insert(reason);
                }
            }
        }
        let call = inner.calls.remove(&attempt);
        drop(inner);
        if let Some(call) = call {
            let lost = call.lost.or(lost);
            let outcome = judge(outcome, lost, call.is_stopped);
            self.finish(&call.work, &call.attempt, outcome);
        }
        for node in unclean {
            let reason = format!("processes that task {attempt} has left there cannot be killed");
            self.settings.events.unclean(node, &reason);
        }
        self.place();
    }

    /// Reports a call's end, and takes what is to be started next.
    fn finish(self: &Arc<Self>, work: &Arc<dyn Work>, attempt: &Attempt, outcome: Outcome) {
        if let Some(next) = Arc::clone(work).finish(attempt, outcome) {
            self.arrive(next);
        }
    }
}

/// Nodes that are one place, and what came of sweeping it.
type SweptNodes = (Vec<u32>, Result<Swept, String>);

/// The places of these nodes, each with all of them that it is.
fn places(nodes: &HashMap<u32, Node>, numbers: &[u32]) -> Vec<(Arc<dyn AppNode>, Vec<u32>)> {
    let mut places: Vec<(Arc<dyn AppNode>, Vec<u32>)> = Vec::new();
    for number in numbers {
        let Some(node) = nodes.get(number) else {
            continue;
        };
        match places.iter_mut().find(|(at, _)| Arc::ptr_eq(at, &node.at)) {
            Some((_, numbers)) => numbers.push(*number),
            None => places.push((Arc::clone(&node.at), vec![*number])),
        }
    }
    places
}

/// How an attempt ended, seeing that one of its nodes may have been lost: a launcher may exit with
/// code 0 when a node dies under it, and what it says otherwise is about that loss.
fn judge(outcome: Outcome, lost: Option<String>, is_stopped: bool) -> Outcome {
    match (outcome, lost) {
        (outcome, None) => outcome,
        (Outcome::Stopped, Some(_)) if is_stopped => Outcome::Stopped,
        (Outcome::Failed(failure), Some(_)) if !failure.retryable => Outcome::Failed(failure),
        (Outcome::Returned { reason }, Some(_)) => Outcome::Returned { reason },
        (_, Some(reason)) => Outcome::Returned { reason },
    }
}

/// What a call asks for; one rank on one node if it says nothing.
fn geometry_of(work: &dyn Work) -> Geometry {
    work.geometry().unwrap_or(Geometry {
        num_nodes: NonZeroU32::MIN,
        num_ranks: NonZeroU32::MIN,
        ranks_per_node: NonZeroU32::MIN,
    })
}

fn unavailable(reason: &str) -> Outcome {
    Outcome::Failed(Failure::permanent(FailureKind::Unavailable {
        reason: reason.to_owned(),
    }))
}

impl fmt::Debug for Apps {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Apps")
            .field("executor", &self.settings.executor)
            .field("mpi", &self.mpi)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
