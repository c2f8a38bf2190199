use std::future::{Future, ready};
use std::sync::Arc;

use chiltepin_executors::{Failure, FailureKind, TaskKind};

use super::Run;
use crate::Value;
use crate::arg::Arg;

/// What a task does with its arguments' values `V` to get a `T`; of these functions each kind has
/// its own one.
pub(crate) trait Body<V, T: Value>: Send + Sync + 'static {
    const KIND: TaskKind;

    fn call(&self, _values: V, _run: &Run<'_>) -> Result<T, Failure> {
        Err(other_kind())
    }

    fn begin(
        &self,
        _values: V,
        _run: &Run<'_>,
    ) -> impl Future<Output = Result<T, Failure>> + Send + use<Self, V, T> {
        ready(Err(other_kind()))
    }

    fn command(&self, _values: V, _run: &Run<'_>) -> Result<String, Failure> {
        Err(other_kind())
    }

    fn exited(&self, _code: i32) -> Result<T, Failure> {
        Err(other_kind())
    }
}

fn other_kind() -> Failure {
    let reason = "an executor mistook the kind of the task; this is a bug in it".to_owned();
    Failure::permanent(FailureKind::Invalid { reason })
}

/// A synchronous function.
pub(crate) struct Function<F>(pub(crate) F);

impl<V, T, F> Body<V, T> for Function<F>
where
    T: Value,
    F: Fn(V, &Run<'_>) -> Result<T, Failure> + Send + Sync + 'static,
{
    const KIND: TaskKind = TaskKind::Function;

    fn call(&self, values: V, run: &Run<'_>) -> Result<T, Failure> {
        (self.0)(values, run)
    }
}

/// An async function.
pub(crate) struct AsyncFunction<F>(pub(crate) F);

impl<V, T, F, R> Body<V, T> for AsyncFunction<F>
where
    T: Value,
    F: Fn(V, &Run<'_>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<T, Failure>> + Send + 'static,
{
    const KIND: TaskKind = TaskKind::AsyncFunction;

    fn begin(
        &self,
        values: V,
        run: &Run<'_>,
    ) -> impl Future<Output = Result<T, Failure>> + Send + use<V, T, F, R> {
        (self.0)(values, run)
    }
}

/// A function that says what to execute.
pub(crate) struct Command<F>(pub(crate) F);

impl<V, F> Body<V, i32> for Command<F>
where
    F: Fn(V, &Run<'_>) -> Result<String, Failure> + Send + Sync + 'static,
{
    const KIND: TaskKind = TaskKind::Command;

    fn command(&self, values: V, run: &Run<'_>) -> Result<String, Failure> {
        (self.0)(values, run)
    }

    fn exited(&self, code: i32) -> Result<i32, Failure> {
        Ok(code)
    }
}

/// An async function that gives a future, or several, or a value.
pub(crate) struct Join<F>(pub(crate) F);

impl<V, T, F, R> Body<V, T> for Join<F>
where
    T: Value,
    F: Fn(V, &Run<'_>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Arg<T>, Failure>> + Send + 'static,
{
    const KIND: TaskKind = TaskKind::Join;

    fn begin(
        &self,
        values: V,
        run: &Run<'_>,
    ) -> impl Future<Output = Result<T, Failure>> + Send + use<V, T, F, R> {
        let body = (self.0)(values, run);
        async move {
            let joined = body.await?.resolve().await;
            joined.map_err(|error| Failure::new(FailureKind::Join(Arc::new(error))))
        }
    }
}
