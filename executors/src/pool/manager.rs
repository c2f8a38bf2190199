use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::PoolSettings;
use super::call::Call;
use super::connection::Connection;
use super::job::{Command, Job, WorkerId};
use super::link::Link;
use super::perform::Turnover;
use super::place::{Place, There};
use super::state::State;
use super::turn::{self, Sending};
use crate::registry::{self, Functions};
use crate::{
    AttemptId, Capacity, Demand, Executor, Failure, FailureKind, Invocation, LossRule, Outcome,
    Rooms, TaskKind, Work, start,
};

/// The number of the offer for calls that wait at workers.
const AHEAD: u32 = 1;

/// Runs bodies in worker processes on this machine, and commands beside them.
#[derive(Debug)]
pub struct Processes {
    shared: Arc<Shared>,
}

/// Why a program cannot have worker processes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoWorkers {
    /// It would not know that it is to be one.
    #[error(transparent)]
    NotEntered(#[from] start::StartError),
    /// There is nothing they could run.
    #[error(transparent)]
    NoTasks(#[from] registry::NoTasks),
}

/// What all parts of a pool share.
pub(super) struct Shared {
    pub(super) settings: PoolSettings,
    pub(super) capacity: Capacity,
    pub(super) runtime: Handle,
    pub(super) functions: &'static Functions,
    pub(super) inner: Mutex<Inner>,
    rooms: OnceLock<Arc<dyn Rooms>>,
    /// Held while the room is told.
    offering: Mutex<()>,
    /// The time the state wants to be told has moved forward.
    pub(super) earlier: Notify,
    /// A worker is gone, or the place is.
    pub(super) gone: Notify,
    /// Somebody is about to flush what is dirty.
    flushing: AtomicBool,
    /// The body of the latest command took next to no time.
    pub(super) has_quick_bodies: AtomicBool,
}

pub(super) struct Inner {
    pub(super) state: State<Arc<Call>>,
    pub(super) links: HashMap<WorkerId, Link>,
    /// Connections to which something was added.
    pub(super) dirty: Vec<Arc<Connection>>,
    pub(super) place: Place,
    /// Makes the place.
    pub(super) beginning: Option<JoinHandle<()>>,
    /// Places whose processes are lost.
    pub(super) former: Vec<There>,
    /// The host name of the node, once it is there.
    pub(super) node_name: Option<Arc<str>>,
    /// What is told to stop is killed without its time.
    pub(super) is_hurried: bool,
    /// How many nodes were lost.
    pub(super) lost_nodes: u32,
    /// When the timer fires.
    pub(super) armed: Option<Instant>,
}

impl Processes {
    /// Makes a pool; its first process is started with the first call, unless the settings say
    /// otherwise.
    ///
    /// # Errors
    /// This program cannot have worker processes.
    pub fn new(settings: PoolSettings, runtime: Handle) -> Result<Self, NoWorkers> {
        start::origin()?;
        let functions = Functions::of_program();
        functions.check_some()?;
        let state = State::new(settings.clone());
        let shared = Arc::new(Shared {
            capacity: settings.capacity(),
            settings,
            runtime,
            functions,
            inner: Mutex::new(Inner {
                state,
                links: HashMap::new(),
                dirty: Vec::new(),
                place: Place::Nothing,
                beginning: None,
                former: Vec::new(),
                node_name: None,
                is_hurried: false,
                lost_nodes: 0,
                armed: None,
            }),
            rooms: OnceLock::new(),
            offering: Mutex::new(()),
            earlier: Notify::new(),
            gone: Notify::new(),
            flushing: AtomicBool::new(false),
            has_quick_bodies: AtomicBool::new(false),
        });
        super::timer::spawn(&shared);
        shared.with(|state, now, commands| state.begin(now, commands));
        Ok(Self { shared })
    }

    /// Starts invocations that have come together, with one message to each worker that gets some.
    pub fn start_all(&self, invocations: Vec<Invocation>) {
        turn::within(Sending::Now, || {
            for invocation in invocations {
                // The turn is there: it takes each.
                let _ = turn::defer(&self.shared, invocation);
            }
        });
    }

    /// The most room that one task can ever have.
    #[must_use]
    pub fn largest(&self) -> Capacity {
        self.shared.capacity
    }
}

#[async_trait]
impl Executor for Processes {
    fn offer(&self) -> Option<Capacity> {
        Some(self.shared.capacity)
    }

    fn attach(&self, rooms: Arc<dyn Rooms>) {
        if self.shared.rooms.set(rooms).is_ok() {
            turn::within(Sending::Soon, || self.shared.offer_ahead());
        }
    }

    fn tells_begin(&self) -> bool {
        true
    }

    fn start(&self, invocation: Invocation) {
        let shared = &self.shared;
        if let Some(invocation) = turn::defer(shared, invocation) {
            turn::within(Sending::Soon, || {
                // Nobody is there to take it but the turn just begun.
                let _ = turn::defer(shared, invocation);
            });
        }
    }

    fn stop(&self, attempt: AttemptId, work: &Arc<dyn Work>) {
        // Whether it is on its way here is found out by who brings it.
        work.stop_signal().request(attempt.attempt);
        self.shared.with(|state, now, commands| {
            state.stop(attempt, now, commands);
            state.schedule(now, commands);
        });
    }

    fn hurry(&self) {
        self.shared
            .with(|state, now, commands| state.hurry(now, commands));
        let mut inner = self.shared.inner.lock();
        inner.is_hurried = true;
        inner.place.hurry();
    }

    async fn shutdown(&self, grace: Duration) {
        let shared = Arc::clone(&self.shared);
        // Whoever closes the workflow may do so outside of its runtime.
        let shut = self
            .shared
            .runtime
            .spawn(async move { shared.shut(grace).await });
        if let Err(error) = shut.await {
            tracing::debug!(%error, "the runtime ended before the workers did");
        }
    }
}

impl Shared {
    /// Lets the state do something, and does what it commands.
    pub(super) fn with<R>(
        self: &Arc<Self>,
        act: impl FnOnce(&mut State<Arc<Call>>, Instant, &mut Vec<Command<Arc<Call>>>) -> R,
    ) -> R {
        let mut commands = Vec::new();
        let now = Instant::now();
        let mut inner = self.inner.lock();
        let result = act(&mut inner.state, now, &mut commands);
        let turnover = self.perform(&mut inner, &mut commands);
        drop(inner);
        turn::within(Sending::Soon, || self.complete(turnover));
        result
    }

    /// Takes invocations: encodes what goes to workers, and hands all to the state at once.
    pub(super) fn take(self: &Arc<Self>, invocations: Vec<(Arc<Self>, Invocation)>) {
        let mut jobs = Vec::with_capacity(invocations.len());
        for (_, invocation) in invocations {
            match self.job(&invocation) {
                Ok(job) => jobs.push(job),
                Err(failure) => {
                    self.finish(
                        &invocation.attempt,
                        invocation.work,
                        Outcome::Failed(failure),
                    );
                }
            }
        }
        if jobs.is_empty() {
            return;
        }
        let mut commands = Vec::with_capacity(jobs.len());
        let mut overtaken = Vec::new();
        let now = Instant::now();
        let mut inner = self.inner.lock();
        for job in jobs {
            let stop = job.payload.work.stop_signal();
            if stop.is_requested(job.attempt.attempt) {
                overtaken.push((job.payload, Outcome::Stopped));
            } else {
                inner.state.arrive(job, &mut commands);
            }
        }
        inner.state.schedule(now, &mut commands);
        let mut turnover = self.perform(&mut inner, &mut commands);
        drop(inner);
        turnover.ended.extend(overtaken);
        self.complete(turnover);
    }

    fn job(&self, invocation: &Invocation) -> Result<Job<Arc<Call>>, Failure> {
        let Invocation { attempt, work, .. } = invocation;
        let kind = work.kind();
        let resources = work.resources();
        let mut job = Job {
            attempt: attempt.id,
            kind,
            demand: Demand::new(kind, resources),
            on_loss: LossRule::Repeat,
            heeds_stop: false,
            payload: Arc::new(Call {
                attempt: *attempt,
                work: Arc::clone(work),
                timeout: work.timeout(),
                encoded: None,
            }),
        };
        if kind == TaskKind::Command {
            job.on_loss = LossRule::Fail;
            return Ok(job);
        }
        let per_worker = self.settings.gpus_per_worker;
        if per_worker > 0 && resources.gpus > per_worker {
            let reason = format!(
                "it asks for {} GPUs, and each worker of `{}` has {per_worker} \
                 (`gpus_per_worker`)",
                resources.gpus, self.settings.name
            );
            return Err(Failure::permanent(FailureKind::Invalid { reason }));
        }
        let encoded = work.encode(attempt, self.settings.largest_value)?;
        let Some(function) = self.functions.place(encoded.info) else {
            let reason = format!(
                "`{}` is not among the tasks that the linker collected",
                encoded.info.function
            );
            return Err(Failure::permanent(FailureKind::Invalid { reason }));
        };
        job.on_loss = encoded.on_loss;
        job.heeds_stop = encoded.info.takes_context;
        job.payload = Arc::new(Call {
            attempt: *attempt,
            work: Arc::clone(work),
            timeout: work.timeout(),
            encoded: Some((encoded, function)),
        });
        Ok(job)
    }

    /// Reports an attempt's end; what is to be started next waits for the end of the turn.
    pub(super) fn finish(
        self: &Arc<Self>,
        attempt: &crate::Attempt,
        work: Arc<dyn Work>,
        outcome: Outcome,
    ) {
        let Some(next) = work.finish(attempt, outcome) else {
            return;
        };
        if let Some(next) = turn::defer(self, next) {
            turn::within(Sending::Soon, || {
                let _ = turn::defer(self, next);
            });
        }
    }

    /// Does what may not be done under the lock; within a turn.
    pub(super) fn complete(self: &Arc<Self>, turnover: Turnover) {
        for connection in turnover.urgent {
            connection.flush();
        }
        match turn::sending() {
            Some(Sending::Soon) => self.flush_soon(),
            Some(Sending::Now) | None => self.flush(),
        }
        for call in turnover.begun {
            call.work.begun(call.attempt.id);
        }
        for (call, gpus) in turnover.bodies {
            self.begin_command(call, gpus);
        }
        for (call, outcome) in turnover.ended {
            self.finish(&call.attempt, Arc::clone(&call.work), outcome);
        }
        if turnover.has_other_room {
            self.offer_ahead();
        }
        if turnover.begins_place {
            self.begin_place();
        }
    }

    /// Tells of the room for calls that wait here, as it is by now; within a turn.
    fn offer_ahead(&self) {
        let Some(rooms) = self.rooms.get() else {
            return;
        };
        // Of two that tell, the one that comes last has asked last.
        let _one_by_one = self.offering.lock();
        let calls = self.inner.lock().state.room_ahead();
        let cores = calls.saturating_mul(self.settings.share());
        rooms.offered(
            AHEAD,
            Capacity {
                async_bodies: 0,
                cores,
                memory: 0,
                gpus: 0,
            },
        );
    }

    /// Sends what was added.
    fn flush(&self) {
        let dirty = std::mem::take(&mut self.inner.lock().dirty);
        for connection in &dirty {
            connection.flush();
        }
    }

    /// Has what was added sent by a task of the runtime: until its turn comes, more may be added.
    fn flush_soon(self: &Arc<Self>) {
        if self.inner.lock().dirty.is_empty() || self.flushing.swap(true, Ordering::SeqCst) {
            return;
        }
        let shared = Arc::clone(self);
        self.runtime.spawn(async move {
            tokio::task::yield_now().await;
            shared.flushing.store(false, Ordering::SeqCst);
            shared.flush();
        });
    }

    /// Ends all processes; those that still run after `grace` are killed.
    async fn shut(self: &Arc<Self>, grace: Duration) {
        self.with(|state, now, commands| state.close(now, commands));
        let all_gone = async {
            loop {
                let gone = self.gone.notified();
                if self.inner.lock().state.is_empty() {
                    return;
                }
                gone.await;
            }
        };
        let in_time = tokio::time::timeout(grace.max(ENDS_WITHIN), all_gone).await;
        if in_time.is_err() {
            tracing::debug!(
                executor = self.settings.name,
                "workers did not end by themselves and are killed"
            );
        }
        self.end_place(grace).await;
    }
}

/// How long workers that have nothing to do are given to end, even without grace.
const ENDS_WITHIN: Duration = Duration::from_millis(500);

impl Drop for Processes {
    fn drop(&mut self) {
        // The spawner sees its socket close and ends what is left.
        let there = self.shared.inner.lock().place.leave();
        drop(there);
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Shared")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
