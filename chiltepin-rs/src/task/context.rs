use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use chiltepin_executors::{Attempt, ServedCall, TaskId, TaskKind};

use super::AnyTask;
use super::scratch::Scratch;
use crate::environment;
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
    origin: Origin,
    attempt: Attempt,
    scratch: Arc<Scratch>,
}

/// Where the call is known from that a body runs for.
#[derive(Clone)]
pub(crate) enum Origin {
    /// It was made in this process.
    Made(Arc<dyn AnyTask>),
    /// It came from the driver's process.
    Served(Arc<ServedCall>),
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
        match &self.origin {
            Origin::Made(task) => task.header().name(),
            Origin::Served(call) => call.name.as_deref().unwrap_or(call.info.short_name()),
        }
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

    /// Where the task is to work: the call's directory, which is there by now, or that of the
    /// process it runs in.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        let given = match &self.origin {
            Origin::Made(task) => task.header().directory(self.attempt()),
            Origin::Served(call) => call.directory.clone(),
        };
        let of_process = || std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        given.unwrap_or_else(of_process)
    }

    /// A private folder for temporary files, made when it is first asked for and removed with the
    /// context, whatever became of the attempt. What a worker leaves there that is killed, a later
    /// one removes.
    ///
    /// It is where `TMPDIR` says, on the node where the body runs: for files that only this attempt
    /// reads. What is to stay goes to the [`directory`](Self::directory).
    ///
    /// ```
    /// # use chiltepin::{TaskContext, Workflow, task};
    /// #[task]
    /// fn count(context: &TaskContext, text: String) -> std::io::Result<u64> {
    ///     let file = context.scratch()?.join("text");
    ///     std::fs::write(&file, text)?;
    ///     Ok(std::fs::metadata(&file)?.len())
    /// }
    ///
    /// # let workflow = Workflow::open()?;
    /// assert_eq!(count("five!".to_owned()).submit(&workflow).result()?, 5);
    /// # Ok::<(), chiltepin::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the folder cannot be made; and in the body of a `#[bash_task]`, which has ended before its
    /// script runs: there `mktemp` makes one.
    pub fn scratch(&self) -> io::Result<PathBuf> {
        let kind = match &self.origin {
            Origin::Made(task) => task.kind(),
            Origin::Served(call) => call.info.kind,
        };
        if kind == TaskKind::Command {
            let task = self.name();
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                format!(
                    "the body of the command `{task}` has ended before its script runs, and with it \
                     its scratch folder would be gone: make one in the script, as by `mktemp -d`"
                ),
            ));
        }
        self.scratch.folder(&environment::temporary_folder())
    }

    /// What the executor says of the place where the task runs, as pairs of a name and a value:
    /// of an MPI application its nodes, its ranks and the words that launch it. Commands find the
    /// same in their environment; elsewhere there are none.
    ///
    /// A function that starts an MPI program hands them to it, so that the program is where it is
    /// meant to be and is ended with its task.
    ///
    /// ```
    /// # use chiltepin::{TaskContext, task};
    /// use std::process::Command;
    ///
    /// #[task]
    /// fn simulate(context: &TaskContext, steps: u32) -> std::io::Result<Option<i32>> {
    ///     let launch = context.variable("CHILTEPIN_MPI_PREFIX").unwrap_or_default();
    ///     let status = Command::new("bash")
    ///         .args(["-c", &format!("{launch} ./simulator --steps {steps}")])
    ///         .envs(context.variables().iter().cloned())
    ///         .status()?;
    ///     Ok(status.code())
    /// }
    /// ```
    #[must_use]
    pub fn variables(&self) -> &[(String, String)] {
        match &self.origin {
            Origin::Made(_) => &[],
            Origin::Served(call) => &call.variables,
        }
    }

    /// One of the [`variables`](Self::variables).
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        let mut all = self.variables().iter();
        all.find(|(known, _)| known == name)
            .map(|(_, value)| &**value)
    }

    /// Whether the attempt was asked to stop, by a timeout, a cancel or the workflow's end.
    ///
    /// A synchronous body that takes long should look now and then and return early: nothing
    /// else can stop it on an executor of threads, and on one of processes its worker is killed
    /// with it.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        let stop = match &self.origin {
            Origin::Made(task) => task.header().stop(),
            Origin::Served(call) => &call.stop,
        };
        stop.is_requested(self.attempt())
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
    origin: &'a dyn Fn() -> Origin,
    attempt: &'a Attempt,
}

impl<'a> Run<'a> {
    pub(crate) fn new(origin: &'a dyn Fn() -> Origin, attempt: &'a Attempt) -> Self {
        Self { origin, attempt }
    }

    /// The context for a body that asks for it.
    #[must_use]
    pub fn context(&self) -> TaskContext {
        TaskContext {
            origin: (self.origin)(),
            attempt: *self.attempt,
            scratch: Arc::default(),
        }
    }

    /// The workflow for a join's body.
    #[must_use]
    pub fn workflow(&self) -> Workflow {
        let workflow = match (self.origin)() {
            Origin::Made(task) => Workflow::inside(task.header()),
            Origin::Served(_) => None,
        };
        // A join has no `run`, and no other process serves it, so its body runs only in the driver,
        // once it is submitted.
        workflow.unwrap_or_else(|| unreachable!("a join without a workflow"))
    }
}
