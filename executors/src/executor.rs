use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::mpi::Geometry;
use crate::{AttemptId, BlocksStatus, Capacity, Demand, Invocation, Work};

/// Runs invocations: threads of this process, worker processes, nodes of a cluster.
#[async_trait]
pub trait Executor: Send + Sync + fmt::Debug {
    /// The room this executor has from the start, if any.
    fn offer(&self) -> Option<Capacity>;

    /// Is told, before anything is started, whom to tell of room that comes and goes.
    fn attach(&self, _rooms: Arc<dyn Rooms>) {}

    /// Whether it tells by [`Work::begun`] when the time of an attempt begins: calls may wait here.
    /// Elsewhere that is when the attempt is [started](Executor::start).
    fn tells_begin(&self) -> bool {
        false
    }

    /// Why it could never run a call that asks for this, beyond the room it takes: unless it says
    /// otherwise, it starts no MPI applications.
    ///
    /// # Errors
    /// It could not; the reason is the end of a sentence that begins with the call.
    fn admit(&self, asked: &Asked) -> Result<(), String> {
        asked.without_mpi()
    }

    /// Whether any room that it offers [ends](Rooms::offered_until): calls with different timeouts
    /// are then told apart.
    fn has_ends(&self) -> bool {
        false
    }

    /// Whether it wants to be [told](Executor::wanted) of calls that wait for room.
    fn hears_wanted(&self) -> bool {
        false
    }

    /// Is told how much work waits that could run here and has no room anywhere, whenever it has
    /// doubled or halved, its longest timeout has grown, or it begins or ceases to be nothing.
    /// Returns at once; is never called twice at the same time.
    fn wanted(&self, _wanted: Wanted) {}

    /// Starts one invocation that was bound to this executor's room.
    ///
    /// Returns at once; never runs a body on the caller's stack. The invocation's
    /// [`Work::finish`] is called exactly once, also when it was stopped before it began.
    fn start(&self, invocation: Invocation);

    /// Stops an attempt that was started, or is about to be: the request may overtake the start.
    ///
    /// What cannot be stopped is reported by [`Work::abandoned`] instead, before this returns.
    /// An attempt that has finished is left alone.
    fn stop(&self, attempt: AttemptId, work: &Arc<dyn Work>);

    /// How its blocks stand, if it runs on any. Returns at once.
    fn status(&self) -> Option<BlocksStatus> {
        None
    }

    /// What was told to stop, or is told from now on, is killed without waiting for its grace.
    fn hurry(&self);

    /// Lets go of threads and processes; what still runs after `grace` is killed or left behind.
    ///
    /// Called once, after everything was finished or stopped.
    async fn shutdown(&self, grace: Duration);
}

/// What a call asks of an executor beside room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The nodes and ranks of an MPI application, if the call says any.
    pub geometry: Option<Geometry>,
    /// How long an attempt may take, if that is bounded.
    pub timeout: Option<Duration>,
}

impl Asked {
    /// Whether an executor that starts no MPI applications can run it: one rank is a process like
    /// any other, of more only one would be started.
    ///
    /// # Errors
    /// It asks for more than one rank; the reason is the end of a sentence that begins with the
    /// call.
    pub fn without_mpi(&self) -> Result<(), String> {
        match self.geometry {
            Some(geometry) if geometry.num_ranks.get() > 1 => Err(format!(
                "cannot have {} ranks, since that resource starts no MPI applications (`mpi = true`)",
                geometry.num_ranks
            )),
            _ => Ok(()),
        }
    }
}

/// The work that waits for room on an executor, all calls together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// How many calls wait.
    pub calls: u64,
    /// The async bodies among them.
    pub async_bodies: u64,
    /// The cores they ask for.
    pub cores: u64,
    /// The bytes of memory they ask for.
    pub memory: u64,
    /// The GPUs they ask for.
    pub gpus: u64,
    /// The longest timeout of any of them.
    pub longest: Option<Duration>,
}

impl Wanted {
    /// Adds so many calls of the same demand.
    pub fn add(&mut self, calls: u64, demand: &Demand, timeout: Option<Duration>) {
        let times = |each: u64| each.saturating_mul(calls);
        self.calls = self.calls.saturating_add(calls);
        self.async_bodies = self
            .async_bodies
            .saturating_add(times(demand.async_bodies.into()));
        self.cores = self.cores.saturating_add(times(demand.cores.into()));
        self.memory = self.memory.saturating_add(times(demand.memory));
        self.gpus = self.gpus.saturating_add(times(demand.gpus.into()));
        self.longest = self.longest.max(timeout);
    }
}

/// Whether the number of an offer is that of room in which calls wait until there is some in the
/// offer before it.
#[must_use]
pub const fn is_ahead(offer: u32) -> bool {
    offer & 1 == 1
}

/// Is told of an executor's room beyond what it [offers](Executor::offer) from the start, which is
/// offer number 0. Odd numbers are of room in which [calls wait](is_ahead).
pub trait Rooms: Send + Sync {
    /// There is room. Made again under the same number it says anew how much there is in all: what
    /// runs there is part of it, also if it was withdrawn meanwhile.
    fn offered(&self, offer: u32, capacity: Capacity) {
        self.offered_until(offer, capacity, None);
    }

    /// There is room until then: an attempt whose timeout may end later is not bound to it. Only
    /// for executors that [say so](Executor::has_ends).
    fn offered_until(&self, offer: u32, capacity: Capacity, until: Option<Instant>);

    /// The room is gone; what runs there still reports its end. Told before anything that ran
    /// there is [returned](crate::Outcome::Returned), lest it is bound to the same room again.
    fn withdrawn(&self, offer: u32);

    /// From now on no place of the executor will ever have more room than this: calls that wait for
    /// more and could run nowhere else end as ones that fit nowhere.
    fn largest(&self, capacity: Capacity);

    /// The executor can run nothing any more, for this reason: calls that wait for it and could run
    /// nowhere else end with it, and its offers are withdrawn.
    fn broken(&self, reason: String);
}
