use std::sync::Arc;
use std::sync::atomic::Ordering;

use chiltepin_executors::{Invocation, TaskId};

use super::inbox::{BATCH, NewCall};
use super::lock::{Commands, Payload, State};
use super::perform::take_scratch;
use super::{Driver, Scope};
use crate::error::TaskError;
use crate::future::AnyFuture;
use crate::kernel::{Dependency, Event, ExecutorId, Submission};
use crate::task::Task;
use crate::{AppFuture, Value};

/// What the admission of calls leaves to do after unlocking.
pub(super) struct Arrivals {
    pub(super) commands: Commands,
    /// Tasks that depend on futures of other workflows.
    foreign: Vec<(TaskId, Box<dyn AnyFuture>)>,
    /// Tasks that a join has submitted.
    scoped: Vec<(TaskId, Arc<Scope>)>,
}

impl Arrivals {
    pub(super) fn new() -> Self {
        Self {
            commands: take_scratch(),
            foreign: Vec::new(),
            scoped: Vec::new(),
        }
    }
}

impl Driver {
    /// Submits a call; `scope` is the join that does, if one does.
    ///
    /// Where the kernel is free, the call is handed over here and now; else it queues in the
    /// inbox, so that nobody waits for the lock to submit.
    pub(crate) fn submit<T: Value>(
        self: &Arc<Self>,
        task: Arc<dyn Task<T>>,
        scope: Option<&Arc<Scope>>,
    ) -> AppFuture<T> {
        let (future, call) = self.prepare(task, scope);
        let Some(call) = call else { return future };
        if self.inbox.is_in_use() {
            self.leave_in_inbox([call]);
            return future;
        }
        match self.try_lock() {
            None => self.leave_in_inbox([call]),
            Some(mut state) => {
                let mut arrivals = Arrivals::new();
                self.admit(&mut state, call, &mut arrivals);
                self.leave(state, &arrivals.commands);
                self.welcome(arrivals, None);
            }
        }
        future
    }

    /// Submits many calls, a batch of them at a time.
    pub(crate) fn submit_all<T: Value>(
        self: &Arc<Self>,
        tasks: impl Iterator<Item = Arc<dyn Task<T>>>,
        scope: Option<&Arc<Scope>>,
    ) -> Vec<AppFuture<T>> {
        let mut futures = Vec::with_capacity(tasks.size_hint().0);
        let mut batch = Vec::with_capacity(BATCH);
        for task in tasks {
            let (future, call) = self.prepare(task, scope);
            futures.push(future);
            batch.extend(call);
            if batch.len() == BATCH {
                self.hand_over(batch.drain(..));
            }
        }
        self.hand_over(batch);
        futures
    }

    /// Hands over a batch here and now, behind those that wait: for so many the lock pays.
    fn hand_over(self: &Arc<Self>, batch: impl IntoIterator<Item = NewCall>) {
        if self.inbox.is_in_use() {
            self.leave_in_inbox(batch);
            self.admit_waiting();
            return;
        }
        let mut arrivals = Arrivals::new();
        let mut state = self.lock();
        for call in batch {
            self.admit(&mut state, call, &mut arrivals);
        }
        self.leave(state, &arrivals.commands);
        self.welcome(arrivals, None);
    }

    /// Works out, before any lock is taken, all that can be; a call that cannot run has its error
    /// at once.
    fn prepare<T: Value>(
        self: &Arc<Self>,
        mut task: Arc<dyn Task<T>>,
        scope: Option<&Arc<Scope>>,
    ) -> (AppFuture<T>, Option<NewCall>) {
        let plan = self.plan(task.header(), task.kind());
        let number = self.last_number.fetch_add(1, Ordering::Relaxed) + 1;
        // A call is the only owner of its task until here.
        if let Some(task) = Arc::get_mut(&mut task) {
            task.header_mut().set_submitted(Arc::clone(self), number);
        }
        let call = match plan {
            Ok(plan) => {
                self.note_submitted(&*task, number, plan.executors, plan.priority);
                if plan.priority != 0 {
                    self.inbox.prioritise();
                }
                Some(NewCall {
                    task: Arc::clone(&task) as Payload,
                    number,
                    has_dependencies: task.has_dependencies(),
                    plan,
                    scope: scope.map(Arc::clone),
                })
            }
            Err(kind) => {
                self.note_refused(&*task, number, &kind);
                task.header().decision().fail(task.header().error(kind));
                task.release();
                None
            }
        };
        (AppFuture::of_task(task), call)
    }

    /// Hands over a batch of calls from the inbox; false if there were none.
    pub(super) fn admit_waiting(self: &Arc<Self>) -> bool {
        let mut arrivals = Arrivals::new();
        let mut state = self.lock();
        let some = self.admit_batch(&mut state, &mut arrivals);
        self.leave(state, &arrivals.commands);
        self.welcome(arrivals, None);
        some
    }

    /// The same for who has the lock.
    pub(super) fn admit_batch(&self, state: &mut State, arrivals: &mut Arrivals) -> bool {
        let mut calls = std::mem::take(&mut state.calls);
        self.inbox.take(BATCH, &mut calls);
        let some = !calls.is_empty();
        for call in calls.drain(..) {
            self.admit(state, call, arrivals);
        }
        state.calls = calls;
        some
    }

    /// Hands a call to the kernel, under the lock.
    fn admit(&self, state: &mut State, call: NewCall, arrivals: &mut Arrivals) {
        let NewCall {
            task,
            number,
            has_dependencies,
            plan,
            scope,
        } = call;
        let now = state.now(plan.rules.is_some());
        let State {
            kernel,
            dependencies,
            ..
        } = state;
        let id = kernel.place(number);
        task.header().set_placed(id);
        dependencies.clear();
        if has_dependencies {
            task.visit_dependencies(&mut |future| {
                self.stamp(id, future, dependencies, &mut arrivals.foreign);
            });
        }
        let submission = Submission {
            payload: task,
            executors: plan.executors,
            demand: plan.demand,
            priority: plan.priority,
            inside: scope.is_some(),
            dependencies,
            rules: plan.rules,
        };
        let event = Event::Submitted { id, submission };
        let before = arrivals.commands.len();
        kernel.handle(event, now, &mut arrivals.commands);
        // The next call of the batch may depend on one that was refused.
        self.decide(&arrivals.commands[before..]);
        // Errors among them may be user values, whose last reference must not go under the lock.
        dependencies.clear();
        if let Some(scope) = scope {
            arrivals.scoped.push((id, scope));
        }
    }

    /// Does, after unlocking, what the admission of calls led to.
    ///
    /// `keep` and what is given back are those of [`perform`](Self::perform).
    pub(super) fn welcome(
        self: &Arc<Self>,
        arrivals: Arrivals,
        keep: Option<(ExecutorId, bool)>,
    ) -> Option<Invocation> {
        if !arrivals.foreign.is_empty() {
            for (id, future) in arrivals.foreign {
                self.watch(id, future);
            }
        }
        if !arrivals.scoped.is_empty() {
            for (id, scope) in arrivals.scoped {
                scope.add(self, id);
            }
        }
        self.perform(arrivals.commands, keep)
    }

    /// Says how a future stands that a call depends on, at this moment, under the lock.
    fn stamp(
        &self,
        id: TaskId,
        future: &dyn AnyFuture,
        dependencies: &mut Vec<Dependency<TaskError>>,
        foreign: &mut Vec<(TaskId, Box<dyn AnyFuture>)>,
    ) {
        let Some(task) = future.task() else { return };
        let header = task.header();
        let ours = || {
            let driver = header.driver()?;
            let placed = header.placed()?;
            std::ptr::eq(&**driver, self).then_some(placed)
        };
        match header.decision().result() {
            Some(Ok(())) => {}
            Some(Err(error)) => dependencies.push(Dependency::Failed(error)),
            None => match ours() {
                Some(placed) => dependencies.push(Dependency::Pending(placed)),
                None => {
                    dependencies.push(Dependency::External);
                    foreign.push((id, future.boxed()));
                }
            },
        }
    }

    /// Waits for a future of another workflow on behalf of a task of this one.
    fn watch(self: &Arc<Self>, id: TaskId, mut future: Box<dyn AnyFuture>) {
        let driver = Arc::clone(self);
        self.handle.spawn(async move {
            let result = std::future::poll_fn(|context| future.poll_end(context)).await;
            driver.tell(Event::DependencyMet { id, result });
        });
    }
}
