//! What happens to attempts: they start, finish, are stopped, and are repeated.

use std::time::Instant;

use chiltepin_executors::{AttemptId, TaskId};

use super::graph::Zombie;
use super::machine::{Kernel, Mode};
use super::offer::Room;
use super::queue::Turn;
use super::state::{State, StopCause};
use super::timer::{Timer, TimerKind};
use super::{Cause, Command, Ending, Finish};

impl<P: Clone, F: Clone> Kernel<P, F> {
    /// Starts the next attempt of a task that was bound.
    pub(super) fn start(
        &mut self,
        turn: Turn,
        room: Room,
        now: Instant,
        commands: &mut Vec<Command<P, F>>,
    ) {
        let Some(task) = self.table.at_mut(turn.index) else {
            debug_assert!(false, "a turn was taken whose task has ended");
            return;
        };
        task.attempt += 1;
        task.executor = Some(room.executor);
        let id = TaskId::new(task.number, turn.index);
        let attempt = AttemptId {
            task: id,
            attempt: task.attempt,
        };
        let (timeout, last) = task.rules.as_ref().map_or((None, true), |rules| {
            (rules.timeout, rules.retry.is_used_up())
        });
        // A deadline beyond what the clock can say never comes.
        let deadline = timeout
            .filter(|_| self.tell_begin.0 & (1 << room.executor.0) == 0)
            .and_then(|timeout| now.checked_add(timeout));
        task.state = State::Running {
            room,
            timed: deadline.is_some(),
        };
        if let Some(at) = deadline {
            self.timers.arm(Timer {
                at,
                attempt,
                kind: TimerKind::Timeout,
            });
        }
        commands.push(Command::Start {
            attempt,
            executor: room.executor,
            payload: task.payload.clone(),
            deadline,
            last,
            offer: self.placement.offers.number(room),
        });
    }

    /// Lets the time of an attempt count from now.
    pub(super) fn begun(&mut self, attempt: AttemptId, now: Instant) {
        let Some(task) = self.table.get_mut(attempt.task) else {
            return;
        };
        let timeout = task.rules.as_ref().and_then(|rules| rules.timeout);
        let State::Running { timed, .. } = &mut task.state else {
            return;
        };
        if task.attempt != attempt.attempt || *timed {
            return;
        }
        if let Some(at) = timeout.and_then(|timeout| now.checked_add(timeout)) {
            *timed = true;
            self.timers.arm(Timer {
                at,
                attempt,
                kind: TimerKind::Timeout,
            });
        }
    }

    /// Tells a running attempt to stop.
    pub(super) fn stop(&mut self, id: TaskId, cause: StopCause, commands: &mut Vec<Command<P, F>>) {
        let Some(task) = self.table.get_mut(id) else {
            return;
        };
        let State::Running { room, timed } = task.state else {
            return;
        };
        task.state = State::Stopping { room, cause };
        let attempt = AttemptId {
            task: id,
            attempt: task.attempt,
        };
        let payload = task.payload.clone();
        // The timer that tells of a timeout has gone off.
        if timed && cause != StopCause::Timeout {
            self.timers.disarm(|timer| self.table.is_timed(timer));
        }
        commands.push(Command::Stop {
            attempt,
            executor: room.executor,
            payload,
        });
    }

    pub(super) fn woken(&mut self, now: Instant, commands: &mut Vec<Command<P, F>>) {
        while let Some(timer) = self.timers.due(now, |timer| self.table.is_timed(timer)) {
            match timer.kind {
                TimerKind::Timeout => self.stop(timer.attempt.task, StopCause::Timeout, commands),
                TimerKind::Retry => self.make_ready(timer.attempt.task, commands),
            }
        }
    }

    pub(super) fn finished(
        &mut self,
        attempt: AttemptId,
        finish: Finish<F>,
        now: Instant,
        commands: &mut Vec<Command<P, F>>,
    ) {
        // An abandoned attempt has really ended; abandoned once more, it has not.
        if !matches!(finish, Finish::Abandoned)
            && let Some(zombie) = self.table.exhume(attempt)
        {
            self.placement.recovered(zombie.shape, zombie.room);
            self.placement.exit(zombie.shape);
            return;
        }
        let Some(task) = self.table.get(attempt.task) else {
            return;
        };
        if task.attempt != attempt.attempt {
            return;
        }
        let (room, timed, cause) = match task.state {
            State::Running { room, timed } => (room, timed, None),
            State::Stopping { room, cause } => (room, false, Some(cause)),
            State::Waiting { .. }
            | State::Looking
            | State::Ready
            | State::Delayed { .. }
            | State::Keeping => return,
        };
        let shape = task.shape;
        // A failure that comes of being stopped is none of the task's own.
        let repeated_for = match (&finish, cause) {
            (Finish::Failed { cause, .. }, None) => *cause,
            (Finish::Succeeded | Finish::Abandoned, _) => None,
            (_, Some(StopCause::Timeout)) => Some(Cause::Timeout),
            (_, Some(StopCause::Cancel | StopCause::Close) | None) => None,
        };
        let rules = task.rules.as_ref();
        let is_granted = |cause: &Cause| rules.is_some_and(|rules| rules.retry.grants(*cause));
        let may_repeat = self.mode < Mode::Closing && !self.placement.fits_nowhere(shape);
        let repeated_for = repeated_for.filter(is_granted).filter(|_| may_repeat);
        if timed {
            self.timers
                .disarm(|timer| timer.attempt != attempt && self.table.is_timed(timer));
        }

        if matches!(finish, Finish::Abandoned) {
            let ending = match cause {
                Some(StopCause::Timeout) => Ending::TimedOut { abandoned: true },
                Some(StopCause::Close) => Ending::Closed,
                Some(StopCause::Cancel) | None => Ending::Cancelled { abandoned: true },
            };
            let number = attempt.task.number();
            let zombie = Zombie {
                number,
                attempt: attempt.attempt,
                shape,
                room,
            };
            if let Some(task) = self.table.bury(attempt.task, zombie) {
                self.placement.abandoned(shape, room);
                self.settle(attempt.task, task, ending, commands);
            }
            return;
        }

        if matches!(finish, Finish::Returned) && cause.is_none() && self.mode < Mode::Closing {
            self.placement.give_back(shape, room);
            return self.returned(attempt.task, commands);
        }

        if let Some(repeated_for) = repeated_for {
            let failure = match finish {
                Finish::Failed { failure, .. } if cause.is_none() => Some(failure),
                _ => None,
            };
            self.placement.give_back(shape, room);
            return self.repeat(attempt, repeated_for, failure, now, commands);
        }
        let ending = match (finish, cause) {
            (Finish::Succeeded, _) => Ending::Succeeded,
            (Finish::Failed { failure, .. }, None) => Ending::Failed(failure),
            (_, Some(StopCause::Timeout)) => Ending::TimedOut { abandoned: false },
            (_, Some(StopCause::Close)) | (Finish::Returned, None) => Ending::Closed,
            // An executor may stop an attempt on its own, as when it is shut down.
            (_, Some(StopCause::Cancel) | None) => Ending::Cancelled { abandoned: false },
        };
        let is_kept = matches!(ending, Ending::Succeeded) && self.keep(attempt, commands);
        if !is_kept && let Some(task) = self.table.remove(attempt.task) {
            self.settle(attempt.task, task, ending, commands);
        }
        let next = self
            .placement
            .hand_on(shape, room, |turn| self.table.is_queued(turn));
        match next {
            Some(turn) => self.start(turn, room, now, commands),
            None => self.placement.give_back(shape, room),
        }
        if !is_kept {
            self.placement.exit(shape);
        }
    }

    /// Has the result of a task that has run well kept before it ends, if that is to be; its room
    /// is free meanwhile.
    fn keep(&mut self, attempt: AttemptId, commands: &mut Vec<Command<P, F>>) -> bool {
        let task = self.table.get_mut(attempt.task);
        let Some(task) = task.filter(|task| task.is_cached()) else {
            return false;
        };
        task.state = State::Keeping;
        let payload = task.payload.clone();
        commands.push(Command::Keep { attempt, payload });
        true
    }

    /// Lets another attempt follow at once, at the task's former turn.
    fn returned(&mut self, id: TaskId, commands: &mut Vec<Command<P, F>>) {
        if let Some(task) = self.table.get_mut(id) {
            task.returned += 1;
            self.make_ready(id, commands);
        }
    }

    /// Lets another attempt follow after a pause.
    fn repeat(
        &mut self,
        attempt: AttemptId,
        cause: Cause,
        failure: Option<F>,
        now: Instant,
        commands: &mut Vec<Command<P, F>>,
    ) {
        let scaled = self.scale(attempt.task, cause);
        let Some(task) = self.table.get_mut(attempt.task) else {
            return;
        };
        let Some(rules) = &mut task.rules else { return };
        rules.retry.count(cause);
        let counted = attempt.attempt - task.returned;
        let pause = rules.retry.pause(attempt.task.number(), counted);
        // A pause is at most a year, which every clock can add.
        let at = now.checked_add(pause).unwrap_or(now);
        task.state = State::Delayed { until: at };
        let payload = task.payload.clone();
        self.timers.arm(Timer {
            at,
            attempt,
            kind: TimerKind::Retry,
        });
        commands.push(Command::Retrying {
            attempt,
            payload,
            at,
            scaled,
            failure,
        });
    }
}
