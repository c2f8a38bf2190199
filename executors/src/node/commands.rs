use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::message::WireAttempt;
use crate::StopSignal;
use crate::command::CommandSpec;

/// A command that is to be executed.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) attempt: WireAttempt,
    pub(super) spec: CommandSpec,
    pub(super) stop: Arc<StopSignal>,
}

/// The commands of a node: those that run, and those that follow on one that runs.
///
/// A command that follows on another is begun by whoever kept that one, at once, without the
/// driver having to hear of its end first.
#[derive(Debug, Default)]
pub(super) struct Commands(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    known: HashMap<WireAttempt, Known>,
    /// What is told to stop is killed without its grace.
    hurries: bool,
}

#[derive(Debug)]
struct Known {
    stop: Arc<StopSignal>,
    /// What begins when this one has ended.
    follower: Option<Given>,
    /// On what it follows itself, as long as it waits for that.
    after: Option<WireAttempt>,
}

impl Commands {
    /// Takes a command; gives it back if it is to be begun now, since what it was to follow on is
    /// not there, or has a follower.
    pub(super) fn give(&self, given: Given, after: Option<WireAttempt>) -> Option<Given> {
        let mut state = self.0.lock();
        let attempt = given.attempt;
        let mut known = Known {
            stop: Arc::clone(&given.stop),
            follower: None,
            after: None,
        };
        let place = after
            .and_then(|after| state.known.get_mut(&after))
            .filter(|first| first.follower.is_none());
        let now = match place {
            Some(first) => {
                first.follower = Some(given);
                known.after = after;
                None
            }
            None => Some(given),
        };
        state.known.insert(attempt, known);
        now
    }

    /// Takes out a command that has ended, unless another of the same attempt is here already, and
    /// gives what follows on it.
    pub(super) fn end(&self, attempt: WireAttempt, stop: &Arc<StopSignal>) -> Option<Given> {
        let mut state = self.0.lock();
        let is_it = |known: &Known| Arc::ptr_eq(&known.stop, stop);
        if !state.known.get(&attempt).is_some_and(is_it) {
            return None;
        }
        let follower = state.known.remove(&attempt)?.follower?;
        if let Some(known) = state.known.get_mut(&follower.attempt) {
            known.after = None;
        }
        Some(follower)
    }

    /// Gives a command that waits for another, to be begun now.
    pub(super) fn release(&self, attempt: WireAttempt) -> Option<Given> {
        let mut state = self.0.lock();
        let after = state.known.get_mut(&attempt)?.after.take()?;
        state.known.get_mut(&after)?.follower.take()
    }

    pub(super) fn stop(&self, attempt: WireAttempt) {
        let state = self.0.lock();
        let stop = state
            .known
            .get(&attempt)
            .map(|known| Arc::clone(&known.stop));
        let hurries = state.hurries;
        drop(state);
        if let Some(stop) = stop {
            stop.request(attempt.attempt);
            if hurries {
                stop.hurry(attempt.attempt);
            }
        }
    }

    /// Kills those that were told to stop, and from now on any that is.
    pub(super) fn hurry(&self) {
        let mut state = self.0.lock();
        state.hurries = true;
        for (attempt, Known { stop, .. }) in &state.known {
            if stop.is_requested(attempt.attempt) {
                stop.hurry(attempt.attempt);
            }
        }
    }

    /// Kills all.
    pub(super) fn kill_all(&self) {
        for (attempt, Known { stop, .. }) in &self.0.lock().known {
            stop.hurry(attempt.attempt);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::command::Stream;

    fn given(task: u64) -> Given {
        Given {
            attempt: attempt(task),
            spec: CommandSpec {
                prefix: Vec::new(),
                script: String::new(),
                directory: None,
                stdout: Stream::Discard,
                stderr: Stream::Discard,
                environment: Vec::new(),
                outputs: Vec::new(),
                allowed_exit_codes: Vec::new(),
                kill_grace: Duration::ZERO,
            },
            stop: Arc::default(),
        }
    }

    fn attempt(task: u64) -> WireAttempt {
        crate::AttemptId {
            task: crate::TaskId::new(task, 0),
            attempt: 1,
        }
        .into()
    }

    #[test]
    fn a_command_follows_on_one_that_runs() {
        let commands = Commands::default();
        let first = commands.give(given(1), None).unwrap();
        assert!(commands.give(given(2), Some(attempt(1))).is_none());
        // It has a follower.
        assert!(commands.give(given(3), Some(attempt(1))).is_some());
        let second = commands.end(attempt(1), &first.stop).unwrap();
        assert_eq!(second.attempt, attempt(2));
        assert!(commands.release(attempt(2)).is_none(), "it has begun");
        assert!(commands.end(attempt(2), &second.stop).is_none());
        // What it was to follow on is gone.
        assert!(commands.give(given(4), Some(attempt(1))).is_some());
    }

    #[test]
    fn one_that_is_released_follows_on_nothing() {
        let commands = Commands::default();
        let first = commands.give(given(1), None).unwrap();
        assert!(commands.give(given(2), Some(attempt(1))).is_none());
        commands.stop(attempt(2));
        let second = commands.release(attempt(2)).unwrap();
        assert!(second.stop.is_requested(1));
        assert!(commands.release(attempt(2)).is_none());
        assert!(commands.end(attempt(1), &first.stop).is_none());
    }

    #[test]
    fn the_end_of_an_earlier_run_takes_nothing_from_the_next() {
        let commands = Commands::default();
        let first = commands.give(given(1), None).unwrap();
        let again = commands.give(given(1), None).unwrap();
        assert!(commands.end(attempt(1), &first.stop).is_none());
        assert!(commands.give(given(2), Some(attempt(1))).is_none());
        assert!(commands.end(attempt(1), &again.stop).is_some());
    }
}
