//! A call: lazy, with everything set by chained setters, until `.submit(&workflow)` ends it.

mod capture;
pub mod kind;
mod run;
mod settings;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

pub use capture::Capture;

#[cfg(feature = "records")]
use crate::task::AnyTask;
use crate::task::Task;
use crate::workflow::Workflow;
use crate::{AppFuture, Value};

/// A call of a task, not yet submitted: a function annotated with `#[task]` returns one.
///
/// `T` is the type of its value, `K` its [`kind`]: what can be set depends on it.
///
/// ```
/// # use chiltepin::{Workflow, task};
/// # use std::time::Duration;
/// #[task]
/// fn square(x: u64) -> u64 { x * x }
///
/// # let workflow = Workflow::open()?;
/// let nine = square(3).on("local").retries(2).timeout(Duration::from_secs(60)).submit(&workflow);
/// assert_eq!(nine.result()?, 9);
/// # Ok::<(), chiltepin::Error>(())
/// ```
#[must_use = "a call does nothing until `.submit(&workflow)` or `.run().await`"]
pub struct Call<T, K = kind::Function> {
    task: Arc<dyn Task<T>>,
    kind: PhantomData<fn() -> K>,
}

impl<T: Value, K> Call<T, K> {
    pub(crate) fn new(task: Arc<dyn Task<T>>) -> Self {
        Self {
            task,
            kind: PhantomData,
        }
    }

    /// Submits the call: it starts as soon as what it depends on is there and an executor has
    /// room. Never blocks.
    pub fn submit(self, workflow: &Workflow) -> AppFuture<T> {
        workflow.submit(self)
    }

    #[cfg(feature = "records")]
    pub(crate) fn task(&self) -> &dyn AnyTask {
        &*self.task
    }

    pub(crate) fn into_task(self) -> Arc<dyn Task<T>> {
        self.task
    }
}

impl<T, K> fmt::Debug for Call<T, K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Call")
            .field("task", &self.task.header().name())
            .finish_non_exhaustive()
    }
}
