//! What each event does: submissions, dependencies, cancels and the end of the workflow.
//! What happens to attempts is in `attempt`.

use std::cmp::Reverse;
use std::marker::PhantomData;
use std::time::Instant;

use chiltepin_executors::{AttemptId, Capacity, TaskId};

use super::edge::{Dependents, Edges};
use super::graph::{Table, Task};
use super::placement::Placement;
use super::queue::Turn;
use super::state::{State, StopCause};
use super::timer::Timers;
use super::wanted::Hearer;
use super::{
    Command, Dependency, Ending, Event, ExecutorId, ExecutorSet, Finish, Root, Standing, Submission,
};

/// How far the workflow is on its way to its end. It only moves on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    Open,
    Draining,
    Closing,
    Killing,
}

/// All tasks that have not ended, and what each waits for.
#[derive(Debug)]
pub(crate) struct Kernel<P, F> {
    pub(super) table: Table<P>,
    pub(super) edges: Edges,
    pub(super) placement: Placement,
    pub(super) timers: Timers,
    pub(super) mode: Mode,
    /// `Drained` was commanded.
    pub(super) is_drained: bool,
    /// Tasks that have become ready, ever.
    last_order: u64,
    /// The executors that tell when attempts begin.
    pub(super) tell_begin: ExecutorSet,
    /// The executors that hear of waiting work.
    pub(super) hearers: Vec<Hearer>,
    /// Tasks that have ended, ever, and those among them with a value.
    pub(super) ended: u64,
    pub(super) succeeded: u64,
    failure: PhantomData<fn() -> F>,
}

impl<P: Clone, F: Clone> Kernel<P, F> {
    /// Makes a kernel in which so many tasks of each label may run at once.
    pub(crate) fn new(limits: Vec<u32>) -> Self {
        Self {
            table: Table::new(),
            edges: Edges::new(),
            placement: Placement::new(limits),
            timers: Timers::default(),
            mode: Mode::Open,
            is_drained: false,
            last_order: 0,
            tell_begin: ExecutorSet::default(),
            hearers: Vec::new(),
            ended: 0,
            succeeded: 0,
            failure: PhantomData,
        }
    }

    /// Is told of an executor that it tells when attempts begin.
    pub(crate) fn expect_begin(&mut self, executor: ExecutorId) {
        self.tell_begin.insert(executor);
    }

    /// Is told of an executor, before it makes offers, that they may end at a known time.
    pub(crate) fn expect_ends(&mut self, executor: ExecutorId) {
        self.placement.expect_ends(executor);
    }

    /// Makes the id of the task with this number, which no other may have, to be submitted under
    /// the same lock.
    pub(crate) fn place(&mut self, number: u64) -> TaskId {
        self.table.reserve(number)
    }

    /// Takes in what has happened, and adds to `commands` what is to be done.
    pub(crate) fn handle(
        &mut self,
        event: Event<'_, P, F>,
        now: Instant,
        commands: &mut Vec<Command<P, F>>,
    ) {
        if self.placement.has_ends() {
            self.placement.set_now(now);
        }
        match event {
            Event::Submitted { id, submission } => {
                self.submitted(id, submission, now, commands);
            }
            Event::DependencyMet { id, result } => self.dependency_met(id, result, commands),
            Event::Offered {
                executor,
                offer,
                capacity,
                until,
            } => {
                self.placement.offered(executor, offer, capacity, until);
            }
            Event::Bounded { executor, largest } => self.bounded(executor, largest, commands),
            Event::Withdrawn { executor, offer } => self.placement.withdrawn(executor, offer),
            Event::Begun { attempt } => self.begun(attempt, now),
            Event::Finished { attempt, finish } => self.finished(attempt, finish, now, commands),
            Event::Looked { id, is_there } => self.looked(id, is_there, commands),
            Event::Kept { id } => self.kept(id, commands),
            Event::Cancelled { id } => self.cancelled(id, commands),
            Event::Woken => self.woken(now, commands),
            Event::Draining => self.mode = self.mode.max(Mode::Draining),
            Event::Closing => self.closing(Mode::Closing, commands),
            Event::Killing => self.closing(Mode::Killing, commands),
            Event::Abandoning => self.abandoning(now, commands),
        }
        while let Some((turn, room)) = self.placement.next(|turn| self.table.is_queued(turn)) {
            self.start(turn, room, now, commands);
        }
        if !self.hearers.is_empty() {
            self.say_wanted(commands);
        }
        if self.mode != Mode::Open && self.is_empty() && !self.is_drained {
            self.is_drained = true;
            commands.push(Command::Drained);
        }
    }

    /// When `Event::Woken` is due, if ever.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Where a task stands; `None` once it has ended.
    pub(crate) fn status(&self, id: TaskId) -> Option<Standing> {
        let task = self.table.get(id)?;
        let attempt = task.attempt;
        Some(match task.state {
            State::Waiting { pending, external } => Standing::Waiting {
                on: pending + external,
            },
            State::Looking => Standing::Looking,
            State::Keeping => Standing::Keeping { attempt },
            State::Ready => match self.placement.exhausted(task.shape) {
                Some(label) => Standing::Limited(label),
                None => Standing::Ready {
                    executors: self.placement.executors(task.shape),
                },
            },
            State::Delayed { until } => Standing::Delayed { until },
            State::Running { room, .. } => Standing::Running {
                executor: room.executor,
                attempt,
            },
            State::Stopping { room, .. } => Standing::Stopping {
                executor: room.executor,
                attempt,
            },
        })
    }

    /// How many tasks have not ended.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether every task has ended.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn submitted(
        &mut self,
        id: TaskId,
        submission: Submission<'_, P, F>,
        now: Instant,
        commands: &mut Vec<Command<P, F>>,
    ) {
        if !self.table.is_reserved(id) {
            debug_assert!(
                false,
                "task {id} was submitted twice, or its id is not the kernel's"
            );
            return;
        }
        let Submission {
            payload,
            executors,
            demand,
            priority,
            inside,
            dependencies,
            mut rules,
        } = submission;
        debug_assert!(executors.0 != 0, "task {id} may run nowhere");
        let is_open = match self.mode {
            Mode::Open => true,
            Mode::Draining => inside && !self.is_drained,
            Mode::Closing | Mode::Killing => false,
        };
        let failed = dependencies.iter().find_map(|dependency| match dependency {
            Dependency::Failed(failure) => Some(failure),
            Dependency::Pending(_) | Dependency::External => None,
        });
        let refusal = match failed {
            _ if !is_open => Some(Ending::Closed),
            Some(failure) => Some(Ending::DependencyFailed(Root::Failure(failure.clone()))),
            None => None,
        };
        if let Some(ending) = refusal {
            self.table.refuse(id);
            self.ended += 1;
            commands.push(Command::Ended {
                id,
                attempt: 0,
                executor: None,
                payload,
                ending,
            });
            return;
        }

        let (mut pending, mut external) = (0, 0);
        for dependency in dependencies {
            match dependency {
                Dependency::Pending(on) => match self.table.get_mut(*on) {
                    Some(task) => {
                        self.edges.append(&mut task.dependents, id);
                        pending += 1;
                    }
                    None => debug_assert!(false, "task {id} waits for {on}, which has ended"),
                },
                Dependency::External => external += 1,
                Dependency::Failed(_) => {}
            }
        }
        let (labels, timeout) = rules.as_mut().map_or((Vec::new(), None), |rules| {
            (std::mem::take(&mut rules.labels), rules.timeout)
        });
        let task = Task {
            number: id.number(),
            order: 0,
            payload,
            rules: rules.filter(|rules| {
                rules.timeout.is_some() || !rules.retry.is_nothing() || rules.is_cached
            }),
            priority,
            shape: self.placement.enter(executors, demand, labels, timeout),
            dependents: Dependents::none(),
            attempt: 0,
            returned: 0,
            executor: None,
            state: State::Waiting { pending, external },
        };
        let shape = task.shape;
        self.table.insert(id, task);
        if pending == 0
            && external == 0
            && let Some(turn) = self.give_turn(id, commands)
        {
            match self.placement.bind_at_once(shape, turn) {
                Some(room) => self.start(turn, room, now, commands),
                None => self.placement.enqueue(shape, turn),
            }
        }
    }

    fn dependency_met(
        &mut self,
        id: TaskId,
        result: Result<(), F>,
        commands: &mut Vec<Command<P, F>>,
    ) {
        let Some(task) = self.table.get_mut(id) else {
            return;
        };
        let State::Waiting {
            pending,
            external: external @ 1..,
        } = task.state
        else {
            return;
        };
        match result {
            Ok(()) => {
                task.state = State::Waiting {
                    pending,
                    external: external - 1,
                };
                if pending == 0 && external == 1 {
                    self.make_ready(id, commands);
                }
            }
            Err(failure) => {
                self.end(
                    id,
                    Ending::DependencyFailed(Root::Failure(failure)),
                    commands,
                );
            }
        }
    }

    fn cancelled(&mut self, id: TaskId, commands: &mut Vec<Command<P, F>>) {
        let Some(task) = self.table.get_mut(id) else {
            return;
        };
        match task.state {
            State::Waiting { .. } | State::Looking | State::Ready | State::Delayed { .. } => {
                self.end(id, Ending::Cancelled { abandoned: false }, commands);
            }
            State::Running { .. } => self.stop(id, StopCause::Cancel, commands),
            // It was told to stop already; from now on it will not be repeated.
            State::Stopping {
                room,
                cause: StopCause::Timeout,
            } => {
                task.state = State::Stopping {
                    room,
                    cause: StopCause::Cancel,
                };
            }
            // What it was to do is done.
            State::Keeping
            | State::Stopping {
                cause: StopCause::Cancel | StopCause::Close,
                ..
            } => {}
        }
    }

    /// Ends what has not started; `Killing` stops what has.
    fn closing(&mut self, mode: Mode, commands: &mut Vec<Command<P, F>>) {
        if self.mode >= mode {
            return;
        }
        self.mode = mode;
        let mut unstarted = Vec::new();
        let mut running = Vec::new();
        for (id, task) in self.table.iter_mut() {
            // Whoever waits for anything has not started, and ends now.
            task.dependents = Dependents::none();
            match task.state {
                State::Waiting { .. } | State::Looking | State::Ready | State::Delayed { .. } => {
                    unstarted.push(id);
                }
                State::Running { .. } => running.push(id),
                State::Stopping { .. } | State::Keeping => {}
            }
        }
        self.edges.clear();
        self.placement.clear();
        unstarted.sort_unstable();
        for id in unstarted {
            let Some(task) = self.table.remove(id) else {
                continue;
            };
            if matches!(task.state, State::Delayed { .. }) {
                self.timers.disarm(|timer| self.table.is_timed(timer));
            }
            self.placement.exit(task.shape);
            self.say_ended(id, task, Ending::Closed, commands);
        }
        if mode == Mode::Killing {
            running.sort_unstable();
            for id in running {
                self.stop(id, StopCause::Close, commands);
            }
        }
    }

    /// Ends what still runs, as if each executor had said that it cannot stop it.
    fn abandoning(&mut self, now: Instant, commands: &mut Vec<Command<P, F>>) {
        self.closing(Mode::Killing, commands);
        let mut running: Vec<_> = self
            .table
            .iter_mut()
            .map(|(task, entry)| AttemptId {
                task,
                attempt: entry.attempt,
            })
            .collect();
        running.sort_unstable_by_key(|attempt| attempt.task);
        for attempt in running {
            self.finished(attempt, Finish::Abandoned, now, commands);
            self.kept(attempt.task, commands);
        }
    }

    /// A result was looked for.
    fn looked(&mut self, id: TaskId, is_there: bool, commands: &mut Vec<Command<P, F>>) {
        let is_asked = (self.table.get(id)).is_some_and(|task| task.state == State::Looking);
        if is_asked && is_there {
            self.end(id, Ending::Succeeded, commands);
        } else if is_asked
            && let Some(turn) = self.queue_up(id, commands)
            && let Some(task) = self.table.get(id)
        {
            self.placement.enqueue(task.shape, turn);
        }
    }

    /// A result is kept as well as it can be.
    fn kept(&mut self, id: TaskId, commands: &mut Vec<Command<P, F>>) {
        if (self.table.get(id)).is_some_and(|task| task.state == State::Keeping) {
            self.end(id, Ending::Succeeded, commands);
        }
    }

    /// Ends what waits for room, now or after its pause, where it can never be any more.
    fn bounded(
        &mut self,
        executor: ExecutorId,
        largest: Option<Capacity>,
        commands: &mut Vec<Command<P, F>>,
    ) {
        if !self.placement.bounded(executor, largest) {
            return;
        }
        let mut nowhere: Vec<_> = self
            .table
            .iter()
            .filter(|(_, task)| {
                matches!(task.state, State::Ready | State::Delayed { .. })
                    && self.placement.fits_nowhere(task.shape)
            })
            .map(|(id, _)| id)
            .collect();
        nowhere.sort_unstable();
        for id in nowhere {
            self.end_unfit(id, commands);
        }
    }

    /// Queues a task that waits for nothing but room.
    pub(super) fn make_ready(&mut self, id: TaskId, commands: &mut Vec<Command<P, F>>) {
        if let Some(turn) = self.give_turn(id, commands)
            && let Some(task) = self.table.get(id)
        {
            self.placement.enqueue(task.shape, turn);
        }
    }

    /// Makes a task ready, unless its result is to be looked for first.
    fn give_turn(&mut self, id: TaskId, commands: &mut Vec<Command<P, F>>) -> Option<Turn> {
        let task = self.table.get_mut(id)?;
        if task.attempt == 0 && task.is_cached() {
            task.state = State::Looking;
            let payload = task.payload.clone();
            commands.push(Command::Look { id, payload });
            return None;
        }
        self.queue_up(id, commands)
    }

    /// Makes a task ready, or ends it where there will never be room for it. One that is repeated
    /// gets its old turn.
    fn queue_up(&mut self, id: TaskId, commands: &mut Vec<Command<P, F>>) -> Option<Turn> {
        let task = self.table.get_mut(id)?;
        if self.placement.fits_nowhere(task.shape) {
            // What it was before, and held, is over.
            task.state = State::Waiting {
                pending: 0,
                external: 0,
            };
            self.end_unfit(id, commands);
            return None;
        }
        task.state = State::Ready;
        if task.order == 0 {
            self.last_order += 1;
            task.order = self.last_order;
        }
        Some(Turn {
            priority: Reverse(task.priority),
            order: task.order,
            index: id.index(),
        })
    }
}
