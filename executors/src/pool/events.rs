//! What the node tells: processes that were started and have ended, commands that are done.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::call::Call;
use super::job::{Stopping, WorkerId};
use super::manager::{Inner, Shared};
use super::perform::Turnover;
use super::place::{Place, Request};
use super::turn::{self, Sending};
use crate::command::{CommandEnd, CommandSpec};
use crate::node::{NodeEvents, NodeFacts};
use crate::{Attempt, AttemptId, Outcome, ProcessEnd, Report, Usage};

/// A body that takes less time than this is quick: handing it to a thread takes as long.
const QUICK: Duration = Duration::from_micros(200);

/// How often a node is made anew that was there and is lost; then it is no accident.
const MAY_BE_LOST: u32 = 3;

/// Passes on to a pool, as long as it is there, what its node tells.
pub(super) struct Events(pub(super) Weak<Shared>);

impl NodeEvents for Events {
    fn ready(&self, facts: NodeFacts) {
        if let Some(shared) = self.0.upgrade() {
            let mut inner = shared.inner.lock();
            inner.node_name = Some(facts.host.into());
        }
    }

    fn failed(&self, reason: String) {
        if let Some(shared) = self.0.upgrade() {
            shared.node_failed(reason);
        }
    }

    fn launched(&self, worker: u32, _process: u32) {
        if let Some(shared) = self.0.upgrade() {
            shared.with(|state, now, _| state.launched(WorkerId(worker), now));
        }
    }

    fn exited(&self, worker: u32, end: ProcessEnd, stderr: String) {
        if let Some(shared) = self.0.upgrade() {
            shared.exited(WorkerId(worker), end, stderr);
        }
    }

    fn executed(
        &self,
        attempt: AttemptId,
        end: Result<i32, CommandEnd>,
        usage: Usage,
        process: u32,
    ) {
        if let Some(shared) = self.0.upgrade() {
            shared.executed(attempt, end, usage, process);
        }
    }
}

impl Shared {
    /// A worker's process has ended; what it has said before is read first.
    fn exited(self: &Arc<Self>, worker: WorkerId, end: ProcessEnd, stderr: String) {
        let mut inner = self.inner.lock();
        let Some(link) = inner.links.get_mut(&worker) else {
            return;
        };
        link.exit = Some((end, stderr));
        match &link.connection {
            Some(connection) if !link.is_read => connection.end(),
            _ => {
                let turnover = self.let_go(&mut inner, worker);
                drop(inner);
                self.turn_over(turnover);
            }
        }
    }

    /// A worker has nothing more to say.
    pub(super) fn is_read(self: &Arc<Self>, worker: WorkerId, misspoke: Option<String>) {
        let mut inner = self.inner.lock();
        let Some(link) = inner.links.get_mut(&worker) else {
            return;
        };
        link.is_read = true;
        link.misspoke = misspoke;
        let turnover = if link.exit.is_some() {
            self.let_go(&mut inner, worker)
        } else {
            // Without its socket it is of no use; its end is reported in a moment.
            let mut turnover = Turnover::default();
            self.ask(&mut inner, Request::Kill { worker }, &mut turnover);
            turnover
        };
        drop(inner);
        self.turn_over(turnover);
    }

    /// Gives up a worker whose process has ended.
    fn let_go(&self, inner: &mut Inner, worker: WorkerId) -> Turnover {
        let Some(link) = inner.links.remove(&worker) else {
            return Turnover::default();
        };
        let mut commands = Vec::new();
        if let Some(exit) = link.into_exit() {
            inner.state.lost(worker, &exit, &mut commands);
        }
        inner.state.schedule(Instant::now(), &mut commands);
        inner.place.forget(worker);
        let turnover = self.perform(inner, &mut commands);
        self.gone.notify_waiters();
        turnover
    }

    fn turn_over(self: &Arc<Self>, turnover: Turnover) {
        turn::within(Sending::Soon, || self.complete(turnover));
    }

    /// The node did not come to be, or is lost.
    pub(super) fn node_failed(self: &Arc<Self>, reason: String) {
        let mut commands = Vec::new();
        let mut inner = self.inner.lock();
        if matches!(inner.place, Place::Gone) {
            return;
        }
        let was_there = inner.node_name.take().is_some();
        inner.lost_nodes += 1;
        // Its task, which tells this, still has its folders.
        let former = inner.place.leave();
        inner.former.extend(former);
        if !was_there || inner.lost_nodes > MAY_BE_LOST {
            inner.state.give_up(reason, &mut commands);
        } else {
            tracing::warn!(
                executor = self.settings.name,
                reason,
                "the node's processes are lost and started anew"
            );
            inner.place = Place::Nothing;
        }
        let links = std::mem::take(&mut inner.links);
        let begun = |worker| {
            let link = links.get(&worker);
            link.map(super::link::Link::begun).unwrap_or_default()
        };
        inner.state.node_lost(was_there, begun, &mut commands);
        inner.state.schedule(Instant::now(), &mut commands);
        let turnover = self.perform(&mut inner, &mut commands);
        drop(inner);
        self.gone.notify_waiters();
        self.turn_over(turnover);
    }

    /// Has the body of a command run, then executed what it says.
    ///
    /// Most bodies put a few words together, and the runtime does that by the way; where one took
    /// longer, the next run on threads for it.
    pub(super) fn begin_command(self: &Arc<Self>, call: Arc<Call>, gpus: Vec<u32>) {
        let shared = Arc::clone(self);
        let begin = move || shared.run_command_body(&call, &gpus);
        if self.has_quick_bodies.load(Ordering::Relaxed) {
            self.runtime.spawn(async move { begin() });
        } else {
            self.runtime.spawn_blocking(begin);
        }
    }

    fn run_command_body(self: &Arc<Self>, call: &Arc<Call>, gpus: &[u32]) {
        let begun = Instant::now();
        let attempt = Attempt {
            deadline: call.timeout.and_then(|timeout| begun.checked_add(timeout)),
            ..call.attempt
        };
        let spec = Arc::clone(&call.work).command(&attempt);
        let is_quick = begun.elapsed() < QUICK;
        self.has_quick_bodies.store(is_quick, Ordering::Relaxed);
        let refused = match spec {
            Ok(mut spec) => {
                spec.kill_grace = self.settings.kill_grace;
                if !gpus.is_empty() {
                    let gpus: Vec<_> = gpus.iter().map(|gpu| *gpu as usize).collect();
                    let variables = self.settings.gpus.of_process(&gpus).into_iter().flatten();
                    let owned = variables.map(|(name, value)| (name.to_owned(), value));
                    spec.environment.extend(owned);
                }
                self.execute(attempt, spec).err()
            }
            Err(failure) => Some(CommandEnd::Failed(failure)),
        };
        if let Some(end) = refused {
            self.executed(attempt.id, Err(end), Usage::default(), 0);
        }
    }

    /// Gives a command to the node, unless it was stopped while its body ran.
    fn execute(self: &Arc<Self>, attempt: Attempt, spec: CommandSpec) -> Result<(), CommandEnd> {
        let mut turnover = Turnover::default();
        let mut inner = self.inner.lock();
        if inner.state.is_stopping(attempt.id) {
            return Err(CommandEnd::Stopped);
        }
        let request = Request::Execute {
            attempt,
            spec: Box::new(spec),
            // As it is by now: the other one may have ended meanwhile.
            after: inner.state.give(attempt.id),
        };
        self.ask(&mut inner, request, &mut turnover);
        drop(inner);
        self.turn_over(turnover);
        Ok(())
    }

    /// A command has ended.
    fn executed(
        self: &Arc<Self>,
        attempt: AttemptId,
        end: Result<i32, CommandEnd>,
        usage: Usage,
        process: u32,
    ) {
        let mut commands = Vec::new();
        let now = Instant::now();
        let mut inner = self.inner.lock();
        let Some(job) = inner.state.executed(attempt, usage.run, &mut commands) else {
            return;
        };
        let node = inner.node_name.clone();
        inner.state.schedule(now, &mut commands);
        let turnover = self.perform(&mut inner, &mut commands);
        drop(inner);
        let call = job.payload;
        turn::within(Sending::Soon, || {
            self.complete(turnover);
            if process != 0 {
                call.work.report(Report {
                    node: node.unwrap_or_default(),
                    worker: None,
                    process,
                    attempt: attempt.attempt,
                    begun: now.checked_sub(usage.run).unwrap_or(now),
                    usage,
                    stdout: None,
                    stderr: None,
                });
            }
            let outcome = match end {
                Ok(code) => call.work.exited(code),
                Err(CommandEnd::Failed(failure)) => Outcome::Failed(failure),
                Err(CommandEnd::Stopped) => Outcome::Stopped,
            };
            self.finish(&call.attempt, Arc::clone(&call.work), outcome);
        });
    }
}

impl<P: super::job::Payload> super::state::State<P> {
    /// Whether an attempt that is here was told to stop.
    fn is_stopping(&self, attempt: AttemptId) -> bool {
        let entry = self.find(attempt).and_then(|id| self.entry(id));
        entry.is_none_or(|entry| entry.stopping != Stopping::No)
    }
}
