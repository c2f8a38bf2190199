use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Debug};
use std::future::Future;
use std::hash::{BuildHasher, Hash};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use chiltepin_executors::TaskId;

use super::slot::{Slot, Undecodable};
use super::view::{AnyView, View};
use super::{Status, TaskOutput, TaskReport, block_on};
use crate::error::{ErrorKind, ErrorPlace};
use crate::task::{AnyTask, EncodeError, Encoded, Header, Task};
use crate::{TaskError, Value};

/// The value that a submitted call will have.
///
/// It starts at submit, whether or not anyone waits. Clones are handles to the same value;
/// dropping a handle neither cancels nor loses the task. Awaiting gives each handle a clone of the
/// value (wrap big ones in [`Arc`]); passed to another call by value, the last
/// handle gives the value away instead.
///
/// ```
/// use chiltepin::{Workflow, task};
///
/// #[task]
/// fn square(x: u64) -> u64 { x * x }
///
/// #[chiltepin::main]
/// async fn main(workflow: Workflow) -> chiltepin::Result<()> {
///     let nine = square(3).submit(&workflow);
///     let eighty_one = square(&nine).submit(&workflow);    // waits for `nine` by itself
///     assert_eq!(nine.await?, 9);
///     assert_eq!(eighty_one.await?, 81);
///     Ok(())
/// }
/// ```
#[must_use = "a task's errors are seen only by who looks at its future; await it, pass it on, or `drop` it"]
pub struct AppFuture<T> {
    source: Source<T>,
}

enum Source<T> {
    Task {
        task: Arc<dyn Task<T>>,
        /// What this handle waits under in the task's slot; 0 while it does not.
        key: u32,
    },
    /// A value that is there from the start.
    Ready(Arc<T>),
    View(Box<dyn AnyView<T>>),
}

/// A future seen without its type, as something to depend on.
pub(crate) trait AnyFuture: Send + Sync {
    /// The task that the value comes from, if it is not there from the start.
    fn task(&self) -> Option<&dyn AnyTask>;

    /// Another handle.
    fn boxed(&self) -> Box<dyn AnyFuture>;

    /// Polls for the end of the task; the value is left where it is.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TaskError>>;
}

impl<T: Value> AppFuture<T> {
    pub(crate) fn of_task(task: Arc<dyn Task<T>>) -> Self {
        task.header().add_handle();
        Self {
            source: Source::Task { task, key: 0 },
        }
    }

    pub(crate) fn of_view(view: impl AnyView<T> + 'static) -> Self {
        Self {
            source: Source::View(Box::new(view)),
        }
    }

    /// A future whose value is there from the start, to stand beside others in a list.
    ///
    /// ```
    /// # use chiltepin::AppFuture;
    /// assert_eq!(AppFuture::ready(3).result()?, 3);
    /// # Ok::<(), chiltepin::TaskError>(())
    /// ```
    pub fn ready(value: T) -> Self {
        Self {
            source: Source::Ready(Arc::new(value)),
        }
    }

    /// Waits on this thread, without async, and gives a clone of the value.
    ///
    /// # Errors
    /// The task's error.
    pub fn result(&self) -> Result<T, TaskError> {
        let result = block_on(self.clone(), None);
        result.unwrap_or_else(|| Err(self.error(ErrorKind::WorkflowClosed)))
    }

    /// Waits on this thread for at most `timeout`; none if the task has not ended by then.
    ///
    /// The task goes on; [`cancel`](Self::cancel) stops it.
    ///
    /// ```
    /// # use chiltepin::AppFuture;
    /// # use std::time::Duration;
    /// assert!(AppFuture::ready(3).result_timeout(Duration::from_millis(1)).is_some());
    /// ```
    pub fn result_timeout(&self, timeout: Duration) -> Option<Result<T, TaskError>> {
        block_on(self.clone(), Instant::now().checked_add(timeout))
    }

    /// The future of something made of this one's value; computed once, when first asked for.
    ///
    /// A panic of `map` is an error of the new future.
    ///
    /// ```
    /// # use chiltepin::AppFuture;
    /// let words = AppFuture::ready("three small words".to_owned());
    /// let count = words.map(|text| text.split(' ').count());
    /// assert_eq!(count.result()?, 3);
    /// # Ok::<(), chiltepin::TaskError>(())
    /// ```
    pub fn map<U: Value>(&self, map: impl FnOnce(&T) -> U + Send + Sync + 'static) -> AppFuture<U> {
        AppFuture::of_view(View::new(self.clone(), |value: &T| Ok(map(value))))
    }

    /// The future of a part of this one's value.
    ///
    /// ```
    /// # use chiltepin::AppFuture;
    /// let pair = AppFuture::ready((1, "one".to_owned()));
    /// assert_eq!(pair.field(|pair| &pair.1).result()?, "one");
    /// # Ok::<(), chiltepin::TaskError>(())
    /// ```
    pub fn field<U: Value>(
        &self,
        field: impl FnOnce(&T) -> &U + Send + Sync + 'static,
    ) -> AppFuture<U> {
        self.map(|value| field(value).clone())
    }

    /// Takes the value, cloning it only if there are other handles. The task has ended.
    pub(crate) fn into_value(self) -> Result<T, TaskError> {
        if let Source::Task { task, .. } = &self.source
            && task.header().is_last_handle()
        {
            task.header().decision().result().unwrap_or(Ok(()))?;
            let content = task.slot().take();
            let value = content
                .into_value()
                .map_err(|error| undecodable(task.header(), &error))?;
            if let Some(value) = value {
                return Ok(value);
            }
        }
        self.value()
    }

    /// A clone of the value. The task has ended.
    pub(crate) fn value(&self) -> Result<T, TaskError> {
        match &self.source {
            Source::Task { task, .. } => self.of_slot(&**task, Slot::copy),
            Source::Ready(ready) => Ok(T::clone(ready)),
            Source::View(view) => view.value(),
        }
    }

    /// Reads the value. The task has ended.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&T) -> R) -> Result<R, TaskError> {
        match &self.source {
            Source::Task { task, .. } => self.of_slot(&**task, |slot| slot.read(read)),
            Source::Ready(ready) => Ok(read(ready)),
            Source::View(view) => view.value().map(|value| read(&value)),
        }
    }

    /// Reads the value and leaves it as it is, encoded or not. The task has ended.
    pub(crate) fn look<R>(&self, read: impl FnOnce(&T) -> R) -> Result<R, TaskError> {
        match &self.source {
            Source::Task { task, .. } => self.of_slot(&**task, |slot| slot.look(read)),
            _ => self.read(read),
        }
    }

    /// Asks something of a task's slot, if the task has ended well.
    fn of_slot<R>(
        &self,
        task: &dyn Task<T>,
        ask: impl FnOnce(&Slot<T>) -> Result<Option<R>, Undecodable>,
    ) -> Result<R, TaskError> {
        task.header()
            .decision()
            .result()
            .unwrap_or_else(|| Err(self.gone()))?;
        ask(task.slot())
            .map_err(|error| undecodable(task.header(), &error))?
            .ok_or_else(|| self.gone())
    }

    /// Encodes the value, or passes on what is encoded already. The task has ended.
    pub(crate) fn encode(&self, out: &mut Encoded) -> Result<(), EncodeError> {
        match &self.source {
            Source::Task { task, .. } => {
                let decided = task.header().decision().result();
                decided.unwrap_or_else(|| Err(self.gone()))?;
                if task.slot().encode(out)? {
                    Ok(())
                } else {
                    Err(self.gone().into())
                }
            }
            Source::Ready(ready) => out.value(&**ready),
            Source::View(view) => out.value(&view.value()?),
        }
    }

    fn gone(&self) -> TaskError {
        let reason = "the value of a future is not there".to_owned();
        self.error(ErrorKind::InvalidCall { reason })
    }

    pub(crate) fn error(&self, kind: ErrorKind) -> TaskError {
        match self.task() {
            Some(task) => task.header().error(kind),
            None => TaskError::new(kind, ErrorPlace::default()),
        }
    }
}

/// The error of who reads a value that came from another process and is none.
pub(crate) fn undecodable(header: &Header, Undecodable(problem): &Undecodable) -> TaskError {
    let info = header.info();
    let reason = format!(
        "gave a result that cannot be decoded: `{}` returns `{}`, and {problem}",
        info.function, info.returns
    );
    header.error(ErrorKind::Encoding { reason })
}

/// What can be asked without waiting.
impl<T> AppFuture<T> {
    fn task(&self) -> Option<&dyn AnyTask> {
        match &self.source {
            Source::Task { task, .. } => Some(&**task),
            Source::Ready(_) => None,
            Source::View(view) => view.task(),
        }
    }

    /// The id of the task; none for a value that was there from the start.
    #[must_use]
    pub fn id(&self) -> Option<TaskId> {
        self.task().map(|task| task.header().id())
    }

    /// The name of the task; `ready` for a value that was there from the start.
    #[must_use]
    pub fn name(&self) -> &str {
        self.task().map_or("ready", |task| task.header().name())
    }

    /// The executor the task runs on now, or ran on last; none before it first starts.
    #[must_use]
    pub fn executor(&self) -> Option<String> {
        self.task()?.header().executor()
    }

    /// Where the task stands, and what it waits for.
    #[must_use]
    pub fn status(&self) -> Status {
        self.task()
            .map_or(Status::Succeeded, |task| task.header().status())
    }

    /// Whether the task has ended, well or badly.
    #[must_use]
    pub fn done(&self) -> bool {
        self.task().is_none_or(|task| {
            let header = task.header();
            header.decision().is_made() || {
                header.see_placed();
                header.decision().is_made()
            }
        })
    }

    /// Cancels the task, and with it those that depend on it. One that has ended is left alone.
    ///
    /// What runs is stopped: an async body is dropped, a command's processes are ended, a join's
    /// own tasks are cancelled. A synchronous body on a thread cannot be stopped; its future ends
    /// at once, its thread when the body returns.
    pub fn cancel(&self) {
        if let Some(task) = self.task() {
            task.header().cancel();
        }
    }

    /// What the task writes to stdout: the file that the call of a command asked for, or what a
    /// function that ended on a worker process has printed there.
    ///
    /// None for a command whose call asked for none, and for a function on threads of this process,
    /// whose stdout is the program's own.
    #[must_use]
    pub fn stdout(&self) -> Option<TaskOutput> {
        self.task()?.header().stdout()
    }

    /// The same of stderr.
    #[must_use]
    pub fn stderr(&self) -> Option<TaskOutput> {
        self.task()?.header().stderr()
    }

    /// What the latest attempt that has ended took, and where it ran; none where its executor keeps
    /// no accounts, as one of threads does.
    #[must_use]
    pub fn report(&self) -> Option<TaskReport> {
        self.task()?.header().report()
    }
}

impl<T: Value> AppFuture<Vec<T>> {
    /// The future of one element of a list; an error if the list turns out shorter.
    ///
    /// ```
    /// # use chiltepin::AppFuture;
    /// let list = AppFuture::ready(vec![1, 2, 3]);
    /// assert_eq!(list.index(1).result()?, 2);
    /// assert_eq!(
    ///     list.index(3).result().unwrap_err().to_string(),
    ///     "a future made of a value has no element 3 in its value (a list of 3)"
    /// );
    /// # Ok::<(), chiltepin::TaskError>(())
    /// ```
    pub fn index(&self, index: usize) -> AppFuture<T> {
        AppFuture::of_view(View::new(self.clone(), move |list: &Vec<T>| {
            list.get(index)
                .cloned()
                .ok_or_else(|| ErrorKind::NoSuchElement {
                    element: index.to_string(),
                    available: format!("a list of {}", list.len()),
                })
        }))
    }
}

/// The element of a map under a key, whose words go into the error if there is none.
fn element<T: Clone>(found: Option<&T>, key: &dyn Debug, size: usize) -> Result<T, ErrorKind> {
    found.cloned().ok_or_else(|| ErrorKind::NoSuchElement {
        element: format!("{key:?}"),
        available: format!("a map of {size}"),
    })
}

impl<K, T, S> AppFuture<HashMap<K, T, S>>
where
    HashMap<K, T, S>: Value,
    K: Eq + Hash,
    T: Value,
    S: BuildHasher,
{
    /// The future of one element of a map; an error if the map turns out not to have it.
    pub fn get<Q>(&self, key: Q) -> AppFuture<T>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + Debug + Send + Sync + 'static,
    {
        AppFuture::of_view(View::new(self.clone(), move |map: &HashMap<K, T, S>| {
            element(map.get(&key), &key, map.len())
        }))
    }
}

impl<K, T> AppFuture<BTreeMap<K, T>>
where
    BTreeMap<K, T>: Value,
    K: Ord,
    T: Value,
{
    /// The future of one element of a map; an error if the map turns out not to have it.
    ///
    /// ```
    /// # use chiltepin::AppFuture;
    /// # use std::collections::BTreeMap;
    /// let ages = AppFuture::ready(BTreeMap::from([("Ada".to_owned(), 36)]));
    /// assert_eq!(ages.get("Ada".to_owned()).result()?, 36);
    /// # Ok::<(), chiltepin::TaskError>(())
    /// ```
    pub fn get<Q>(&self, key: Q) -> AppFuture<T>
    where
        K: Borrow<Q>,
        Q: Ord + Debug + Send + Sync + 'static,
    {
        AppFuture::of_view(View::new(self.clone(), move |map: &BTreeMap<K, T>| {
            element(map.get(&key), &key, map.len())
        }))
    }
}

impl<T: Value> Future for AppFuture<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.poll_end(context) {
            Poll::Ready(Ok(())) => Poll::Ready(self.value()),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T: Value> AnyFuture for AppFuture<T> {
    fn task(&self) -> Option<&dyn AnyTask> {
        Self::task(self)
    }

    fn boxed(&self) -> Box<dyn AnyFuture> {
        Box::new(self.clone())
    }

    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TaskError>> {
        match &mut self.source {
            Source::Task { task, key } => {
                let header = task.header();
                let poll = task.slot().poll_decided(header.decision(), key, context);
                if poll.is_pending() {
                    header.see_placed();
                }
                poll
            }
            Source::Ready(_) => Poll::Ready(Ok(())),
            Source::View(view) => view.poll_end(context),
        }
    }
}

impl<T> Unpin for AppFuture<T> {}

impl<T> Clone for AppFuture<T> {
    fn clone(&self) -> Self {
        let source = match &self.source {
            Source::Task { task, .. } => {
                task.header().add_handle();
                Source::Task {
                    task: Arc::clone(task),
                    key: 0,
                }
            }
            Source::Ready(ready) => Source::Ready(Arc::clone(ready)),
            Source::View(view) => Source::View(view.boxed_view()),
        };
        Self { source }
    }
}

impl<T> Drop for AppFuture<T> {
    fn drop(&mut self) {
        if let Source::Task { task, key } = &self.source {
            task.header().remove_handle();
            if *key != 0 && !task.header().decision().is_made() {
                task.slot().forget(*key);
            }
        }
    }
}

impl<T> Debug for AppFuture<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AppFuture")
            .field("task", &self.name())
            .field("id", &self.id())
            .field("status", &self.status())
            .finish()
    }
}
