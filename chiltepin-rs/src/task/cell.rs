use chiltepin_executors::panic::catch;
use chiltepin_executors::{Attempt, Failure, FailureKind, Outcome, PanicReport, Work};
use parking_lot::Mutex;
use std::path::Path;
use std::sync::Arc;

use super::arguments::Visitor;
use super::{Arguments, Body, Header, Origin, Run};
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
    pub(super) header: Header,
    pub(super) slot: Slot<T>,
    pub(super) needs: Mutex<Option<A>>,
    pub(super) body: B,
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
            None => Err(taken()),
        }
    }

    /// Makes the call's directory, if it has one, and the values.
    fn prepare(&self, attempt: &Attempt) -> Result<A::Values, Failure> {
        if let Some(directory) = self.header.directory() {
            make_directory(&directory)?;
        }
        self.values(attempt)
    }

    /// Keeps the value of an attempt.
    pub(super) fn settle(&self, result: Result<Result<T, Failure>, PanicReport>) -> Outcome {
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
    pub(super) fn with_run<R>(
        self: &Arc<Self>,
        attempt: &Attempt,
        body: impl FnOnce(A::Values, &Run<'_>) -> R,
    ) -> Result<Result<R, PanicReport>, Failure> {
        let origin = || Origin::Made(Arc::clone(self) as _);
        let run = Run::new(&origin, attempt);
        // Copying the arguments is user code too.
        match catch(|| self.prepare(attempt).map(|values| body(values, &run))) {
            Ok(begun) => begun.map(Ok),
            Err(report) => Ok(Err(report)),
        }
    }
}

/// No arguments are left.
pub(super) fn taken() -> Failure {
    Failure::permanent(FailureKind::Invalid {
        reason: "its arguments were taken by an earlier attempt".to_owned(),
    })
}

/// Makes the directory that a task is to work in.
pub(crate) fn make_directory(directory: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(directory).map_err(|error| {
        Failure::new(FailureKind::System {
            action: format!("make the task's directory `{}`", directory.display()),
            error: Arc::new(error),
        })
    })
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
