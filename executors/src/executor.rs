use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::{AttemptId, Capacity, Invocation, Work};

/// Runs invocations: threads of this process, worker processes, nodes of a cluster.
#[async_trait]
pub trait Executor: Send + Sync + fmt::Debug {
    /// The room this executor has from the start, if any.
    fn offer(&self) -> Option<Capacity>;

    /// Is told, before anything is started, whom to tell of room that comes and goes.
    fn attach(&self, _rooms: Arc<dyn Rooms>) {}

    /// Whether it tells by [`Work::begun`] when the time of an attempt begins: calls may wait here.
    /// Elsewhere that is when the attempt is [started](Executor::start).
    fn tells_begin(&self) -> bool {
        false
    }

    /// Starts one invocation that was bound to this executor's room.
    ///
    /// Returns at once; never runs a body on the caller's stack. The invocation's
    /// [`Work::finish`] is called exactly once, also when it was stopped before it began.
    fn start(&self, invocation: Invocation);

    /// Stops an attempt that was started, or is about to be: the request may overtake the start.
    ///
    /// What cannot be stopped is reported by [`Work::abandoned`] instead, before this returns.
    /// An attempt that has finished is left alone.
    fn stop(&self, attempt: AttemptId, work: &Arc<dyn Work>);

    /// What was told to stop, or is told from now on, is killed without waiting for its grace.
    fn hurry(&self);

    /// Lets go of threads and processes; what still runs after `grace` is killed or left behind.
    ///
    /// Called once, after everything was finished or stopped.
    async fn shutdown(&self, grace: Duration);
}

/// Is told of an executor's room beyond what it [offers](Executor::offer) from the start, which is
/// offer number 0.
pub trait Rooms: Send + Sync {
    /// There is room. Made again under the same number it replaces the earlier one.
    fn offered(&self, offer: u32, capacity: Capacity);

    /// The room is gone; what runs there still reports its end.
    fn withdrawn(&self, offer: u32);
}
