use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chiltepin_executors::{AttemptId, Invocation, Outcome, TaskId};
use parking_lot::{Mutex, MutexGuard};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use super::plan::Plan;
use super::{Installed, Scope, Settings, timers};
use crate::error::{ErrorKind, TaskError};
use crate::future::{AnyFuture, Status};
use crate::kernel::{
    Command, Dependency, Ending, Event, ExecutorId, Finish, Kernel, Root, Standing, Submission,
};
use crate::task::{AnyTask, Task};
use crate::{AppFuture, Value};

/// What the kernel keeps of a task.
pub(crate) type Payload = Arc<dyn AnyTask>;

pub(crate) type Commands = Vec<Command<Payload, TaskError>>;

/// The meeting place of calls, kernel and executors; one for each workflow.
pub(crate) struct Driver {
    state: Mutex<State>,
    pub(super) executors: Vec<Installed>,
    pub(super) settings: Settings,
    pub(super) handle: Handle,
    /// The time the kernel wants to be woken at has moved forward.
    pub(super) earlier: Notify,
    drained: watch::Sender<bool>,
    /// What the running joins have submitted.
    pub(super) scopes: Mutex<HashMap<TaskId, Arc<Scope>>>,
}

/// How many calls are submitted at one taking of the lock: enough to make its cost small, few
/// enough that executors are not kept waiting for it.
const BATCH: usize = 256;

/// How often a taken lock is looked at before the thread goes to sleep: one to three microseconds,
/// by the length of the processor's pause.
const SPINS: usize = 400;

/// A call on its way to the kernel.
struct NewCall<T> {
    task: Arc<dyn Task<T>>,
    plan: Result<Plan, ErrorKind>,
    driver: Arc<Driver>,
}

/// What the admission of calls leaves to do after unlocking.
struct Arrivals {
    now: Instant,
    commands: Commands,
    /// Tasks that depend on futures of other workflows.
    foreign: Vec<(TaskId, Box<dyn AnyFuture>)>,
    /// Tasks that a join has submitted.
    scoped: Vec<TaskId>,
    /// Tasks that cannot run at all.
    refused: Vec<Payload>,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self {
            now: Instant::now(),
            commands: super::perform::take_scratch(),
            foreign: Vec::new(),
            scoped: Vec::new(),
            refused: Vec::new(),
        }
    }
}

struct State {
    kernel: Kernel<Payload, TaskError>,
    /// The dependencies of the call being submitted; kept for its memory.
    dependencies: Vec<Dependency<TaskError>>,
    /// When the timer will fire.
    armed: Option<Instant>,
}

impl Driver {
    /// Makes a driver whose executors are `executors`, in order of their ids.
    pub(crate) fn new(executors: Vec<Installed>, settings: Settings, handle: Handle) -> Arc<Self> {
        let kernel = Kernel::new(settings.labels.limits().to_vec());
        let state = State {
            kernel,
            dependencies: Vec::new(),
            armed: None,
        };
        let driver = Arc::new(Self {
            state: Mutex::new(state),
            executors,
            settings,
            handle,
            earlier: Notify::new(),
            drained: watch::Sender::new(false),
            scopes: Mutex::default(),
        });
        for (index, installed) in (0..).zip(&driver.executors) {
            let offer = installed
                .state
                .as_ref()
                .ok()
                .and_then(|executor| executor.offer());
            if let Some(capacity) = offer {
                let executor = ExecutorId(index);
                driver.tell(Event::Offered {
                    executor,
                    offer: 0,
                    capacity,
                });
            }
        }
        timers::spawn(&driver);
        driver
    }

    /// Takes the lock. Whoever has it needs it for a fraction of a microsecond, so it pays to wait
    /// a little before the thread is put to sleep, which costs many times that.
    fn lock(&self) -> MutexGuard<'_, State> {
        for _ in 0..SPINS {
            if let Some(state) = self.state.try_lock() {
                return state;
            }
            std::hint::spin_loop();
        }
        self.state.lock()
    }

    /// Submits a call; `scope` is the join that does, if one does.
    pub(crate) fn submit<T: Value>(
        self: &Arc<Self>,
        task: Arc<dyn Task<T>>,
        scope: Option<&Arc<Scope>>,
    ) -> AppFuture<T> {
        let mut arrivals = Arrivals::default();
        let new = self.prepare(task);
        let state = self.lock();
        let (state, task) = self.admit(state, new, scope, &mut arrivals);
        self.leave(state, &arrivals.commands);
        let future = AppFuture::of_task(task);
        self.welcome(arrivals, scope);
        future
    }

    /// Submits many calls, a batch of them at each taking of the lock.
    pub(crate) fn submit_all<T: Value>(
        self: &Arc<Self>,
        tasks: impl Iterator<Item = Arc<dyn Task<T>>>,
        scope: Option<&Arc<Scope>>,
    ) -> Vec<AppFuture<T>> {
        let mut tasks = tasks.fuse();
        let mut futures = Vec::with_capacity(tasks.size_hint().0);
        loop {
            let batch: Vec<_> = tasks
                .by_ref()
                .take(BATCH)
                .map(|task| self.prepare(task))
                .collect();
            if batch.is_empty() {
                return futures;
            }
            let mut arrivals = Arrivals::default();
            let mut state = self.lock();
            let mut admitted = Vec::with_capacity(batch.len());
            for new in batch {
                let task;
                (state, task) = self.admit(state, new, scope, &mut arrivals);
                admitted.push(task);
            }
            self.leave(state, &arrivals.commands);
            futures.extend(admitted.into_iter().map(AppFuture::of_task));
            self.welcome(arrivals, scope);
        }
    }

    /// Works out, before the lock is taken, all that can be.
    fn prepare<T>(self: &Arc<Self>, task: Arc<dyn Task<T>>) -> NewCall<T> {
        let plan = self.plan(task.header(), task.kind());
        NewCall {
            task,
            plan,
            driver: Arc::clone(self),
        }
    }

    /// Hands a call to the kernel, under the lock.
    fn admit<'s, T: Value>(
        &self,
        mut state: MutexGuard<'s, State>,
        new: NewCall<T>,
        scope: Option<&Arc<Scope>>,
        arrivals: &mut Arrivals,
    ) -> (MutexGuard<'s, State>, Arc<dyn Task<T>>) {
        let NewCall {
            mut task,
            plan,
            driver,
        } = new;
        let id = state.kernel.next_id();
        // A call is the only owner of its task until here.
        if let Some(task) = Arc::get_mut(&mut task) {
            task.header_mut().set_submitted(driver, id);
        }
        match plan {
            Ok(plan) => {
                let State {
                    kernel,
                    dependencies,
                    ..
                } = &mut *state;
                dependencies.clear();
                if task.has_dependencies() {
                    task.visit_dependencies(&mut |future| {
                        self.stamp(id, future, dependencies, &mut arrivals.foreign);
                    });
                }
                let submission = Submission {
                    payload: Arc::clone(&task) as Payload,
                    executors: plan.executors,
                    demand: plan.demand,
                    priority: task.header().priority(),
                    inside: scope.is_some(),
                    dependencies,
                    rules: plan.rules,
                };
                let now = arrivals.now;
                kernel.handle(
                    Event::Submitted { id, submission },
                    now,
                    &mut arrivals.commands,
                );
                if scope.is_some() {
                    arrivals.scoped.push(id);
                }
            }
            Err(kind) => {
                state.kernel.discard_id(id);
                task.header().decision().fail(task.header().error(kind));
                arrivals.refused.push(Arc::clone(&task) as Payload);
            }
        }
        (state, task)
    }

    /// Does, after unlocking, what the admission of calls led to.
    fn welcome(self: &Arc<Self>, arrivals: Arrivals, scope: Option<&Arc<Scope>>) {
        for (id, future) in arrivals.foreign {
            self.watch(id, future);
        }
        if let Some(scope) = scope {
            for id in arrivals.scoped {
                scope.add(self, id);
            }
        }
        for task in arrivals.refused {
            task.release();
        }
        self.perform(arrivals.commands, None);
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
        match header.decision().result() {
            Some(Ok(())) => {}
            Some(Err(error)) => dependencies.push(Dependency::Failed(error)),
            None if header
                .driver()
                .is_some_and(|driver| std::ptr::eq(&**driver, self)) =>
            {
                dependencies.push(Dependency::Pending(header.id()));
            }
            None => {
                dependencies.push(Dependency::External);
                foreign.push((id, future.boxed()));
            }
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

    /// An executor reports how an attempt ended, and takes what it is to start next.
    pub(crate) fn finished(
        self: &Arc<Self>,
        task: &Payload,
        attempt: AttemptId,
        outcome: Outcome,
    ) -> Option<Invocation> {
        let executor = task.header().executor_id();
        let finish = match outcome {
            Outcome::Succeeded => Finish::Succeeded,
            Outcome::Stopped => Finish::Stopped,
            Outcome::Failed(failure) => {
                let name = executor.and_then(|executor| self.executor_name(executor));
                let place = task.header().place(name, attempt.attempt);
                let retryable = failure.retryable;
                let failure = TaskError::new(ErrorKind::of_failure(failure.kind), place);
                Finish::Failed { failure, retryable }
            }
        };
        let keep = executor.map(|executor| (executor, task.kind().holds_thread()));
        let commands = self.ask(Event::Finished { attempt, finish });
        self.perform(commands, keep)
    }

    /// An executor reports that it cannot stop an attempt.
    pub(crate) fn abandoned(self: &Arc<Self>, attempt: AttemptId) {
        self.tell(Event::Finished {
            attempt,
            finish: Finish::Abandoned,
        });
    }

    pub(crate) fn cancel(self: &Arc<Self>, id: TaskId) {
        self.tell(Event::Cancelled { id });
    }

    /// Hands an event to the kernel and does what it commands.
    pub(crate) fn tell(self: &Arc<Self>, event: Event<'_, Payload, TaskError>) {
        let commands = self.ask(event);
        let kept = self.perform(commands, None);
        debug_assert!(kept.is_none(), "nobody is there to go on with it");
    }

    fn ask(&self, event: Event<'_, Payload, TaskError>) -> Commands {
        let mut commands = super::perform::take_scratch();
        let now = Instant::now();
        let mut state = self.lock();
        state.kernel.handle(event, now, &mut commands);
        self.leave(state, &commands);
        commands
    }

    /// Decides the endings among the commands, and unlocks.
    fn leave(&self, mut state: MutexGuard<'_, State>, commands: &Commands) {
        self.decide(commands);
        let wake = state.kernel.next_wake();
        let earlier = match (wake, state.armed) {
            (Some(wake), Some(armed)) => wake < armed,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if earlier {
            state.armed = wake;
        }
        drop(state);
        if earlier {
            self.earlier.notify_one();
        }
    }

    /// Makes the endings known to futures, still under the lock: a call submitted next must see
    /// what the kernel sees.
    fn decide(&self, commands: &Commands) {
        let mut roots: HashMap<TaskId, TaskError> = HashMap::new();
        for command in commands {
            let Command::Ended {
                id,
                attempt,
                executor,
                payload,
                ending,
            } = command
            else {
                continue;
            };
            let header = payload.header();
            let kind = match ending {
                Ending::Succeeded => {
                    header.decision().succeed();
                    continue;
                }
                Ending::Failed(error) => {
                    header.decision().fail(error.clone());
                    roots.insert(*id, error.clone());
                    continue;
                }
                Ending::DependencyFailed(root) => {
                    let root = match root {
                        Root::Failure(error) => Some(error.root().clone()),
                        Root::Task(id) => roots.get(id).map(|error| error.root().clone()),
                    };
                    match root {
                        Some(root) => ErrorKind::DependencyFailed { root },
                        None => ErrorKind::WorkflowClosed,
                    }
                }
                Ending::TimedOut { abandoned } => ErrorKind::TimedOut {
                    timeout: header.timeout().unwrap_or_default(),
                    abandoned: *abandoned,
                },
                Ending::Cancelled { abandoned } => ErrorKind::Cancelled {
                    abandoned: *abandoned,
                },
                Ending::Closed => ErrorKind::WorkflowClosed,
            };
            let name = executor.and_then(|executor| self.executor_name(executor));
            let error = TaskError::new(kind, header.place(name, *attempt));
            header.decision().fail(error.clone());
            roots.insert(*id, error);
        }
    }

    /// When the timer is to fire; asked by the timer.
    pub(super) fn armed(&self) -> Option<Instant> {
        self.lock().armed
    }

    /// The timer has fired.
    pub(super) fn woken(self: &Arc<Self>) {
        let mut commands = super::perform::take_scratch();
        let now = Instant::now();
        let mut state = self.lock();
        state.armed = None;
        state.kernel.handle(Event::Woken, now, &mut commands);
        self.leave(state, &commands);
        self.perform(commands, None);
    }

    pub(crate) fn status(&self, id: TaskId) -> Status {
        let standing = self.lock().kernel.status(id);
        let place = |executor: ExecutorId| {
            self.executor_name(executor)
                .map(|name| name.to_string())
                .unwrap_or_default()
        };
        match standing {
            Some(Standing::Waiting { on }) => Status::Waiting {
                dependencies: on as usize,
            },
            Some(Standing::Ready { executors }) => Status::Queued {
                executors: executors
                    .iter()
                    .filter_map(|executor| self.executor_name(executor))
                    .map(|name| name.to_string())
                    .collect(),
            },
            Some(Standing::Limited(label)) => Status::Limited {
                label: self
                    .settings
                    .labels
                    .name(label)
                    .unwrap_or_default()
                    .to_owned(),
            },
            Some(Standing::Delayed { until }) => Status::Delayed {
                pause: until.saturating_duration_since(Instant::now()),
            },
            Some(Standing::Running { executor, attempt }) => Status::Running {
                executor: place(executor),
                attempt,
            },
            Some(Standing::Stopping { executor, attempt }) => Status::Stopping {
                executor: place(executor),
                attempt,
            },
            // It has ended; whoever asks finds the decision there the next time.
            None => Status::Waiting { dependencies: 0 },
        }
    }

    pub(crate) fn executor_name(&self, executor: ExecutorId) -> Option<Arc<str>> {
        self.executors
            .get(usize::from(executor.0))
            .map(|installed| Arc::clone(&installed.name))
    }

    /// The executors of the configuration; the one for joins comes after them.
    pub(super) fn configured(&self) -> &[Installed] {
        self.executors
            .split_last()
            .map_or(&[], |(_, configured)| configured)
    }

    pub(crate) fn configured_names(&self) -> Vec<String> {
        self.configured()
            .iter()
            .map(|installed| installed.name.to_string())
            .collect()
    }

    /// What is told to stop is killed without its grace.
    pub(crate) fn hurry(&self) {
        for executor in self
            .executors
            .iter()
            .filter_map(|installed| installed.state.as_ref().ok())
        {
            executor.hurry();
        }
    }

    /// Lets the executors go of what they hold.
    pub(crate) async fn shut_executors(&self, grace: Duration) {
        for executor in self
            .executors
            .iter()
            .filter_map(|installed| installed.state.as_ref().ok())
        {
            executor.shutdown(grace).await;
        }
    }

    pub(crate) fn run_folder(&self) -> PathBuf {
        self.settings.run_folder.clone()
    }

    pub(super) fn set_drained(&self) {
        self.drained.send_replace(true);
    }

    /// Waits until a driver that is draining, closing or killing has no task left.
    pub(crate) async fn drained(&self) {
        let mut drained = self.drained.subscribe();
        // The sender is `self`, so it cannot be gone.
        let _ = drained.wait_for(|drained| *drained).await;
    }
}
