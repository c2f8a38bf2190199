use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use chiltepin_executors::TaskId;

use super::ErrorKind;

/// Why a task has no value: what happened, to which task, on which executor, at which attempt.
///
/// Printed with `{}` it is one sentence; with `{:#}` its causes follow, and
/// [`source`](std::error::Error::source) leads to them.
///
/// ```
/// # use chiltepin::{ErrorKind, Workflow, task};
/// #[task]
/// fn divide(x: i64, by: i64) -> Result<i64, String> {
///     x.checked_div(by).ok_or_else(|| format!("{x} cannot be divided by {by}"))
/// }
///
/// let workflow = Workflow::open()?;
/// let error = divide(1, 0).submit(&workflow).result().unwrap_err();
/// assert!(matches!(error.kind(), ErrorKind::Failed(_)));
/// assert_eq!(error.downcast_ref::<String>().unwrap(), "1 cannot be divided by 0");
/// assert_eq!(
///     error.to_string(),
///     "task `divide` (1) on `local`, attempt 1, failed: 1 cannot be divided by 0"
/// );
/// # Ok::<(), chiltepin::Error>(())
/// ```
#[derive(Clone)]
pub struct TaskError {
    inner: Arc<Inner>,
}

struct Inner {
    kind: ErrorKind,
    place: ErrorPlace,
    /// The first cause below this error, where it is no error value itself.
    cause: Option<Cause>,
}

/// Errors may lie within errors as deep as joins within joins: taken apart one by one, they need no
/// stack for it.
impl Drop for Inner {
    fn drop(&mut self) {
        let mut next = take_inner(&mut self.kind);
        while let Some(error) = next {
            next = Arc::into_inner(error.inner).and_then(|mut inner| take_inner(&mut inner.kind));
        }
    }
}

fn take_inner(kind: &mut ErrorKind) -> Option<TaskError> {
    if !matches!(
        kind,
        ErrorKind::DependencyFailed { .. } | ErrorKind::JoinFailed { .. }
    ) {
        return None;
    }
    match std::mem::replace(kind, ErrorKind::WorkflowClosed) {
        ErrorKind::DependencyFailed { root } => Some(root),
        ErrorKind::JoinFailed { cause } => Some(cause),
        _ => None,
    }
}

/// Which task, and where it ran last.
#[derive(Clone, Debug, Default)]
pub(crate) struct ErrorPlace {
    pub(crate) task: String,
    pub(crate) id: Option<TaskId>,
    /// The workflow's own number, which tells the tasks of two apart.
    pub(crate) workflow: u64,
    pub(crate) executor: Option<Arc<str>>,
    pub(crate) attempt: u32,
}

impl TaskError {
    pub(crate) fn new(kind: ErrorKind, place: ErrorPlace) -> Self {
        let cause = match &kind {
            ErrorKind::Failed(error) => Cause::chain(&error.causes),
            _ => None,
        };
        Self {
            inner: Arc::new(Inner { kind, place, cause }),
        }
    }

    /// What happened.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.inner.kind
    }

    /// The name of the task.
    #[must_use]
    pub fn task(&self) -> &str {
        &self.inner.place.task
    }

    /// The task's id, once it was submitted.
    #[must_use]
    pub fn id(&self) -> Option<TaskId> {
        self.inner.place.id
    }

    /// The number of the task's workflow.
    pub(crate) fn workflow(&self) -> u64 {
        self.inner.place.workflow
    }

    /// The executor on which the last attempt ran, if one did.
    #[must_use]
    pub fn executor(&self) -> Option<&str> {
        self.inner.place.executor.as_deref()
    }

    /// The number of the last attempt, from 1; 0 if the task never started.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.inner.place.attempt
    }

    /// The error the body returned, if it is a `T` and `T` can travel to other processes.
    ///
    /// Looks through failed dependencies and joins to the task where it began.
    #[must_use]
    pub fn downcast_ref<T: Any>(&self) -> Option<&T> {
        match &self.root().inner.kind {
            ErrorKind::Failed(error) => error.value.as_ref()?.downcast_ref(),
            _ => None,
        }
    }

    /// The error of the task where the trouble began: this one, or the one that made this task
    /// not run or made this join fail.
    #[must_use]
    pub fn root(&self) -> &Self {
        let mut error = self;
        loop {
            match &error.inner.kind {
                ErrorKind::DependencyFailed { root } => error = root,
                ErrorKind::JoinFailed { cause } => error = cause,
                _ => return error,
            }
        }
    }

    /// Whether the task was cancelled, or not run because one it depends on was.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self.root().inner.kind, ErrorKind::Cancelled { .. })
    }

    /// Whether an attempt took too long, of this task or of one it depends on.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.root().inner.kind, ErrorKind::TimedOut { .. })
    }

    /// The task, as other errors name it.
    pub(crate) fn subject(&self) -> impl fmt::Display + '_ {
        Subject(&self.inner.place)
    }

    /// What happened in a few words, for another task's error.
    pub(crate) fn brief(&self) -> &'static str {
        match self.inner.kind {
            ErrorKind::Cancelled { .. } => "was cancelled",
            ErrorKind::TimedOut { .. } => "timed out",
            ErrorKind::Panicked(_) => "panicked",
            ErrorKind::WorkflowClosed => "was not run",
            ErrorKind::WorkerLost { .. } => "lost its worker",
            ErrorKind::NodesLost { .. } => "lost its nodes",
            ErrorKind::NoSuchElement { .. } => "has no such element",
            _ => "failed",
        }
    }
}

struct Subject<'a>(&'a ErrorPlace);

impl fmt::Display for Subject<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A value that was there from the start comes from no task.
        if self.0.task.is_empty() {
            return formatter.write_str("a future made of a value");
        }
        write!(formatter, "task `{}`", self.0.task)?;
        match self.0.id {
            Some(id) => write!(formatter, " ({id})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &self.inner.place;
        write!(formatter, "{}", Subject(place))?;
        if let Some(executor) = &place.executor {
            write!(formatter, " on `{executor}`")?;
        }
        if place.attempt > 0 {
            write!(formatter, ", attempt {},", place.attempt)?;
        }
        write!(formatter, " {}", self.inner.kind)?;
        if formatter.alternate() {
            let mut cause = self.source();
            while let Some(error) = cause {
                write!(formatter, "\n  caused by: {error}")?;
                cause = error.source();
            }
        }
        Ok(())
    }
}

/// As printed with `{:#}`, so that `unwrap` and `main` show what happened.
impl fmt::Debug for TaskError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:#}")
    }
}

impl Error for TaskError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.inner.kind {
            ErrorKind::DependencyFailed { root } => Some(root),
            ErrorKind::JoinFailed { cause } => Some(cause),
            ErrorKind::System { error, .. } => Some(error.as_ref()),
            _ => self.inner.cause.as_ref().map(|cause| cause as &dyn Error),
        }
    }
}

/// One of the causes that came with a body's error as words.
#[derive(Debug)]
struct Cause {
    message: String,
    next: Option<Box<Cause>>,
}

impl Cause {
    fn chain(messages: &[String]) -> Option<Self> {
        let mut chain: Option<Self> = None;
        for message in messages.iter().rev() {
            chain = Some(Self {
                message: message.clone(),
                next: chain.map(Box::new),
            });
        }
        chain
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.next.as_deref().map(|next| next as &dyn Error)
    }
}
