//! What a kernel may say, and must, after all that was done to it so far.

use chiltepin_executors::TaskId;

use super::model::{ENDING, LIMITS, LONGEST_TIMEOUT, Model, Told};
use super::step::How;
use super::task::{Attempt, Task};
use super::*;
use crate::kernel::{Ending, Root, Scaled, Standing};

impl Model {
    fn at(&self, id: TaskId) -> usize {
        let at = id.number() as usize - 1;
        assert_eq!(self.tasks[at].id, id);
        at
    }

    /// Holds one command against what was said before.
    pub(super) fn heed(&mut self, command: Command<u64, u32>) {
        assert!(self.drained == 0 || matches!(command, Command::Ended { attempt: 0, .. }));
        match command {
            Command::Start {
                attempt,
                executor,
                payload,
                deadline,
                last,
                offer,
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
                let until = self.check_room(attempt, (executor.0, offer), at);
                let now = self.fixture.now;
                let task = &mut self.tasks[at];
                assert!(task.external == 0 && !task.external_failed);
                assert!(task.ended.is_none() && task.running.is_none());
                assert!(!task.looking && !task.keeping && !task.was_there);
                assert!(
                    task.attempts == 0 || task.delayed || task.was_returned,
                    "{attempt} starts without a pause"
                );
                let end = now + task.timeout;
                assert!(
                    !task.sketch.timeout || until.is_none_or(|until| end <= until),
                    "{attempt} starts too late"
                );
                assert_eq!(attempt.attempt, task.attempts + 1);
                let (timeouts, others) = task.repeated;
                assert_eq!(attempt.attempt - task.returned, timeouts + others + 1);
                assert_eq!(last, task.repeated == task.may_repeat());
                assert!(task.sketch.executors & (1 << executor.0) != 0);
                assert_eq!(deadline, task.sketch.timeout.then(|| now + task.timeout));
                task.attempts += 1;
                task.delayed = false;
                task.was_returned = false;
                task.running = Some(Attempt {
                    number: attempt.attempt,
                    executor: executor.0,
                    offer,
                    deadline,
                    was_stopped: false,
                    zombie: false,
                });
            }
            Command::Look { id, payload } => {
                assert_eq!(payload, id.number());
                let at = self.at(id);
                let task = &mut self.tasks[at];
                assert!(task.sketch.cached && task.attempts == 0 && !task.looking);
                assert!(task.ended.is_none() && task.external == 0);
                task.looking = true;
            }
            Command::Keep { attempt, payload } => {
                assert_eq!(payload, attempt.task.number());
                let at = self.at(attempt.task);
                let task = &mut self.tasks[at];
                assert!(task.sketch.cached && task.running.is_none() && !task.keeping);
                assert_eq!(
                    (attempt.attempt, task.last),
                    (task.attempts, Some(How::Succeeded))
                );
                task.keeping = true;
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
                scaled,
                failure,
            } => {
                assert_eq!(payload, attempt.task.number());
                assert!(self.told < Told::Close);
                assert!(time >= self.fixture.now);
                let at = self.at(attempt.task);
                let task = &mut self.tasks[at];
                assert!(task.ended.is_none() && task.running.is_none() && !task.was_cancelled);
                assert_eq!(attempt.attempt, task.attempts);
                match failure {
                    Some(failure) => assert_eq!(failure, 99),
                    None => assert!(task.had_timeout),
                }
                match (failure, task.sketch.timeouts) {
                    (None, Some(_)) => task.repeated.0 += 1,
                    (Some(_), _) | (None, None) => task.repeated.1 += 1,
                }
                let scale = task.sketch.is_scaled && failure.is_none();
                let longer = (2 * task.timeout).min(LONGEST_TIMEOUT);
                let expected = (scale && longer > task.timeout).then_some(Scaled {
                    memory: 0,
                    timeout: Some(longer),
                });
                assert_eq!(scaled, expected, "the next timeout of {attempt}");
                if let Some(Scaled {
                    timeout: Some(timeout),
                    ..
                }) = scaled
                {
                    task.timeout = timeout;
                }
                let (repeated, may_repeat) = (task.repeated, task.may_repeat());
                assert!(repeated.0 <= may_repeat.0 && repeated.1 <= may_repeat.1);
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
                self.tasks[at].looking = false;
                self.tasks[at].keeping = false;
            }
            Command::Wanted { executor } => {
                assert!(executor == ExecutorId(0) || executor == ENDING);
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
            Ending::Succeeded if task.was_there => assert_eq!(task.attempts, 0),
            Ending::Succeeded => {
                assert!(matches!(task.last, Some(How::Succeeded)));
                assert!(!task.keeping, "task {id} ends before its result is kept");
            }
            Ending::Failed(failure) => {
                assert_eq!(*failure, 99);
                assert!(matches!(task.last, Some(How::Failed | How::FailedForGood)));
                let is_repeated = self.told < Told::Close && self.fits_somewhere(task);
                assert!(
                    task.last == Some(How::FailedForGood)
                        || !is_repeated
                        || task.repeated.1 == task.sketch.retries,
                    "task {id} was not repeated"
                );
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
            Ending::FitsNowhere { executors } => {
                assert_eq!(executors.0, u64::from(task.sketch.executors));
                assert!(!self.fits_somewhere(task), "task {id} fits somewhere");
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

    /// Whether some executor of a task will ever have room for it.
    fn fits_somewhere(&self, task: &Task) -> bool {
        (0..3).any(|executor| {
            let largest = self.largest[executor];
            task.sketch.executors & (1 << executor) != 0
                && largest.is_some_and(|largest| largest.fits(&task.demand()))
        })
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
    pub(super) fn check(&self, is_end: bool) {
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
                Some(Standing::Looking) => {
                    assert!(on == 0 && task.running.is_none() && task.looking);
                }
                Some(Standing::Keeping { attempt: counted }) => {
                    assert!(task.running.is_none() && task.keeping);
                    assert_eq!(counted, attempt);
                }
                Some(Standing::Ready { .. }) => {
                    assert!(on == 0 && task.running.is_none());
                    assert!(self.fits_somewhere(task));
                }
                Some(Standing::Limited(label)) => {
                    assert!(on == 0 && task.running.is_none());
                    assert!(task.sketch.labels & (1 << label.0) != 0);
                    let limit = LIMITS[usize::from(label.0)];
                    assert_eq!(self.labelled(label.0), limit);
                }
                Some(Standing::Delayed { until }) => {
                    assert!(task.delayed && self.fits_somewhere(task));
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
    }

    /// Checks that there is room on an offer for one more attempt of this task, and tells when that
    /// offer ends.
    fn check_room(&self, attempt: AttemptId, offer: (u8, u32), at: usize) -> Option<Instant> {
        let stand = self.standing.get(&offer);
        let stand = stand.unwrap_or_else(|| panic!("{attempt} starts on no offer"));
        let there = self.tasks.iter().filter(|task| {
            let running = task.running.as_ref();
            running.is_some_and(|it| (it.executor, it.offer) == offer)
        });
        // An offer made again may be smaller than what runs there: more than it has is then held of
        // what this task does not ask for.
        let (asked, room) = (self.tasks[at].demand(), stand.capacity);
        let mut held = asked;
        for demand in there.map(Task::demand) {
            held.async_bodies += demand.async_bodies;
            held.cores += demand.cores;
            held.gpus += demand.gpus;
        }
        assert!(
            (asked.async_bodies == 0 || held.async_bodies <= room.async_bodies)
                && (asked.cores == 0 || held.cores <= room.cores)
                && (asked.gpus == 0 || held.gpus <= room.gpus),
            "{attempt} starts where there is no room: {held:?} of {room:?}"
        );
        stand.until
    }

    /// How many attempts with this label run, those of ended tasks among them.
    fn labelled(&self, label: u16) -> u32 {
        let holds = |task: &&Task| task.running.is_some() && task.sketch.labels & (1 << label) != 0;
        self.tasks.iter().filter(holds).count() as u32
    }
}
