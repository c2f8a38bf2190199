use std::sync::Arc;

use futures::future::BoxFuture;

use crate::command::CommandSpec;
use crate::{Attempt, AttemptId, Failure, Outcome, StopSignal, TaskKind};

/// One bound attempt on its way to an executor.
pub struct Invocation {
    /// The attempt.
    pub attempt: Attempt,
    /// What is to be done.
    pub work: Arc<dyn Work>,
}

/// The body of one submitted call, with its arguments, seen without types.
///
/// By its [`kind`](Work::kind) an executor calls one of [`call`](Work::call),
/// [`call_async`](Work::call_async) and [`command`](Work::command), and then
/// [`finish`](Work::finish) once.
pub trait Work: Send + Sync {
    /// How the body runs.
    fn kind(&self) -> TaskKind;

    /// Asks an attempt to stop, and tells whether it was asked.
    fn stop_signal(&self) -> &StopSignal;

    /// Runs a synchronous body on this thread. Panics of the body are caught.
    fn call(self: Arc<Self>, attempt: &Attempt) -> Outcome;

    /// Begins an async body. Panics of the body are caught.
    fn call_async(self: Arc<Self>, attempt: &Attempt) -> BoxFuture<'static, Outcome>;

    /// Runs the body of a command task, which says what to execute. Panics of the body are caught.
    ///
    /// # Errors
    /// The body's own failure.
    fn command(self: Arc<Self>, attempt: &Attempt) -> Result<CommandSpec, Failure>;

    /// Takes a command's exit code as the task's value.
    fn exited(&self, code: i32) -> Outcome;

    /// Reports how the attempt ended.
    ///
    /// The driver may hand back what this executor is to start next, of a kind that
    /// [holds a thread](TaskKind::holds_thread) if this one does, else of one that does not; whoever
    /// finished an attempt goes on with it, without a queue between them.
    fn finish(self: Arc<Self>, attempt: &Attempt, outcome: Outcome) -> Option<Invocation>;

    /// Reports that the attempt was asked to stop and cannot be made to: its body still runs.
    ///
    /// [`finish`](Work::finish) is still called when the body has really ended; only then is the
    /// attempt's room free.
    fn abandoned(self: Arc<Self>, attempt: AttemptId);
}
