use std::sync::Arc;

use futures::future::BoxFuture;

use crate::{AttemptId, Invocation, Work};

/// A node as applications need it: an agent, or this machine.
pub trait AppNode: Send + Sync {
    /// The name by which launchers know it.
    fn name(&self) -> &str;

    /// What its MPI launcher says of its version, or why that could not be told; none where nobody
    /// has asked.
    fn launcher(&self) -> Option<Result<String, String>> {
        None
    }

    /// Starts a call on it, as [`Executor::start`](crate::Executor::start) does.
    fn start(&self, invocation: Invocation);

    /// Stops one, as [`Executor::stop`](crate::Executor::stop) does.
    fn stop(&self, attempt: AttemptId, work: &Arc<dyn Work>);

    /// Kills what is left on it of an application, and tells when that is gone. The error says how
    /// the node was lost.
    fn sweep(&self, application: &str) -> BoxFuture<'static, Result<Swept, String>>;
}

/// What was left of an application on a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many processes were there.
    pub found: u32,
    /// How many are there still, since nothing kills them.
    pub left: u32,
}
