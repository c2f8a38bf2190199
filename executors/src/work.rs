use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;

use crate::command::CommandSpec;
use crate::mpi::Geometry;
use crate::{
    Attempt, AttemptId, EncodedCall, Failure, Outcome, Report, Resources, StopSignal, TaskKind,
};

/// One bound attempt on its way to an executor.
pub struct Invocation {
    /// The attempt.
    pub attempt: Attempt,
    /// What is to be done.
    pub work: Arc<dyn Work>,
    /// The number of the [offer](crate::Rooms) whose room it was bound to.
    pub offer: u32,
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

    /// What is to be executed but for the script, which the body gives where the command runs.
    fn command_frame(&self, attempt: &Attempt) -> CommandSpec;

    /// The nodes and ranks that the call asks for, if it says any.
    fn geometry(&self) -> Option<Geometry> {
        None
    }

    /// The words given to the MPI launcher for this call, behind those of the executor.
    fn launcher_options(&self) -> &[String] {
        &[]
    }

    /// Takes a command's exit code as the task's value.
    fn exited(&self, code: i32) -> Outcome;

    /// What the call asks for while it runs.
    fn resources(&self) -> Resources;

    /// Encodes the call for another process: its function and its arguments. What earlier tasks
    /// gave in encoded form is put in as it is. Panics of the user's code are caught.
    ///
    /// An inline value may have at most `largest` bytes.
    ///
    /// # Errors
    /// An argument cannot be encoded, is too large, or is not to be had; the error names it.
    fn encode(&self, attempt: &Attempt, largest: usize) -> Result<EncodedCall, Failure>;

    /// Takes the encoded value that another process gives; it is decoded when somebody asks.
    fn returned(&self, value: Bytes) -> Outcome;

    /// Counts a worker process that was lost under the task, and gives the count.
    fn count_loss(&self) -> u32;

    /// How many were lost under it so far.
    fn losses(&self) -> u32;

    /// How many attempts at the task were [returned](Outcome::Returned) so far; counted up to 255.
    fn returns(&self) -> u32 {
        0
    }

    /// Takes the account of the attempt that is about to [`finish`](Work::finish).
    fn report(&self, report: Report);

    /// How long an attempt may take, from its begin.
    fn timeout(&self) -> Option<Duration> {
        None
    }

    /// Which goes first of those that wait with an executor: the higher one.
    fn priority(&self) -> i32 {
        0
    }

    /// Reports that the attempt begins, which waited until now, to an executor's
    /// [promise](crate::Executor::tells_begin). Said again of the same attempt it changes nothing.
    fn begun(&self, _attempt: AttemptId) {}

    /// Reports that the attempt begins on these nodes, by their
    /// [numbers](crate::NodeStatus::number): an MPI application, on nodes of its own.
    fn placed(&self, _attempt: AttemptId, _nodes: &[u32]) {}

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
