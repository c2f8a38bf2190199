use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use chiltepin_executors::panic::catch;
use chiltepin_executors::{AttemptId, Executor, FailureKind, Invocation, Outcome, TaskId};
use parking_lot::{Mutex, MutexGuard};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use super::inbox::{Inbox, NewCall};
use super::plain::PlainPlans;
use super::rooms::RoomsOf;
use super::submit::Arrivals;
use super::{Installed, Scope, Settings, cause, timers};
use crate::error::{ErrorKind, TaskError};
use crate::kernel::{Command, Dependency, Event, ExecutorId, Finish, Kernel};
use crate::task::{AnyTask, Header};

/// What the kernel keeps of a task.
pub(crate) type Payload = Arc<dyn AnyTask>;

pub(crate) type Commands = Vec<Command<Payload, TaskError>>;

/// The meeting place of calls, kernel and executors; one for each workflow.
pub(crate) struct Driver {
    state: Mutex<State>,
    pub(super) inbox: Inbox,
    pub(super) plain: PlainPlans,
    /// The number of the latest call.
    pub(super) last_number: AtomicU64,
    pub(super) executors: Vec<Installed>,
    pub(super) settings: Settings,
    pub(super) handle: Handle,
    /// The time the kernel wants to be woken at has moved forward.
    pub(super) earlier: Notify,
    drained: watch::Sender<bool>,
    /// What the running joins have submitted.
    pub(super) scopes: Mutex<HashMap<TaskId, Arc<Scope>>>,
}

/// How often a taken lock is looked at before the thread goes to sleep: one to three microseconds,
/// by the length of the processor's pause.
const SPINS: usize = 64;

pub(super) struct State {
    pub(super) kernel: Kernel<Payload, TaskError>,
    /// The dependencies of the call being submitted; kept for its memory.
    pub(super) dependencies: Vec<Dependency<TaskError>>,
    /// The calls being handed over; kept for its memory.
    pub(super) calls: Vec<NewCall>,
    /// When the timer will fire.
    armed: Option<Instant>,
    /// A call has a timeout or may be repeated, so the time matters.
    is_timed: bool,
    opened: Instant,
}

impl State {
    /// Takes in what an executor is and wants, before it is told anything.
    fn expect(&mut self, id: ExecutorId, executor: &dyn Executor) {
        if executor.tells_begin() {
            self.kernel.expect_begin(id);
        }
        if executor.hears_wanted() {
            self.kernel.hear_wanted(id);
        }
        if executor.has_ends() {
            // The time matters from the first call with a timeout on, which sees to that itself.
            self.kernel.expect_ends(id);
        }
    }

    /// The time, as far as it matters: reading the clock is a good part of what a task costs.
    /// `is_timed` tells of a call just submitted.
    pub(super) fn now(&mut self, is_timed: bool) -> Instant {
        self.is_timed |= is_timed;
        if self.is_timed {
            Instant::now()
        } else {
            self.opened
        }
    }
}

impl Driver {
    /// Makes a driver whose executors are `executors`, in order of their ids.
    pub(crate) fn new(executors: Vec<Installed>, settings: Settings, handle: Handle) -> Arc<Self> {
        let kernel = Kernel::new(settings.labels.limits().to_vec());
        let state = State {
            kernel,
            dependencies: Vec::new(),
            calls: Vec::new(),
            armed: None,
            is_timed: false,
            opened: Instant::now(),
        };
        let driver = Arc::new(Self {
            state: Mutex::new(state),
            inbox: Inbox::default(),
            plain: PlainPlans::default(),
            last_number: AtomicU64::new(0),
            executors,
            settings,
            handle,
            earlier: Notify::new(),
            drained: watch::Sender::new(false),
            scopes: Mutex::default(),
        });
        for (index, installed) in (0..).zip(&driver.executors) {
            let id = ExecutorId(index);
            let executor = match &installed.state {
                Ok(executor) => executor,
                Err(reason) => {
                    driver.note_unavailable(id, reason);
                    continue;
                }
            };
            driver.lock().expect(id, &**executor);
            executor.attach(RoomsOf::shared(&driver, id));
            if let Some(capacity) = executor.offer() {
                driver.note_room(id, 0, Some(capacity));
                driver.tell(Event::Offered {
                    executor: id,
                    offer: 0,
                    capacity,
                    until: None,
                });
            }
        }
        timers::spawn(&driver);
        driver
    }

    /// Takes the lock. Whoever has it needs it for a fraction of a microsecond, so it pays to wait
    /// a little before the thread is put to sleep, which costs many times that.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        for _ in 0..SPINS {
            if let Some(state) = self.state.try_lock() {
                return state;
            }
            std::hint::spin_loop();
        }
        self.state.lock()
    }

    pub(super) fn try_lock(&self) -> Option<MutexGuard<'_, State>> {
        self.state.try_lock()
    }

    /// An executor reports how an attempt ended, and takes what it is to start next.
    pub(crate) fn finished(
        self: &Arc<Self>,
        task: &dyn AnyTask,
        attempt: AttemptId,
        outcome: Outcome,
    ) -> Option<Invocation> {
        let executor = task.header().executor_id();
        let mut returned = None;
        let finish = match outcome {
            Outcome::Succeeded => Finish::Succeeded,
            Outcome::Stopped => Finish::Stopped,
            Outcome::Returned { reason } => {
                let header = task.header();
                header.count_return();
                let executor = executor.and_then(|executor| self.executor_name(executor));
                tracing::info!(task = header.name(), %attempt, executor = executor.as_deref(), reason, "returned");
                returned = Some(reason);
                Finish::Returned
            }
            Outcome::Failed(failure) => {
                let name = executor.and_then(|executor| self.executor_name(executor));
                let place = task.header().place(name, attempt.attempt);
                let cause = cause::cause(&failure, task.header());
                if let FailureKind::NodesLost { .. } = failure.kind {
                    // Whoever has it repeated even so has it begin anew.
                    task.header().forget_returns();
                }
                let kind = ErrorKind::of_failure(failure.kind, place.executor.as_deref());
                let failure = TaskError::new(kind, place);
                let retries = self.retries(task.header());
                let cause = cause.filter(|_| retries.is_worth_it(&failure));
                Finish::Failed { failure, cause }
            }
        };
        self.note_finished(task.header(), attempt, &finish, returned.as_deref());
        // The kernel may let go of a failure that no longer counts; its last reference, and with it
        // the user's error, is dropped here and not under the lock. That must not keep the executor
        // that reports from going on.
        let kept = match &finish {
            Finish::Failed { failure, .. } => Some(failure.clone()),
            _ => None,
        };
        let keep = executor.map(|executor| (executor, task.kind().holds_thread()));
        let arrivals = self.ask([Event::Finished { attempt, finish }]);
        let next = self.welcome(arrivals, keep);
        if kept.is_some() {
            let _ = catch(|| drop(kept));
        }
        next
    }

    /// An executor reports that an attempt begins.
    pub(crate) fn begun(self: &Arc<Self>, attempt: AttemptId) {
        self.note_begun(attempt);
        self.tell(Event::Begun { attempt });
    }

    /// An executor reports that it cannot stop an attempt.
    pub(crate) fn abandoned(self: &Arc<Self>, attempt: AttemptId) {
        self.note_abandoned(attempt);
        self.tell(Event::Finished {
            attempt,
            finish: Finish::Abandoned,
        });
    }

    /// Results were looked for; where one is there, which is said with its task's id, the task has
    /// its value.
    pub(crate) fn looked(self: &Arc<Self>, answers: impl IntoIterator<Item = (TaskId, bool)>) {
        let answers: Vec<_> = answers.into_iter().collect();
        for (id, is_there) in &answers {
            self.note_looked(*id, *is_there);
        }
        let answers = answers.into_iter();
        let arrivals = self.ask(answers.map(|(id, is_there)| Event::Looked { id, is_there }));
        let kept = self.welcome(arrivals, None);
        debug_assert!(kept.is_none(), "nobody is there to go on with it");
    }

    /// A result outlives the process, or it is known that it cannot.
    pub(crate) fn kept(self: &Arc<Self>, id: TaskId) {
        self.tell(Event::Kept { id });
    }

    /// Gives up every attempt that was started, whether or not its executor ever reports its end.
    pub(crate) fn abandon_all(self: &Arc<Self>) {
        self.tell(Event::Abandoning);
    }

    pub(crate) fn cancel(self: &Arc<Self>, task: &Header) {
        if let Some(id) = self.placed(task) {
            self.cancel_placed(id);
        }
    }

    pub(super) fn cancel_placed(self: &Arc<Self>, id: TaskId) {
        self.tell(Event::Cancelled { id });
    }

    /// The id of a task in the kernel, after seeing to it that it is there.
    pub(super) fn placed(self: &Arc<Self>, task: &Header) -> Option<TaskId> {
        // Who has taken it out of the inbox has the lock until it is placed.
        while task.placed().is_none() && self.admit_waiting() {}
        task.placed()
    }

    /// Hands over all calls that were submitted before this.
    pub(crate) fn admit_all(self: &Arc<Self>) {
        while self.admit_waiting() {}
    }

    /// Begins the end, in the way the event says, after all calls that were submitted before.
    ///
    /// Whoever submits from now on hands the call over too, to have it refused: that takes no
    /// starter, and so no thread of a runtime that may be at its end or held by bodies.
    pub(crate) fn begin_end(self: &Arc<Self>, event: Event<'_, Payload, TaskError>) {
        self.close_inbox();
        self.tell(event);
    }

    /// Hands an event to the kernel and does what it commands.
    pub(crate) fn tell(self: &Arc<Self>, event: Event<'_, Payload, TaskError>) {
        let arrivals = self.ask([event]);
        let kept = self.welcome(arrivals, None);
        debug_assert!(kept.is_none(), "nobody is there to go on with it");
    }

    /// Hands events to the kernel; where calls differ in priority, after a batch of those that
    /// were submitted before, for room that an event makes is for the best of them all.
    fn ask<'a>(&self, events: impl IntoIterator<Item = Event<'a, Payload, TaskError>>) -> Arrivals {
        let mut arrivals = Arrivals::new();
        let mut state = self.lock();
        if self.inbox.is_prioritised() {
            self.admit_batch(&mut state, &mut arrivals);
        }
        let now = state.now(false);
        for event in events {
            state.kernel.handle(event, now, &mut arrivals.commands);
        }
        self.leave(state, &arrivals.commands);
        arrivals
    }

    /// Decides the endings among the commands, and unlocks.
    pub(super) fn leave(&self, mut state: MutexGuard<'_, State>, commands: &Commands) {
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
        for executor in self.executors.iter().filter_map(Installed::executor) {
            executor.hurry();
        }
    }

    /// Lets the executors go of what they hold.
    pub(crate) async fn shut_executors(&self, grace: Duration) {
        // All at once: one that takes its time must not use up that of the others.
        let executors = self.executors.iter().filter_map(Installed::executor);
        futures::future::join_all(executors.map(|executor| executor.shutdown(grace))).await;
    }

    /// Whether some executor keeps accounts of its attempts.
    pub(crate) fn keeps_accounts(&self) -> bool {
        self.settings.accounts
    }

    /// The run's folder, which is made now if it is not there.
    pub(crate) fn run_folder(&self) -> PathBuf {
        self.settings.run_folder.path()
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
