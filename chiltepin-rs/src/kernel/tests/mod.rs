//! The kernel's rules, one test each; `random` drives them all at once.

mod attempts;
mod bounds;
mod caching;
mod closing;
mod dependencies;
mod ends;
mod labels;
mod large;
mod model;
mod placement;
mod random;
mod retries;
mod step;
mod task;
mod verdict;
mod wanted;

use std::time::{Duration, Instant};

use chiltepin_executors::{AttemptId, Capacity, Demand, TaskId};

use super::{
    Cause, Command, Dependency, Event, ExecutorId, ExecutorSet, Finish, Kernel, LabelId, Limit,
    Retry, Rules, Scaled, Scaling, Submission,
};

/// One core and nothing else.
const CORE: Demand = Demand {
    async_bodies: 0,
    cores: 1,
    memory: 0,
    gpus: 0,
};
/// One async body.
const LIGHT: Demand = Demand {
    async_bodies: 1,
    cores: 0,
    memory: 0,
    gpus: 0,
};

/// So many cores, and places for two async bodies.
fn cores(cores: u32) -> Capacity {
    Capacity {
        async_bodies: 2,
        cores,
        memory: 0,
        gpus: 0,
    }
}

/// A kernel with a clock, which is checked after each event. A task's payload is its number, and
/// a failure is a number too.
struct Fixture {
    kernel: Kernel<u64, u32>,
    start: Instant,
    now: Instant,
}

/// A call to submit: one core on the first executor, unless told otherwise.
#[derive(Clone)]
struct Call {
    executors: u64,
    demand: Demand,
    priority: i32,
    inside: bool,
    dependencies: Vec<Dependency<u32>>,
    rules: Rules,
}

fn call() -> Call {
    Call {
        executors: 1,
        demand: CORE,
        priority: 0,
        inside: false,
        dependencies: Vec::new(),
        rules: Rules {
            retry: Retry {
                jitter: 0.0,
                ..Retry::default()
            },
            ..Rules::default()
        },
    }
}

impl Call {
    fn after(mut self, ids: &[TaskId]) -> Self {
        self.dependencies
            .extend(ids.iter().map(|id| Dependency::Pending(*id)));
        self
    }

    fn external(mut self) -> Self {
        self.dependencies.push(Dependency::External);
        self
    }

    fn cores(mut self, cores: u32) -> Self {
        self.demand.cores = cores;
        self
    }

    fn demand(mut self, demand: Demand) -> Self {
        self.demand = demand;
        self
    }

    fn on(mut self, executors: u64) -> Self {
        self.executors = executors;
        self
    }

    fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    fn inside(mut self) -> Self {
        self.inside = true;
        self
    }

    fn labels(mut self, labels: &[u16]) -> Self {
        self.rules.labels = labels.iter().map(|label| LabelId(*label)).collect();
        self
    }

    fn timeout(mut self, seconds: u64) -> Self {
        self.rules.timeout = Some(Duration::from_secs(seconds));
        self
    }

    fn cached(mut self) -> Self {
        self.rules.is_cached = true;
        self
    }

    fn retries(mut self, retries: u32) -> Self {
        self.rules.retry.retries = retries;
        self
    }

    /// Doubles what was too little, up to a timeout of 5 s and so much memory on each executor.
    fn scaled(mut self, rooms: &[u64]) -> Self {
        let rooms = rooms.iter().zip(0..);
        self.rules.scaling = Some(Scaling {
            timeout: 2.0,
            longest: Duration::from_secs(5),
            memory: 2.0,
            rooms: rooms.map(|(room, id)| (ExecutorId(id), *room)).collect(),
        });
        self
    }

    /// Gives a cause a limit of its own.
    fn limit(mut self, cause: Cause, retries: u32) -> Self {
        self.rules.retry.limits.push(Limit {
            cause,
            retries,
            used: 0,
        });
        self
    }
}

impl Fixture {
    fn new(limits: &[u32]) -> Self {
        let now = Instant::now();
        Self {
            kernel: Kernel::new(limits.to_vec()),
            start: now,
            now,
        }
    }

    /// A kernel whose first executor has one offer.
    fn with(capacity: Capacity) -> Self {
        let mut fixture = Self::new(&[]);
        fixture.offer(0, 0, capacity);
        fixture
    }

    /// Hands an event to the kernel, checks it, and says in words what it commanded.
    fn send(&mut self, event: Event<'_, u64, u32>) -> Vec<String> {
        let mut commands = Vec::new();
        self.kernel.handle(event, self.now, &mut commands);
        self.kernel.check();
        commands.iter().map(|command| self.words(command)).collect()
    }

    fn words(&self, command: &Command<u64, u32>) -> String {
        let milliseconds = |at: Instant| (at - self.start).as_millis();
        match command {
            Command::Start {
                attempt,
                executor,
                payload,
                deadline,
                last,
                offer,
            } => {
                assert_eq!(*payload, attempt.task.number());
                let deadline = deadline.map_or(String::new(), |deadline| {
                    format!(", until {} ms", milliseconds(deadline))
                });
                let last = if *last { "" } else { ", not last" };
                let offer = match offer {
                    0 => String::new(),
                    offer => format!("/{offer}"),
                };
                format!("start {attempt} on {}{offer}{deadline}{last}", executor.0)
            }
            Command::Look { id, payload } => {
                assert_eq!(*payload, id.number());
                format!("look for {id}")
            }
            Command::Keep { attempt, payload } => {
                assert_eq!(*payload, attempt.task.number());
                format!("keep {attempt}")
            }
            Command::Stop {
                attempt, executor, ..
            } => format!("stop {attempt} on {}", executor.0),
            Command::Retrying {
                attempt,
                at,
                scaled,
                failure,
                ..
            } => {
                let scaled = scaled.map_or(String::new(), |Scaled { memory, timeout }| {
                    let timeout = timeout.map(|timeout| timeout.as_millis());
                    format!(", with {memory} B and {timeout:?} ms")
                });
                format!(
                    "repeat {attempt} at {} ms after {failure:?}{scaled}",
                    milliseconds(*at)
                )
            }
            Command::Ended {
                id,
                attempt,
                executor,
                payload,
                ending,
            } => {
                assert_eq!(*payload, id.number());
                assert_eq!(executor.is_some(), *attempt > 0);
                format!("end {id}.{attempt}: {ending:?}")
            }
            Command::Wanted { executor } => {
                let wanted = self.kernel.wanted(*executor);
                let longest = wanted.longest.map_or(String::new(), |longest| {
                    format!(", longest {} ms", longest.as_millis())
                });
                let (calls, cores) = (wanted.calls, wanted.cores);
                format!("{} wants {calls} calls, {cores} cores{longest}", executor.0)
            }
            Command::Drained => "drained".to_owned(),
        }
    }

    /// Submits a call and says what was commanded.
    fn submit_saying(&mut self, call: Call) -> (TaskId, Vec<String>) {
        let id = self.kernel.next_id();
        let Call {
            executors,
            demand,
            priority,
            inside,
            dependencies,
            rules,
        } = call;
        let submission = Submission {
            payload: id.number(),
            executors: ExecutorSet(executors),
            demand,
            priority,
            inside,
            dependencies: &dependencies,
            rules: Some(Box::new(rules)),
        };
        let said = self.send(Event::Submitted { id, submission });
        (id, said)
    }

    fn submit(&mut self, call: Call) -> TaskId {
        self.submit_saying(call).0
    }

    fn offer(&mut self, executor: u8, offer: u32, capacity: Capacity) -> Vec<String> {
        self.send(Event::Offered {
            executor: ExecutorId(executor),
            offer,
            capacity,
            until: None,
        })
    }

    /// Offers room for so many milliseconds.
    fn offer_for(
        &mut self,
        milliseconds: u64,
        (executor, offer): (u8, u32),
        capacity: Capacity,
    ) -> Vec<String> {
        self.send(Event::Offered {
            executor: ExecutorId(executor),
            offer,
            capacity,
            until: Some(self.now + Duration::from_millis(milliseconds)),
        })
    }

    /// Says what an executor will ever have room for, if for anything.
    fn bound(&mut self, executor: u8, largest: Option<Capacity>) -> Vec<String> {
        self.send(Event::Bounded {
            executor: ExecutorId(executor),
            largest,
        })
    }

    fn withdraw(&mut self, executor: u8, offer: u32) -> Vec<String> {
        self.send(Event::Withdrawn {
            executor: ExecutorId(executor),
            offer,
        })
    }

    /// Reports the begin of an attempt.
    fn begin(&mut self, task: TaskId, attempt: u32) {
        let attempt = AttemptId { task, attempt };
        assert!(self.send(Event::Begun { attempt }).is_empty());
    }

    /// Reports the end of an attempt.
    fn finish(&mut self, task: TaskId, attempt: u32, finish: Finish<u32>) -> Vec<String> {
        self.send(Event::Finished {
            attempt: AttemptId { task, attempt },
            finish,
        })
    }

    fn succeed(&mut self, task: TaskId) -> Vec<String> {
        self.finish(task, 1, Finish::Succeeded)
    }

    fn fail(&mut self, task: TaskId, attempt: u32, failure: u32) -> Vec<String> {
        self.finish(
            task,
            attempt,
            Finish::Failed {
                failure,
                cause: Some(Cause::Error),
            },
        )
    }

    /// Reports a failure for this cause.
    fn fail_for(&mut self, cause: Cause, task: TaskId, attempt: u32) -> Vec<String> {
        let finish = Finish::Failed {
            failure: 5,
            cause: Some(cause),
        };
        self.finish(task, attempt, finish)
    }

    fn looked(&mut self, id: TaskId, is_there: bool) -> Vec<String> {
        self.send(Event::Looked { id, is_there })
    }

    fn kept(&mut self, id: TaskId) -> Vec<String> {
        self.send(Event::Kept { id })
    }

    fn cancel(&mut self, id: TaskId) -> Vec<String> {
        self.send(Event::Cancelled { id })
    }

    /// Lets time pass, and wakes the kernel.
    fn wake_after(&mut self, milliseconds: u64) -> Vec<String> {
        self.now += Duration::from_millis(milliseconds);
        self.send(Event::Woken)
    }

    fn next_wake(&self) -> Option<u128> {
        self.kernel
            .next_wake()
            .map(|at| (at - self.start).as_millis())
    }
}

impl<P: Clone, F: Clone> Kernel<P, F> {
    /// The id of the next task.
    fn next_id(&mut self) -> TaskId {
        let number = self.table.last_number + 1;
        self.place(number)
    }
}
