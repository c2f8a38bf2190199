use std::cell::Cell;
use std::sync::Arc;

use chiltepin_executors::panic::catch;
use chiltepin_executors::{Attempt, Executor, Invocation, TaskKind};

use super::Driver;
use super::lock::Commands;
use crate::kernel::{Command, Ending, ExecutorId};

thread_local! {
    /// A list of commands, kept for its memory.
    static SCRATCH: Cell<Commands> = const { Cell::new(Vec::new()) };
}

/// A list that is kept is not longer than this, in commands.
const KEPT: usize = 1024;

pub(super) fn take_scratch() -> Commands {
    SCRATCH.try_with(Cell::take).unwrap_or_default()
}

fn keep_scratch(commands: Commands) {
    if commands.capacity() <= KEPT {
        // A thread at its end has nowhere to keep it.
        let _ = SCRATCH.try_with(|scratch| scratch.set(commands));
    }
}

impl Driver {
    /// Does what the kernel commanded. The first invocation for the executor in `keep` that holds a
    /// thread, or does not, as said there, is given to the caller, who runs such ones.
    pub(super) fn perform(
        self: &Arc<Self>,
        mut commands: Commands,
        keep: Option<(ExecutorId, bool)>,
    ) -> Option<Invocation> {
        // Whether a kind holds a thread decides who runs it.
        let mut kept = None;
        let mut notes = self.notes();
        for command in commands.drain(..) {
            if let Some(notes) = &mut notes {
                notes.command(&command);
            }
            match command {
                Command::Start {
                    attempt,
                    executor,
                    payload,
                    deadline,
                    last,
                    offer,
                } => {
                    payload.header().start_on(executor);
                    let holds_thread = payload.kind().holds_thread();
                    let attempt = Attempt {
                        id: attempt,
                        deadline,
                        last,
                    };
                    let invocation = Invocation {
                        attempt,
                        work: payload,
                        offer,
                    };
                    if kept.is_none() && keep == Some((executor, holds_thread)) {
                        kept = Some(invocation);
                    } else if let Some(executor) = self.executor(executor) {
                        executor.start(invocation);
                    }
                }
                Command::Look { id, payload } => match &self.settings.results {
                    Some(results) => results.look(id, payload),
                    None => self.looked([(id, false)]),
                },
                Command::Keep { attempt, payload } => match &self.settings.results {
                    Some(results) => results.keep(attempt, payload),
                    None => self.kept(attempt.task),
                },
                Command::Stop {
                    attempt,
                    executor,
                    payload,
                } => {
                    if let Some(executor) = self.executor(executor) {
                        executor.stop(attempt, &(payload as _));
                    }
                }
                Command::Retrying {
                    attempt,
                    payload,
                    at,
                    failure,
                    ..
                } => {
                    if failure.is_none() && payload.kind() == TaskKind::Join {
                        // What a join that took too long has submitted must not run beside what
                        // its next attempt submits.
                        self.cancel_scope(attempt.task);
                    }
                    let pause = at.saturating_duration_since(std::time::Instant::now());
                    let task = payload.header().name();
                    // The user's error shows itself and is dropped, which may panic.
                    let _ = catch(|| match failure {
                        Some(error) => {
                            tracing::info!(task, %attempt, ?pause, %error, "trying again");
                        }
                        None => tracing::info!(task, %attempt, ?pause, "trying again"),
                    });
                }
                Command::Ended {
                    id,
                    payload,
                    ending,
                    ..
                } => {
                    // A user's drop or waker that panics must not keep the others from theirs.
                    let _ = catch(|| payload.release());
                    let _ = catch(|| payload.waiting().wake());
                    if let Some(results) = &self.settings.results
                        && payload.header().is_cached()
                    {
                        results.ended(&payload);
                    }
                    if payload.kind() == TaskKind::Join {
                        self.end_scope(id, &ending);
                    }
                    if let Some(error) = payload.header().decision().failure() {
                        let task = payload.header().name();
                        let _ = catch(|| tracing::debug!(task, %id, %error, "ended"));
                    }
                }
                Command::Wanted { executor } => self.tell_wanted(executor),
                Command::Drained => self.set_drained(),
            }
        }
        keep_scratch(commands);
        kept
    }

    /// What a join has submitted ends with it, unless the join itself ended of its own accord.
    fn end_scope<F>(self: &Arc<Self>, id: chiltepin_executors::TaskId, ending: &Ending<F>) {
        if matches!(ending, Ending::Cancelled { .. } | Ending::TimedOut { .. }) {
            self.cancel_scope(id);
        } else {
            self.scopes.lock().remove(&id);
        }
    }

    fn cancel_scope(self: &Arc<Self>, id: chiltepin_executors::TaskId) {
        let scope = self.scopes.lock().remove(&id);
        if let Some(scope) = scope {
            scope.cancel(self);
        }
    }

    fn executor(&self, executor: ExecutorId) -> Option<&Arc<dyn Executor>> {
        self.executors.get(usize::from(executor.0))?.executor()
    }
}
