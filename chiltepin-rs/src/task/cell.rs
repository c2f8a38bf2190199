use std::future::{Future, poll_fn, ready};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use chiltepin_executors::command::CommandSpec;
use chiltepin_executors::panic::catch;
use chiltepin_executors::{
    Attempt, AttemptId, Failure, FailureKind, Invocation, Outcome, PanicReport, StopSignal,
    TaskKind, Work,
};
use futures::future::BoxFuture;
use parking_lot::Mutex;

use super::arguments::Visitor;
use super::{Arguments, Body, Header, Run};
use crate::Value;
use crate::future::{AnyFuture, Slot, Waiting};

/// A call, seen without its types.
pub(crate) trait AnyTask: Work {
    fn header(&self) -> &Header;
    fn header_mut(&mut self) -> &mut Header;

    /// Whether it depends on any future.
    fn has_dependencies(&self) -> bool;

    /// Calls `visit` with each future it depends on.
    fn visit_dependencies(&self, visit: &mut dyn FnMut(&dyn AnyFuture));

    /// Drops what only an attempt needs. Handles of futures among it would otherwise keep whole
    /// chains of tasks, and drop them by recursion.
    fn release(&self);

    /// Takes those who wait for the task, once it is decided.
    fn waiting(&self) -> Waiting;
}

/// A call whose value is a `T`.
pub(crate) trait Task<T>: AnyTask {
    fn slot(&self) -> &Slot<T>;
}

/// A call.
pub(crate) struct TaskCell<A, T, B> {
    header: Header,
    slot: Slot<T>,
    needs: Mutex<Option<A>>,
    body: B,
}

impl<A, T, B> TaskCell<A, T, B>
where
    A: Arguments,
    T: Value,
    B: Body<A::Values, T>,
{
    pub(crate) const fn new(header: Header, arguments: A, body: B) -> Self {
        Self {
            header,
            slot: Slot::new(),
            needs: Mutex::new(Some(arguments)),
            body,
        }
    }

    /// The arguments' values for one attempt.
    fn values(&self, attempt: &Attempt) -> Result<A::Values, Failure> {
        let values = if attempt.last {
            let arguments = self.needs.lock().take();
            arguments.map(Arguments::take)
        } else {
            self.needs.lock().as_ref().map(Arguments::copy)
        };
        match values {
            Some(Ok(values)) => Ok(values),
            Some(Err(error)) => Err(Failure::permanent(FailureKind::Dependency(Arc::new(error)))),
            None => Err(Failure::permanent(FailureKind::Invalid {
                reason: "its arguments were taken by an earlier attempt".to_owned(),
            })),
        }
    }

    /// Makes the call's directory, if it has one, and the values.
    fn prepare(&self, attempt: &Attempt) -> Result<A::Values, Failure> {
        if let Some(directory) = self.header.directory() {
            std::fs::create_dir_all(&directory).map_err(|error| {
                Failure::new(FailureKind::System {
                    action: format!("make the task's directory `{}`", directory.display()),
                    error: Arc::new(error),
                })
            })?;
        }
        self.values(attempt)
    }

    /// Keeps the value of an attempt.
    fn settle(&self, result: Result<Result<T, Failure>, PanicReport>) -> Outcome {
        match result {
            Ok(Ok(value)) => {
                drop(self.slot.put(value));
                Outcome::Succeeded
            }
            Ok(Err(failure)) => Outcome::Failed(failure),
            Err(report) => Outcome::Failed(Failure::new(FailureKind::Panicked(report))),
        }
    }

    /// Calls `body` with values and run, catching its panics.
    fn with_run<R>(
        self: &Arc<Self>,
        attempt: &Attempt,
        body: impl FnOnce(A::Values, &Run<'_>) -> R,
    ) -> Result<Result<R, PanicReport>, Failure> {
        let share = || -> Arc<dyn AnyTask> { Arc::clone(self) as _ };
        let run = Run {
            share: &share,
            attempt,
        };
        // Copying the arguments is user code too.
        match catch(|| self.prepare(attempt).map(|values| body(values, &run))) {
            Ok(begun) => begun.map(Ok),
            Err(report) => Ok(Err(report)),
        }
    }
}

impl<A, T, B> Work for TaskCell<A, T, B>
where
    A: Arguments,
    T: Value,
    B: Body<A::Values, T>,
{
    fn kind(&self) -> TaskKind {
        B::KIND
    }

    fn stop_signal(&self) -> &StopSignal {
        self.header.stop()
    }

    fn call(self: Arc<Self>, attempt: &Attempt) -> Outcome {
        match self.with_run(attempt, |values, run| self.body.call(values, run)) {
            Ok(result) => self.settle(result),
            Err(failure) => Outcome::Failed(failure),
        }
    }

    fn call_async(self: Arc<Self>, attempt: &Attempt) -> BoxFuture<'static, Outcome> {
        let body = match self.with_run(attempt, |values, run| self.body.begin(values, run)) {
            Ok(Ok(body)) => body,
            Ok(Err(report)) => return Box::pin(ready(self.settle(Err(report)))),
            Err(failure) => return Box::pin(ready(Outcome::Failed(failure))),
        };
        Box::pin(async move {
            let mut body = pin!(body);
            let result = poll_fn(|context| match catch(|| body.as_mut().poll(context)) {
                Ok(poll) => poll.map(Ok),
                Err(report) => Poll::Ready(Err(report)),
            });
            let result = result.await;
            self.settle(result)
        })
    }

    fn command(self: Arc<Self>, attempt: &Attempt) -> Result<CommandSpec, Failure> {
        let script = self.with_run(attempt, |values, run| self.body.command(values, run))?;
        let script = script.map_err(|report| Failure::new(FailureKind::Panicked(report)))??;
        Ok(self.header.command_spec(script, attempt))
    }

    fn exited(&self, code: i32) -> Outcome {
        self.settle(Ok(self.body.exited(code)))
    }

    fn finish(self: Arc<Self>, attempt: &Attempt, outcome: Outcome) -> Option<Invocation> {
        let task: &dyn AnyTask = &*self;
        let driver = task.header().driver()?;
        driver.finished(task, attempt.id, outcome)
    }

    fn abandoned(self: Arc<Self>, attempt: AttemptId) {
        if let Some(driver) = self.header.driver() {
            driver.abandoned(attempt);
        }
    }
}

impl<A, T, B> AnyTask for TaskCell<A, T, B>
where
    A: Arguments,
    T: Value,
    B: Body<A::Values, T>,
{
    fn header(&self) -> &Header {
        &self.header
    }

    fn header_mut(&mut self) -> &mut Header {
        &mut self.header
    }

    fn has_dependencies(&self) -> bool {
        self.header.has_inputs()
            || self
                .needs
                .lock()
                .as_ref()
                .is_some_and(Arguments::has_futures)
    }

    fn visit_dependencies(&self, visit: &mut dyn FnMut(&dyn AnyFuture)) {
        if let Some(arguments) = &*self.needs.lock() {
            arguments.visit(&mut Visitor(visit));
        }
        self.header.visit_inputs(visit);
    }

    fn release(&self) {
        let arguments = self.needs.lock().take();
        drop(arguments);
        self.header.release_inputs();
    }

    fn waiting(&self) -> Waiting {
        self.slot.waiting()
    }
}

impl<A, T, B> Task<T> for TaskCell<A, T, B>
where
    A: Arguments,
    T: Value,
    B: Body<A::Values, T>,
{
    fn slot(&self) -> &Slot<T> {
        &self.slot
    }
}
