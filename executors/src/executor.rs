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
