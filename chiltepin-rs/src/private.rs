//! What the code that the macros write calls. Not for people: it changes without notice.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

pub use chiltepin_executors::registry::{
    Entry, ErrorCodec, Location, Parameter, Registration, TaskDefaults, TaskInfo,
};
pub use chiltepin_executors::{Failure, OnLoss, ServedCall, TaskKind};
pub use inventory;

pub use crate::__error_codec as error_codec;
pub use crate::__failure as failure;
pub use crate::arg::Arg;
pub use crate::error::ladder;
pub use crate::task::{Arguments, Run};
pub use crate::workflow::{MainOptions, run_main, run_main_blocking, run_test, run_test_blocking};

/// What serves a task to other processes.
pub mod serve {
    pub use crate::serve::{AsyncFunction, Command, Function, Unserved};
    pub use chiltepin_executors::registry::ServedFuture;
}

/// What `sh!` calls.
pub mod shell {
    pub use crate::shell::{formatted, raw, word};
}

use crate::call::kind;
use crate::task::{AsyncFunction, Body, Command, Function, Header, Join, TaskCell};
use crate::{AppFuture, Call, IntoArg, Value};

/// Makes an argument of what the caller gave for a parameter of type `T`.
pub fn wait<T: Value>(argument: impl IntoArg<T>) -> Arg<T> {
    argument.into_arg()
}

/// A call of a synchronous function.
pub fn function<A, T, B>(info: &'static TaskInfo, arguments: A, body: B) -> Call<T>
where
    A: Arguments,
    T: Value,
    B: Fn(A::Values, &Run<'_>) -> Result<T, Failure> + Copy + Send + Sync + 'static,
{
    call(info, arguments, Function(body))
}

/// A call of an async function.
pub fn async_function<A, T, B, R>(info: &'static TaskInfo, arguments: A, body: B) -> Call<T>
where
    A: Arguments,
    T: Value,
    B: Fn(A::Values, &Run<'_>) -> R + Copy + Send + Sync + 'static,
    R: Future<Output = Result<T, Failure>> + Send + 'static,
{
    call(info, arguments, AsyncFunction(body))
}

/// A call of a command.
pub fn command<A, B>(info: &'static TaskInfo, arguments: A, body: B) -> Call<i32, kind::Command>
where
    A: Arguments,
    B: Fn(A::Values, &Run<'_>) -> Result<String, Failure> + Copy + Send + Sync + 'static,
{
    call(info, arguments, Command(body))
}

/// A call of a join.
pub fn join<A, T, B, R>(info: &'static TaskInfo, arguments: A, body: B) -> Call<T, kind::Join>
where
    A: Arguments,
    T: Value,
    B: Fn(A::Values, &Run<'_>) -> R + Copy + Send + Sync + 'static,
    R: Future<Output = Result<Arg<T>, Failure>> + Send + 'static,
{
    call(info, arguments, Join(body))
}

fn call<A, T, B, K>(info: &'static TaskInfo, arguments: A, body: B) -> Call<T, K>
where
    A: Arguments,
    T: Value,
    B: Body<A::Values, T>,
{
    Call::new(Arc::new(TaskCell::new(Header::new(info), arguments, body)))
}

/// The two sides of a result type, whatever alias it is written as.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Result`",
    label = "a task whose return type is called a `Result` must return one",
    note = "add the option `infallible` if it is a plain value"
)]
pub trait Fallible {
    /// The value.
    type Value;
    /// The error.
    type Error;

    /// The result, under its own name.
    ///
    /// # Errors
    /// If it is one.
    fn into_result(self) -> Result<Self::Value, Self::Error>;
}

impl<T, E> Fallible for Result<T, E> {
    type Value = T;
    type Error = E;

    fn into_result(self) -> Self {
        self
    }
}

/// What a join's body may give: a future of its value, or the value.
pub trait Joined {
    /// The type of the value.
    type Value;
}

impl<T: Value> Joined for T {
    type Value = T;
}

impl<T: Value> Joined for AppFuture<T> {
    type Value = T;
}

/// Tells at compile time whether `T` is a `Result`: the constant of the inherent implementation
/// goes before that of [`NotResult`].
pub struct IsResult<T>(PhantomData<T>);

impl<T, E> IsResult<Result<T, E>> {
    /// It is.
    pub const YES: bool = true;
}

/// Says that a type is no `Result`.
pub trait NotResult {
    /// It is not.
    const YES: bool = false;
}

impl<T> NotResult for IsResult<T> {}
