use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use chiltepin_executors::panic::catch;
use parking_lot::Mutex;

use super::{AnyFuture, AppFuture};
use crate::error::ErrorKind;
use crate::task::AnyTask;
use crate::{TaskError, Value};

/// A part of another future's value, seen without the type of that future.
pub(crate) trait AnyView<T>: Send + Sync {
    fn task(&self) -> Option<&dyn AnyTask>;
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TaskError>>;
    /// The part, once the whole is there.
    fn value(&self) -> Result<T, TaskError>;
    fn boxed_view(&self) -> Box<dyn AnyView<T>>;
}

/// A part of the value of `parent`, computed once for all handles, by whoever asks first.
pub(super) struct View<P, U, F> {
    parent: AppFuture<P>,
    shared: Arc<Shared<U, F>>,
}

struct Shared<U, F> {
    map: Mutex<Option<F>>,
    value: OnceLock<Result<U, TaskError>>,
}

impl<P, U, F> View<P, U, F>
where
    P: Value,
    U: Value,
    F: FnOnce(&P) -> Result<U, ErrorKind> + Send + Sync + 'static,
{
    pub(super) fn new(parent: AppFuture<P>, map: F) -> Self {
        let shared = Shared {
            map: Mutex::new(Some(map)),
            value: OnceLock::new(),
        };
        Self {
            parent,
            shared: Arc::new(shared),
        }
    }

    fn compute(&self) -> Result<U, TaskError> {
        let map = self.shared.map.lock().take();
        self.parent
            .read(|value| match map.map(|map| catch(|| map(value))) {
                Some(Ok(Ok(part))) => Ok(part),
                Some(Ok(Err(kind))) => Err(self.parent.error(kind)),
                Some(Err(report)) => Err(self.parent.error(ErrorKind::Panicked(report))),
                // The map asked for its own result.
                None => Err(self.parent.error(ErrorKind::InvalidCall {
                    reason: "a mapped future waits for itself".to_owned(),
                })),
            })?
    }
}

impl<P, U, F> AnyView<U> for View<P, U, F>
where
    P: Value,
    U: Value,
    F: FnOnce(&P) -> Result<U, ErrorKind> + Send + Sync + 'static,
{
    fn task(&self) -> Option<&dyn AnyTask> {
        AnyFuture::task(&self.parent)
    }

    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TaskError>> {
        self.parent.poll_end(context)
    }

    fn value(&self) -> Result<U, TaskError> {
        self.shared.value.get_or_init(|| self.compute()).clone()
    }

    fn boxed_view(&self) -> Box<dyn AnyView<U>> {
        Box::new(Self {
            parent: self.parent.clone(),
            shared: Arc::clone(&self.shared),
        })
    }
}
