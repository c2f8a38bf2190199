use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use chiltepin_executors::{Attempt, TaskId};

use super::AnyTask;
use crate::workflow::Workflow;

/// What a running task may know of itself: a task asks for it with a parameter
/// `context: &TaskContext`, which is no argument of the call.
///
/// ```
/// # use chiltepin::{TaskContext, Workflow, task};
/// #[task]
/// fn patient(context: &TaskContext, steps: u32) -> u32 {
///     (0..steps).take_while(|_| !context.is_cancelled()).count() as u32
/// }
///
/// # let workflow = Workflow::open()?;
/// assert_eq!(patient(10).submit(&workflow).result()?, 10);
/// # Ok::<(), chiltepin::Error>(())
/// ```
#[derive(Clone)]
pub struct TaskContext {
    task: Arc<dyn AnyTask>,
    attempt: Attempt,
}

impl TaskContext {
    /// The task's id; number 0 for a call that is [`run`](crate::Call::run) without a workflow.
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.attempt.id.task
    }

    /// The task's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.task.header().name()
    }

    /// Which attempt this is, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt.id.attempt
    }

    /// When the attempt will be stopped, if it has a timeout.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.attempt.deadline
    }

    /// Where the task is to work: the call's directory, which is there by now, or the driver's.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        let driver = || std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        self.task.header().directory().unwrap_or_else(driver)
    }

    /// Whether the attempt was asked to stop, by a timeout, a cancel or the workflow's end.
    ///
    /// A synchronous body that takes long should look now and then and return early: nothing
    /// else can stop it on an executor of threads.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.task.header().stop().is_requested(self.attempt())
    }
}

impl fmt::Debug for TaskContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TaskContext")
            .field("task", &self.name())
            .field("attempt", &self.attempt.id)
            .field("deadline", &self.attempt.deadline)
            .finish()
    }
}

/// One attempt, as the code the macros write sees it.
pub struct Run<'a> {
    pub(super) share: &'a dyn Fn() -> Arc<dyn AnyTask>,
    pub(super) attempt: &'a Attempt,
}

impl Run<'_> {
    /// The context for a body that asks for it.
    #[must_use]
    pub fn context(&self) -> TaskContext {
        TaskContext {
            task: (self.share)(),
            attempt: *self.attempt,
        }
    }

    /// The workflow for a join's body.
    #[must_use]
    pub fn workflow(&self) -> Workflow {
        let task = (self.share)();
        // A join has no `run`, so its body runs only once it is submitted.
        Workflow::inside(task.header()).unwrap_or_else(|| unreachable!("a join without a workflow"))
    }
}
