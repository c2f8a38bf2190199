use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use chiltepin_executors::command::{CommandEnd, Shell};
use chiltepin_executors::{
    Attempt, AttemptId, Failure, FailureKind, Outcome, TaskId, TaskKind, Work,
};
use tokio::runtime::Handle;

use super::{Call, kind};
use crate::error::ErrorKind;
use crate::future::{block_on, undecodable};
use crate::task::Task;
use crate::{TaskError, Value};

/// Running a call here and now, without a workflow: for unit tests, and for a task that calls
/// another or itself. Retries, labels and resources do not apply; a timeout stops async bodies and
/// commands.
impl<T: Value, K> Call<T, K> {
    /// Runs the call's body in this async task.
    ///
    /// A command needs a tokio runtime around it, and so does the timeout of an async body.
    ///
    /// ```
    /// # use chiltepin::task;
    /// #[task]
    /// async fn double(x: u64) -> u64 { 2 * x }
    ///
    /// # #[chiltepin::main]
    /// # async fn main() -> chiltepin::Result<()> {
    /// assert_eq!(double(4).run().await?, 8);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As its future would give.
    pub async fn run(self) -> Result<T, TaskError>
    where
        K: kind::Executed,
    {
        run(self.into_task()).await
    }

    /// Runs the call's body on this thread.
    ///
    /// An async body or a command is driven by a small runtime made for it on a thread beside.
    ///
    /// ```
    /// # use chiltepin::task;
    /// #[task]
    /// fn factorial(n: u64) -> u64 {
    ///     if n == 0 { 1 } else { n * factorial(n - 1).run_blocking().unwrap() }
    /// }
    ///
    /// assert_eq!(factorial(5).run_blocking()?, 120);
    /// # Ok::<(), chiltepin::TaskError>(())
    /// ```
    ///
    /// # Errors
    /// As its future would give.
    pub fn run_blocking(self) -> Result<T, TaskError>
    where
        K: kind::Executed,
    {
        let task = self.into_task();
        if task.kind() == TaskKind::Function {
            let error = task.header().error(ErrorKind::WorkflowClosed);
            return block_on(run(task), None).unwrap_or(Err(error));
        }
        std::thread::scope(|scope| {
            let name = task.header().name().to_owned();
            let thread = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                match runtime {
                    Ok(runtime) => runtime.block_on(run(task)),
                    Err(error) => Err(task.header().error(ErrorKind::System {
                        action: "start a runtime".to_owned(),
                        error: Arc::new(error),
                    })),
                }
            });
            thread.join().unwrap_or_else(|_| {
                let reason = "its runtime panicked".to_owned();
                let place = crate::error::ErrorPlace {
                    task: name,
                    ..Default::default()
                };
                Err(TaskError::new(ErrorKind::InvalidCall { reason }, place))
            })
        })
    }
}

async fn run<T: Value>(task: Arc<dyn Task<T>>) -> Result<T, TaskError> {
    let mut dependencies = Vec::new();
    task.visit_dependencies(&mut |future| dependencies.push(future.boxed()));
    for mut future in dependencies {
        if let Err(error) = poll_fn(|context| future.poll_end(context)).await {
            let root = error.root().clone();
            return Err(task.header().error(ErrorKind::DependencyFailed { root }));
        }
    }
    let timeout = task.header().timeout();
    let attempt = Attempt {
        id: AttemptId {
            task: TaskId::new(0, 0),
            attempt: 1,
        },
        deadline: timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
        last: true,
    };
    let work: Arc<dyn Work> = Arc::clone(&task) as _;
    let (outcome, timed_out) = match task.kind() {
        TaskKind::Function => (work.call(&attempt), false),
        TaskKind::Command => {
            let command = execute(Arc::clone(&work), &attempt);
            let mut command = pin!(command);
            match within(&attempt, &mut command).await {
                Some(outcome) => (outcome, false),
                None => {
                    work.stop_signal().request(attempt.id.attempt);
                    (command.await, true)
                }
            }
        }
        _ => match within(&attempt, work.call_async(&attempt)).await {
            Some(outcome) => (outcome, false),
            None => (Outcome::Stopped, true),
        },
    };
    let kind = match outcome {
        Outcome::Succeeded => match task.slot().take().into_value() {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => ErrorKind::InvalidCall {
                reason: "its value is not there".to_owned(),
            },
            Err(error) => return Err(undecodable(task.header(), &error)),
        },
        Outcome::Failed(failure) => ErrorKind::of_failure(failure.kind, None),
        Outcome::Stopped if timed_out => ErrorKind::TimedOut {
            timeout: timeout.unwrap_or_default(),
            abandoned: false,
        },
        Outcome::Stopped | Outcome::Returned { .. } => ErrorKind::Cancelled { abandoned: false },
    };
    Err(task.header().error(kind))
}

/// Runs `body` until the attempt's deadline; then none.
async fn within(attempt: &Attempt, body: impl Future<Output = Outcome>) -> Option<Outcome> {
    let Some(deadline) = attempt.deadline else {
        return Some(body.await);
    };
    if Handle::try_current().is_err() {
        let reason = "its timeout needs a tokio runtime around it".to_owned();
        let kind = FailureKind::Invalid { reason };
        return Some(Outcome::Failed(Failure::permanent(kind)));
    }
    tokio::time::timeout_at(deadline.into(), body).await.ok()
}

async fn execute(work: Arc<dyn Work>, attempt: &Attempt) -> Outcome {
    let spec = match Arc::clone(&work).command(attempt) {
        Ok(spec) => spec,
        Err(failure) => return Outcome::Failed(failure),
    };
    let shell = Arc::new(Shell::from_environment());
    match shell.execute(spec, work.stop_signal(), 1).await {
        Ok(code) => work.exited(code),
        Err(CommandEnd::Failed(failure)) => Outcome::Failed(failure),
        Err(CommandEnd::Stopped) => Outcome::Stopped,
    }
}
