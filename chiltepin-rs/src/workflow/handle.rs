use std::fmt;
use std::sync::Arc;

use super::session::Session;
use super::{WorkflowBuilder, WorkflowStatus};
#[cfg(feature = "records")]
use crate::cache::Cache;
use crate::driver::{Driver, Scope};
use crate::task::Header;
use crate::{AppFuture, Call, Result, Value};

/// A running workflow: calls are submitted to it.
///
/// There is no global workflow; several can live in one process. Clones are handles to the same
/// one. When the last handle outside of joins is dropped, what has not ended is cancelled, and
/// every future ends; [`close`](Self::close) lets everything run to its end instead.
///
/// A workflow brings its own threads, so it can be used from a plain `fn main` and from any async
/// runtime.
///
/// ```
/// use chiltepin::{Workflow, task};
///
/// #[task]
/// fn multiply(x: i64, factor: i64) -> i64 { x * factor }
///
/// fn main() -> chiltepin::Result<()> {
///     let workflow = Workflow::open()?;
///     let six = multiply(2, 3).submit(&workflow);
///     assert_eq!(six.result()?, 6);
///     workflow.close_blocking();
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Workflow {
    driver: Arc<Driver>,
    /// The join whose body has this handle.
    scope: Option<Arc<Scope>>,
    /// None in joins: a join does not keep the workflow open.
    session: Option<Arc<Session>>,
}

impl Workflow {
    /// Opens a workflow with the configuration that `CHILTEPIN_CONFIG` names, or with threads of
    /// this process as its only executor, `local`.
    ///
    /// # Errors
    /// If the configuration is wrong, two tasks of the program have one name, or the system
    /// refuses the threads.
    pub fn open() -> Result<Self> {
        Self::builder().open()
    }

    /// Opens a workflow with settings of its own.
    ///
    /// ```
    /// # use chiltepin::Workflow;
    /// let workflow = Workflow::builder().run_dir("/tmp/runs").open()?;
    /// assert_eq!(workflow.executors(), ["local"]);
    /// # Ok::<(), chiltepin::Error>(())
    /// ```
    pub fn builder() -> WorkflowBuilder {
        WorkflowBuilder::default()
    }

    pub(super) fn of_session(session: Arc<Session>) -> Self {
        Self {
            driver: Arc::clone(session.driver()),
            scope: None,
            session: Some(session),
        }
    }

    /// The workflow as the body of a join sees it. Only a submitted task gets there.
    pub(crate) fn inside(join: &Header) -> Option<Self> {
        let driver = Arc::clone(join.driver()?);
        let scope = Some(driver.scope(join.id()));
        Some(Self {
            driver,
            scope,
            session: None,
        })
    }

    pub(super) fn session(&self) -> Option<&Arc<Session>> {
        self.session.as_ref()
    }

    /// The names of the configured executors.
    #[must_use]
    pub fn executors(&self) -> Vec<String> {
        self.driver.configured_names()
    }

    /// How the workflow stands: how many tasks wait, run and have ended, and what the blocks of
    /// nodes are doing.
    ///
    /// All tasks are counted one by one, so a large workflow is better not asked all the time.
    ///
    /// ```
    /// # use chiltepin::{Workflow, task};
    /// # #[task]
    /// # fn square(x: u64) -> u64 { x * x }
    /// # let workflow = Workflow::open()?;
    /// square(3).submit(&workflow).result()?;
    /// assert_eq!(workflow.status().tasks.succeeded, 1);
    /// assert_eq!(workflow.status().to_string(), "tasks: 1 succeeded\nlocal  0 running");
    /// # Ok::<(), chiltepin::Error>(())
    /// ```
    #[must_use]
    pub fn status(&self) -> WorkflowStatus {
        self.driver.workflow_status()
    }

    /// The results that this workflow keeps and finds: to ask for and to remove.
    ///
    /// ```
    /// # use chiltepin::{Workflow, task};
    /// # #[task(cache)]
    /// # fn square(x: u64) -> u64 { x * x }
    /// # #[chiltepin::main]
    /// # async fn main(_: Workflow) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let workflow = Workflow::builder().run_dir(folder.path()).open()?;
    /// square(3).submit(&workflow).await?;
    /// let removed = workflow.cache().clear(&square(3)).await?;
    /// assert_eq!(removed.len(), 1);                       // the next time it runs again
    /// # workflow.close().await;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "records")]
    #[must_use]
    pub fn cache(&self) -> Cache {
        self.driver.cache()
    }

    /// Submits one call for each item, all at once, and gives their futures in order.
    ///
    /// ```
    /// # use chiltepin::{Workflow, task};
    /// #[task]
    /// fn square(x: u64) -> u64 { x * x }
    ///
    /// #[task]
    /// fn sum(values: Vec<u64>) -> u64 { values.iter().sum() }
    ///
    /// # let workflow = Workflow::open()?;
    /// let squares = workflow.map(1..=5, square);
    /// assert_eq!(sum(squares).submit(&workflow).result()?, 55);
    /// # Ok::<(), chiltepin::Error>(())
    /// ```
    pub fn map<I, T, K>(
        &self,
        items: I,
        mut call: impl FnMut(I::Item) -> Call<T, K>,
    ) -> Vec<AppFuture<T>>
    where
        I: IntoIterator,
        T: Value,
    {
        let tasks = items.into_iter().map(|item| call(item).into_task());
        self.driver.submit_all(tasks, self.scope.as_ref())
    }

    pub(crate) fn submit<T: Value, K>(&self, call: Call<T, K>) -> AppFuture<T> {
        self.driver.submit(call.into_task(), self.scope.as_ref())
    }

    /// Takes no more calls and waits until all there are have ended, those of joins included.
    ///
    /// A call submitted afterwards ends with
    /// [`WorkflowClosed`](crate::ErrorKind::WorkflowClosed). Within a join this does nothing.
    pub async fn close(&self) {
        if let Some(session) = &self.session {
            session.close().await;
        }
    }

    /// As [`close`](Self::close), for programs that are not async.
    pub fn close_blocking(&self) {
        crate::future::block_on(self.close(), None);
    }

    /// Cancels all calls and waits until they have ended; commands are killed after their grace.
    pub async fn cancel(&self) {
        if let Some(session) = &self.session {
            session.kill().await;
        }
    }
}

impl fmt::Debug for Workflow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Workflow")
            .field("executors", &self.executors())
            .finish_non_exhaustive()
    }
}
