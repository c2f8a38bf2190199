use crate::command::CommandEnd;
use crate::{AttemptId, ProcessEnd, Usage};

/// What is known of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeFacts {
    /// Its host name.
    pub host: String,
    /// The process id of the parent of all workers and commands.
    pub process: u32,
}

/// Is told what happens on a node, one thing after the other, on a thread of the runtime.
pub trait NodeEvents: Send + Sync + 'static {
    /// Processes can be started. Said once, before anything but a failure.
    fn ready(&self, facts: NodeFacts);

    /// No process can be started, or none any more; all that were are gone. The last thing said.
    fn failed(&self, reason: String);

    /// A worker was started.
    fn launched(&self, worker: u32, process: u32);

    /// A worker has ended or could not be started, and all it had started is gone. The text is the
    /// end of its stderr, or why it could not be started.
    fn exited(&self, worker: u32, end: ProcessEnd, stderr: String);

    /// A command has ended. Its process is that of its shell, 0 where none was started.
    fn executed(
        &self,
        attempt: AttemptId,
        end: Result<i32, CommandEnd>,
        usage: Usage,
        process: u32,
    );
}
