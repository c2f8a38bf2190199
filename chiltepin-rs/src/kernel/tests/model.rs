//! A random run: performs steps on a kernel, and remembers what became of each task.

use std::collections::HashMap;
use std::time::Duration;

use chiltepin_executors::{AttemptId, Capacity};
use proptest::sample::Index;

use super::step::{How, Sketch, Step};
use super::task::{Stand, Task, timeouts};
use super::*;
use crate::kernel::{Ending, Root, Scaling};

pub(super) const LIMITS: [u32; 2] = [1, 3];

/// The timeout of first attempts, which doubles where it is scaled, and the longest.
const TIMEOUT: Duration = Duration::from_millis(300);
pub(super) const LONGEST_TIMEOUT: Duration = Duration::from_millis(1000);

/// The executor that has offers that end.
pub(super) const ENDING: ExecutorId = ExecutorId(1);

/// How far the workflow has been told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Told {
    Nothing,
    Drain,
    Close,
    Kill,
}

pub(super) struct Model {
    pub(super) fixture: Fixture,
    pub(super) tasks: Vec<Task>,
    pub(super) told: Told,
    pub(super) drained: u32,
    /// The offers that stand.
    pub(super) standing: HashMap<(u8, u32), Stand>,
    /// What each executor will ever have room for.
    pub(super) largest: [Option<Capacity>; 3],
}

impl Model {
    pub(super) fn new() -> Self {
        let mut fixture = Fixture::new(&LIMITS);
        fixture.kernel.placement.may_pass = 2;
        fixture.kernel.expect_ends(ENDING);
        fixture.kernel.hear_wanted(ExecutorId(0));
        fixture.kernel.hear_wanted(ENDING);
        Self {
            fixture,
            tasks: Vec::new(),
            told: Told::Nothing,
            drained: 0,
            standing: HashMap::new(),
            largest: [Some(Capacity::UNBOUNDED); 3],
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
                lasts,
            } => {
                let capacity = Capacity {
                    async_bodies,
                    cores,
                    memory: 0,
                    gpus,
                };
                let lasts = lasts.filter(|_| executor == ENDING.0);
                let until = lasts.map(|lasts| self.fixture.now + Duration::from_millis(lasts));
                self.offer((executor, offer), capacity, until);
            }
            Step::Bound { executor, cores } => {
                let largest = Capacity {
                    cores,
                    ..Capacity::UNBOUNDED
                };
                self.bound(executor, Some(largest));
            }
            Step::Break { executor } => self.bound(executor, None),
            Step::Withdraw { executor, offer } => {
                self.standing.remove(&(executor, offer));
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
            Step::Look { task, is_there } => {
                let asked = self.choose_among(task, |task| task.looking);
                // Also where nobody has asked.
                if let Some(at) = asked.or_else(|| self.choose(task)) {
                    self.look(at, is_there);
                }
            }
            Step::Keep { task } => {
                let asked = self.choose_among(task, |task| task.keeping);
                if let Some(at) = asked.or_else(|| self.choose(task)) {
                    self.keep(at);
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
                            || task.keeping
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
            self.offer((executor, 9), Capacity::UNBOUNDED, None);
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
                if self.tasks[at].looking {
                    self.look(at, false);
                }
                if self.tasks[at].running.is_some() {
                    self.finish(at, How::Succeeded);
                }
                if self.tasks[at].keeping {
                    self.keep(at);
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
                Ending::FitsNowhere { .. } => "FitsNowhere",
                Ending::Closed => "Closed",
            })
        })
    }

    fn choose(&self, index: Index) -> Option<usize> {
        (!self.tasks.is_empty()).then(|| index.index(self.tasks.len()))
    }

    fn choose_among(&self, index: Index, is_one: impl Fn(&Task) -> bool) -> Option<usize> {
        let chosen = (0..self.tasks.len()).filter(|at| is_one(&self.tasks[*at]));
        let chosen: Vec<_> = chosen.collect();
        (!chosen.is_empty()).then(|| chosen[index.index(chosen.len())])
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
            timeout: sketch.timeout.then_some(TIMEOUT),
            retry: Retry {
                retries: sketch.retries,
                limits: sketch.timeouts.map(timeouts).into_iter().collect(),
                seed: 3,
                ..Retry::default()
            },
            scaling: sketch.is_scaled.then(|| Scaling {
                timeout: 2.0,
                longest: LONGEST_TIMEOUT,
                memory: 1.0,
                rooms: Vec::new(),
            }),
            is_cached: sketch.cached,
        };
        self.tasks.push(Task {
            id,
            dependencies: positions,
            external: sketch.external,
            external_failed: sketch.failed,
            timeout: TIMEOUT,
            sketch: sketch.clone(),
            attempts: 0,
            running: None,
            delayed: false,
            looking: false,
            keeping: false,
            was_there: false,
            returned: 0,
            was_returned: false,
            repeated: (0, 0),
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

    fn bound(&mut self, executor: u8, largest: Option<Capacity>) {
        let known = &mut self.largest[usize::from(executor)];
        if known.is_some() {
            *known = largest;
        }
        if largest.is_none() {
            self.standing.retain(|(of, _), _| *of != executor);
        }
        self.send(Event::Bounded {
            executor: ExecutorId(executor),
            largest,
        });
    }

    fn offer(&mut self, (executor, offer): (u8, u32), capacity: Capacity, until: Option<Instant>) {
        if self.largest[usize::from(executor)].is_some() {
            self.standing
                .insert((executor, offer), Stand { capacity, until });
        }
        self.send(Event::Offered {
            executor: ExecutorId(executor),
            offer,
            capacity,
            until,
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
        if how == How::Returned && running.goes_on() && self.told < Told::Close {
            task.returned += 1;
            task.was_returned = true;
        }
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
        let goes_on = task.delayed || task.keeping || task.running.is_some() || task.was_returned;
        assert!(task.ended.is_some() || goes_on);
        assert!(!was_zombie || task.ended.is_some());
    }

    fn look(&mut self, at: usize, is_there: bool) {
        let task = &mut self.tasks[at];
        task.was_there |= std::mem::take(&mut task.looking) && is_there;
        let id = task.id;
        self.send(Event::Looked { id, is_there });
    }

    fn keep(&mut self, at: usize) {
        let task = &mut self.tasks[at];
        task.keeping = false;
        let id = task.id;
        self.send(Event::Kept { id });
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
}

fn finish(how: How) -> Finish<u32> {
    match how {
        How::Succeeded => Finish::Succeeded,
        How::Failed => Finish::Failed {
            failure: 99,
            cause: Some(Cause::Error),
        },
        How::FailedForGood => Finish::Failed {
            failure: 99,
            cause: None,
        },
        How::Stopped => Finish::Stopped,
        How::Returned => Finish::Returned,
        How::Abandoned => Finish::Abandoned,
    }
}
