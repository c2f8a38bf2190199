//! What the driver has been told, and what it may be told next.

use std::time::Duration;

use chiltepin_executors::{AttemptId, Capacity, Demand, TaskId};
use proptest::sample::Index;

use super::super::*;
use super::step::{How, Sketch, Step};
use crate::kernel::{Ending, Root, Standing};

const LIMITS: [u32; 2] = [1, 3];

/// An attempt that holds room: `zombie` if its task has ended.
#[derive(Debug)]
struct Attempt {
    number: u32,
    executor: u8,
    deadline: Option<Instant>,
    was_stopped: bool,
    zombie: bool,
}

#[derive(Debug)]
struct Task {
    id: TaskId,
    sketch: Sketch,
    /// Earlier tasks, by position.
    dependencies: Vec<usize>,
    external: u8,
    external_failed: bool,
    attempts: u32,
    running: Option<Attempt>,
    delayed: bool,
    was_cancelled: bool,
    had_timeout: bool,
    last: Option<How>,
    ended: Option<Ending<u32>>,
}

impl Task {
    fn demand(&self) -> Demand {
        Demand {
            async_bodies: u32::from(self.sketch.is_async),
            cores: self.sketch.cores,
            memory: 0,
            gpus: self.sketch.gpus,
        }
    }
}

/// How far the workflow has been told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Nothing,
    Drain,
    Close,
    Kill,
}

pub(super) struct Model {
    fixture: Fixture,
    tasks: Vec<Task>,
    told: Told,
    drained: u32,
    /// By executor: what it has in all, until an offer is withdrawn or made again.
    room: [Option<Capacity>; 3],
    offered: Vec<(u8, u32)>,
}

impl Model {
    pub(super) fn new() -> Self {
        let nothing = Capacity {
            async_bodies: 0,
            cores: 0,
            memory: 0,
            gpus: 0,
        };
        Self {
            fixture: Fixture::new(&LIMITS),
            tasks: Vec::new(),
            told: Told::Nothing,
            drained: 0,
            room: [Some(nothing); 3],
            offered: Vec::new(),
        }
    }

    pub(super) fn perform(&mut self, step: Step) {
        match step {
            Step::Submit(sketch) => self.submit(sketch),
            Step::Offer {
                executor,
                offer,
                cores,
                gpus,
                async_bodies,
            } => {
                let capacity = Capacity {
                    async_bodies,
                    cores,
                    memory: 0,
                    gpus,
                };
                self.offer(executor, offer, capacity);
            }
            Step::Withdraw { executor, offer } => {
                if self.offered.contains(&(executor, offer)) {
                    self.room[usize::from(executor)] = None;
                }
                self.send(Event::Withdrawn {
                    executor: ExecutorId(executor),
                    offer,
                });
            }
            Step::Finish { attempt, how } => {
                let running: Vec<_> = (0..self.tasks.len())
                    .filter(|at| self.tasks[*at].running.is_some())
                    .collect();
                if !running.is_empty() {
                    self.finish(running[attempt.index(running.len())], how);
                }
            }
            Step::FinishAgain { task, attempt, how } => {
                if let Some(at) = self.choose(task) {
                    let task = &self.tasks[at];
                    if task
                        .running
                        .as_ref()
                        .is_none_or(|running| running.number != attempt)
                    {
                        let attempt = AttemptId {
                            task: task.id,
                            attempt,
                        };
                        let before = self.fixture.kernel.len();
                        self.send(Event::Finished {
                            attempt,
                            finish: finish(how),
                        });
                        assert_eq!(self.fixture.kernel.len(), before);
                    }
                }
            }
            Step::Meet { task, well } => {
                let waiting: Vec<_> = (0..self.tasks.len())
                    .filter(|at| self.tasks[*at].external > 0)
                    .collect();
                if !waiting.is_empty() {
                    self.meet(waiting[task.index(waiting.len())], well);
                }
            }
            Step::Cancel { task } => {
                if let Some(at) = self.choose(task) {
                    self.tasks[at].was_cancelled = true;
                    let id = self.tasks[at].id;
                    self.send(Event::Cancelled { id });
                    let task = &self.tasks[at];
                    assert!(
                        task.ended.is_some()
                            || task.running.as_ref().is_some_and(|it| it.was_stopped),
                        "task {id} was cancelled and goes on"
                    );
                }
            }
            Step::Wait { milliseconds } => self.wait(Duration::from_millis(milliseconds)),
            Step::Drain => self.tell(Told::Drain),
            Step::Close => self.tell(Told::Close),
            Step::Kill => self.tell(Told::Kill),
        }
    }

    /// Gives every executor room for everything, lets everything end, and checks that it does.
    pub(super) fn finish_all(&mut self) {
        for executor in 0..3 {
            self.offer(executor, 9, Capacity::UNBOUNDED);
        }
        let mut rounds = 0;
        while self
            .tasks
            .iter()
            .any(|task| task.ended.is_none() || task.running.is_some())
        {
            for at in 0..self.tasks.len() {
                while self.tasks[at].external > 0 && self.tasks[at].ended.is_none() {
                    self.meet(at, true);
                }
                if self.tasks[at].running.is_some() {
                    self.finish(at, How::Succeeded);
                }
            }
            self.wait(Duration::from_secs(1));
            rounds += 1;
            assert!(rounds <= 2 * self.tasks.len() + 1, "the run does not end");
        }
        assert!(self.fixture.kernel.is_empty());
        assert_eq!(self.fixture.kernel.next_wake(), None);
        self.tell(Told::Drain);
        assert_eq!(self.drained, 1, "a workflow is drained once");
        self.tell(Told::Kill);
    }

    /// The kinds of endings that were seen.
    pub(super) fn endings(&self) -> impl Iterator<Item = &'static str> {
        self.tasks.iter().filter_map(|task| {
            Some(match task.ended.as_ref()? {
                Ending::Succeeded => "Succeeded",
                Ending::Failed(_) => "Failed",
                Ending::DependencyFailed(Root::Task(_)) => "DependencyFailed(Task)",
                Ending::DependencyFailed(Root::Failure(_)) => "DependencyFailed(Failure)",
                Ending::TimedOut { abandoned: false } => "TimedOut",
                Ending::TimedOut { abandoned: true } => "TimedOut, abandoned",
                Ending::Cancelled { abandoned: false } => "Cancelled",
                Ending::Cancelled { abandoned: true } => "Cancelled, abandoned",
                Ending::Closed => "Closed",
            })
        })
    }

    fn choose(&self, index: Index) -> Option<usize> {
        (!self.tasks.is_empty()).then(|| index.index(self.tasks.len()))
    }

    fn submit(&mut self, sketch: Sketch) {
        let mut positions = Vec::new();
        let mut dependencies = Vec::new();
        for index in &sketch.dependencies {
            let Some(at) = self.choose(*index) else {
                continue;
            };
            positions.push(at);
            match &self.tasks[at].ended {
                None => dependencies.push(Dependency::Pending(self.tasks[at].id)),
                Some(Ending::Succeeded) => {}
                Some(_) => dependencies.push(Dependency::Failed(at as u32)),
            }
        }
        dependencies.extend((0..sketch.external).map(|_| Dependency::External));
        dependencies.extend(sketch.failed.then_some(Dependency::Failed(77)));
        let id = self.fixture.kernel.next_id();
        let rules = Rules {
            labels: (0..2)
                .filter(|bit| sketch.labels & (1 << bit) != 0)
                .map(LabelId)
                .collect(),
            timeout: sketch.timeout.then_some(Duration::from_millis(300)),
            retry: Retry {
                retries: sketch.retries,
                seed: 3,
                ..Retry::default()
            },
        };
        self.tasks.push(Task {
            id,
            dependencies: positions,
            external: sketch.external,
            external_failed: sketch.failed,
            sketch: sketch.clone(),
            attempts: 0,
            running: None,
            delayed: false,
            was_cancelled: false,
            had_timeout: false,
            last: None,
            ended: None,
        });
        let at = self.tasks.len() - 1;
        let submission = Submission {
            payload: id.number(),
            executors: ExecutorSet(u64::from(sketch.executors)),
            demand: self.tasks[at].demand(),
            priority: sketch.priority,
            inside: sketch.inside,
            dependencies: &dependencies,
            rules: Some(Box::new(rules)),
        };
        self.send(Event::Submitted { id, submission });
    }

    fn offer(&mut self, executor: u8, offer: u32, capacity: Capacity) {
        let room = &mut self.room[usize::from(executor)];
        if self.offered.contains(&(executor, offer)) {
            *room = None;
        }
        if let Some(room) = room {
            room.async_bodies = room.async_bodies.saturating_add(capacity.async_bodies);
            room.cores = room.cores.saturating_add(capacity.cores);
            room.memory = room.memory.saturating_add(capacity.memory);
            room.gpus = room.gpus.saturating_add(capacity.gpus);
        }
        self.offered.push((executor, offer));
        self.send(Event::Offered {
            executor: ExecutorId(executor),
            offer,
            capacity,
        });
    }

    fn finish(&mut self, at: usize, how: How) {
        let task = &mut self.tasks[at];
        let running = task
            .running
            .as_mut()
            .expect("only running attempts are finished");
        let attempt = AttemptId {
            task: task.id,
            attempt: running.number,
        };
        task.last = Some(how);
        let was_zombie = running.zombie;
        if !matches!(how, How::Abandoned) {
            task.running = None;
        } else {
            running.zombie = true;
        }
        self.send(Event::Finished {
            attempt,
            finish: finish(how),
        });
        let task = &self.tasks[at];
        assert!(task.ended.is_some() || task.delayed || task.running.is_some());
        assert!(!was_zombie || task.ended.is_some());
    }

    fn meet(&mut self, at: usize, well: bool) {
        let task = &mut self.tasks[at];
        task.external -= 1;
        task.external_failed |= !well;
        let id = task.id;
        self.send(Event::DependencyMet {
            id,
            result: if well { Ok(()) } else { Err(88) },
        });
    }

    fn wait(&mut self, time: Duration) {
        self.fixture.now += time;
        let now = self.fixture.now;
        if self
            .fixture
            .kernel
            .next_wake()
            .is_some_and(|wake| wake <= now)
        {
            self.send(Event::Woken);
        }
        assert!(
            self.fixture
                .kernel
                .next_wake()
                .is_none_or(|wake| wake > now)
        );
        for task in &self.tasks {
            let late = task
                .running
                .as_ref()
                .filter(|running| running.deadline.is_some_and(|deadline| deadline <= now));
            assert!(
                late.is_none_or(|late| late.was_stopped || late.zombie),
                "{task:?} is late"
            );
        }
    }

    fn tell(&mut self, told: Told) {
        self.told = self.told.max(told);
        self.send(match told {
            Told::Drain => Event::Draining,
            Told::Close => Event::Closing,
            Told::Nothing | Told::Kill => Event::Killing,
        });
    }

    fn send(&mut self, event: Event<'_, u64, u32>) {
        let mut commands = Vec::new();
        let is_end = matches!(event, Event::Draining | Event::Closing | Event::Killing);
        self.fixture
            .kernel
            .handle(event, self.fixture.now, &mut commands);
        self.fixture.kernel.check();
        let count = commands.len();
        for (position, command) in commands.into_iter().enumerate() {
            if matches!(command, Command::Drained) {
                assert_eq!(position + 1, count, "drained is the last word");
            }
            self.heed(command);
        }
        self.check(is_end);
    }

    fn at(&self, id: TaskId) -> usize {
        let at = id.number() as usize - 1;
        assert_eq!(self.tasks[at].id, id);
        at
    }

    /// Holds one command against what was said before.
    fn heed(&mut self, command: Command<u64, u32>) {
        assert!(self.drained == 0 || matches!(command, Command::Ended { attempt: 0, .. }));
        match command {
            Command::Start {
                attempt,
                executor,
                payload,
                deadline,
                last,
            } => {
                assert_eq!(payload, attempt.task.number());
                assert!(self.told < Told::Close, "{attempt} starts after the end");
                let at = self.at(attempt.task);
                for dependency in &self.tasks[at].dependencies {
                    let ending = &self.tasks[*dependency].ended;
                    assert_eq!(
                        ending,
                        &Some(Ending::Succeeded),
                        "{attempt} starts too early"
                    );
                }
                let now = self.fixture.now;
                let task = &mut self.tasks[at];
                assert!(task.external == 0 && !task.external_failed);
                assert!(task.ended.is_none() && task.running.is_none());
                assert!(
                    task.attempts == 0 || task.delayed,
                    "{attempt} starts without a pause"
                );
                assert_eq!(attempt.attempt, task.attempts + 1);
                assert!(attempt.attempt <= task.sketch.retries + 1);
                assert_eq!(last, attempt.attempt == task.sketch.retries + 1);
                assert!(task.sketch.executors & (1 << executor.0) != 0);
                assert_eq!(
                    deadline,
                    task.sketch
                        .timeout
                        .then(|| now + Duration::from_millis(300))
                );
                task.attempts += 1;
                task.delayed = false;
                task.running = Some(Attempt {
                    number: attempt.attempt,
                    executor: executor.0,
                    deadline,
                    was_stopped: false,
                    zombie: false,
                });
            }
            Command::Stop {
                attempt,
                executor,
                payload,
            } => {
                assert_eq!(payload, attempt.task.number());
                let at = self.at(attempt.task);
                let now = self.fixture.now;
                let (told, task) = (self.told, &mut self.tasks[at]);
                let running = task
                    .running
                    .as_mut()
                    .expect("only running attempts are stopped");
                assert_eq!(
                    (running.number, running.executor),
                    (attempt.attempt, executor.0)
                );
                assert!(
                    !running.was_stopped && !running.zombie,
                    "{attempt} is stopped twice"
                );
                running.was_stopped = true;
                let is_late = running.deadline.is_some_and(|deadline| deadline <= now);
                task.had_timeout |= is_late;
                assert!(
                    is_late || task.was_cancelled || told == Told::Kill,
                    "{attempt} is stopped"
                );
            }
            Command::Retrying {
                attempt,
                payload,
                at: time,
                failure,
            } => {
                assert_eq!(payload, attempt.task.number());
                assert!(self.told < Told::Close);
                assert!(time >= self.fixture.now);
                let at = self.at(attempt.task);
                let task = &mut self.tasks[at];
                assert!(task.ended.is_none() && task.running.is_none() && !task.was_cancelled);
                assert!(attempt.attempt <= task.sketch.retries);
                assert_eq!(attempt.attempt, task.attempts);
                match failure {
                    Some(failure) => assert_eq!(failure, 99),
                    None => assert!(task.had_timeout),
                }
                task.delayed = true;
            }
            Command::Ended {
                id,
                attempt,
                executor,
                payload,
                ending,
            } => {
                assert_eq!(payload, id.number());
                self.check_ending(id, attempt, &ending);
                assert_eq!(executor.is_some(), attempt > 0);
                let at = self.at(id);
                assert!(self.tasks[at].ended.is_none(), "task {id} ends twice");
                self.tasks[at].ended = Some(ending);
                self.tasks[at].delayed = false;
            }
            Command::Drained => {
                self.drained += 1;
                assert!(self.told > Told::Nothing);
                assert!(self.tasks.iter().all(|task| task.ended.is_some()));
            }
        }
    }

    fn check_ending(&self, id: TaskId, attempt: u32, ending: &Ending<u32>) {
        let task = &self.tasks[self.at(id)];
        assert_eq!(attempt, task.attempts, "the last attempt of task {id}");
        let is_zombie = task.running.as_ref().is_some_and(|running| running.zombie);
        assert!(
            task.running.is_none() || is_zombie,
            "task {id} ends and runs"
        );
        match ending {
            Ending::Succeeded => assert!(matches!(task.last, Some(How::Succeeded))),
            Ending::Failed(failure) => {
                assert_eq!(*failure, 99);
                assert!(matches!(task.last, Some(How::Failed | How::FailedForGood)));
            }
            Ending::DependencyFailed(root) => {
                assert_eq!(
                    task.attempts, 0,
                    "task {id} ran before its dependencies ended"
                );
                match root {
                    Root::Task(root) => {
                        let ending = &self.tasks[self.at(*root)].ended;
                        let is_root = !matches!(
                            ending,
                            None | Some(Ending::Succeeded | Ending::DependencyFailed(_))
                        );
                        assert!(
                            is_root,
                            "task {root} is the root of {id}, and ended as {ending:?}"
                        );
                        assert!(self.ancestors(id).contains(&self.at(*root)));
                    }
                    Root::Failure(_) => {
                        let mut family = self.ancestors(id);
                        family.push(self.at(id));
                        // Told at submit: of a task that had ended, or of something else.
                        let was_told = |at: &usize| {
                            let task = &self.tasks[*at];
                            task.external_failed
                                || task.dependencies.iter().any(|on| {
                                    let ended = &self.tasks[*on].ended;
                                    ended.as_ref().is_some_and(|it| *it != Ending::Succeeded)
                                })
                        };
                        assert!(family.iter().any(was_told), "task {id} has no such root");
                    }
                }
            }
            Ending::TimedOut { abandoned } => {
                assert!(task.had_timeout);
                assert_eq!(*abandoned, is_zombie);
            }
            Ending::Cancelled { abandoned } => {
                let stopped_unasked = matches!(task.last, Some(How::Stopped | How::Abandoned));
                assert!(task.was_cancelled || stopped_unasked);
                assert_eq!(*abandoned, is_zombie);
            }
            Ending::Closed => {
                assert!(self.told > Told::Nothing);
                let is_drained = self.drained > 0 || !task.sketch.inside;
                assert!(
                    self.told > Told::Drain || is_drained,
                    "task {id} ends as closed"
                );
            }
        }
    }

    /// All that a task waited for, directly or not.
    fn ancestors(&self, id: TaskId) -> Vec<usize> {
        let mut ancestors = vec![];
        let mut next = self.tasks[self.at(id)].dependencies.clone();
        while let Some(at) = next.pop() {
            if !ancestors.contains(&at) {
                ancestors.push(at);
                next.extend(&self.tasks[at].dependencies);
            }
        }
        ancestors
    }

    /// What must be true after each event, as seen from outside.
    fn check(&self, is_end: bool) {
        let live = self
            .tasks
            .iter()
            .filter(|task| task.ended.is_none())
            .count();
        assert_eq!(self.fixture.kernel.len(), live);
        if is_end && live == 0 {
            assert_eq!(self.drained, 1);
        }
        for task in &self.tasks {
            let standing = self.fixture.kernel.status(task.id);
            assert_eq!(standing.is_none(), task.ended.is_some(), "task {}", task.id);
            let ended = |at: &usize| &self.tasks[*at].ended;
            if task.ended.is_none() {
                let failed = task.dependencies.iter().find(|at| {
                    ended(at)
                        .as_ref()
                        .is_some_and(|ending| *ending != Ending::Succeeded)
                });
                assert!(
                    failed.is_none() && !task.external_failed,
                    "{} goes on",
                    task.id
                );
            }
            let on = task
                .dependencies
                .iter()
                .filter(|at| ended(at).is_none())
                .count() as u32
                + u32::from(task.external);
            let attempt = task.attempts;
            match standing {
                None => {}
                Some(Standing::Waiting { on: counted }) => assert_eq!(counted, on),
                Some(Standing::Ready) => assert!(on == 0 && task.running.is_none()),
                Some(Standing::Limited(label)) => {
                    assert!(on == 0 && task.running.is_none());
                    assert!(task.sketch.labels & (1 << label.0) != 0);
                    let limit = LIMITS[usize::from(label.0)];
                    assert_eq!(self.labelled(label.0), limit);
                }
                Some(Standing::Delayed { until }) => {
                    assert!(task.delayed);
                    assert!(
                        self.fixture
                            .kernel
                            .next_wake()
                            .is_some_and(|wake| wake <= until)
                    );
                }
                Some(Standing::Running {
                    executor,
                    attempt: counted,
                }) => {
                    let running = task.running.as_ref().expect("a running attempt");
                    assert_eq!((counted, executor.0), (attempt, running.executor));
                    assert!(!running.was_stopped);
                }
                Some(Standing::Stopping {
                    executor,
                    attempt: counted,
                }) => {
                    let running = task.running.as_ref().expect("a running attempt");
                    assert_eq!((counted, executor.0), (attempt, running.executor));
                    assert!(running.was_stopped);
                }
            }
        }
        for (limit, label) in LIMITS.into_iter().zip(0..) {
            assert!(self.labelled(label) <= limit, "label {label}");
        }
        for (room, executor) in self.room.into_iter().zip(0_u8..) {
            let Some(mut room) = room else { continue };
            for task in &self.tasks {
                if task
                    .running
                    .as_ref()
                    .is_some_and(|running| running.executor == executor)
                {
                    assert!(
                        room.take(&task.demand()),
                        "executor {executor} has no such room"
                    );
                }
            }
        }
    }

    /// How many attempts with this label run, those of ended tasks among them.
    fn labelled(&self, label: u16) -> u32 {
        let holds = |task: &&Task| task.running.is_some() && task.sketch.labels & (1 << label) != 0;
        self.tasks.iter().filter(holds).count() as u32
    }
}

fn finish(how: How) -> Finish<u32> {
    match how {
        How::Succeeded => Finish::Succeeded,
        How::Failed => Finish::Failed {
            failure: 99,
            retryable: true,
        },
        How::FailedForGood => Finish::Failed {
            failure: 99,
            retryable: false,
        },
        How::Stopped => Finish::Stopped,
        How::Abandoned => Finish::Abandoned,
    }
}
