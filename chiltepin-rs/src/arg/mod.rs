//! What may stand for an argument of type `T` in a call: a value, a future of one, or a
//! collection of futures.
//!
//! ```text
//!   T, &T, &str, &Path ──────────────────────────────► Arg::Value
//!   AppFuture<T>, &AppFuture<T> ─────────────────────► Arg::Future
//!   Vec, array, slice, map, tuple of AppFuture ──────► Arg::Gathered
//! ```

mod gather;
mod inputs;
mod into_arg;

pub use inputs::IntoInputs;

pub(crate) use inputs::Inputs;
pub use into_arg::IntoArg;

use gather::Gather;

use crate::future::{AnyFuture, AppFuture};
use crate::task::{Digest, EncodeError, Encoded};
use crate::{TaskError, Value};

/// An argument on its way to the body.
pub struct Arg<T> {
    content: Content<T>,
}

enum Content<T> {
    Value(T),
    Future(AppFuture<T>),
    Gathered(Box<dyn Gather<T>>),
}

impl<T: Value> Arg<T> {
    pub(crate) const fn value(value: T) -> Self {
        Self {
            content: Content::Value(value),
        }
    }

    pub(crate) const fn future(future: AppFuture<T>) -> Self {
        Self {
            content: Content::Future(future),
        }
    }

    pub(crate) fn gathered(gather: impl Gather<T> + 'static) -> Self {
        Self {
            content: Content::Gathered(Box::new(gather)),
        }
    }

    pub(crate) const fn is_future(&self) -> bool {
        !matches!(self.content, Content::Value(_))
    }

    pub(crate) fn visit(&self, visit: &mut dyn FnMut(&dyn AnyFuture)) {
        match &self.content {
            Content::Value(_) => {}
            Content::Future(future) => visit(future),
            Content::Gathered(gather) => gather.visit(visit),
        }
    }

    pub(crate) fn take(self) -> Result<T, TaskError> {
        match self.content {
            Content::Value(value) => Ok(value),
            Content::Future(future) => future.into_value(),
            Content::Gathered(gather) => gather.take(),
        }
    }

    pub(crate) fn copy(&self) -> Result<T, TaskError> {
        match &self.content {
            Content::Value(value) => Ok(value.clone()),
            Content::Future(future) => future.value(),
            Content::Gathered(gather) => gather.copy(),
        }
    }

    /// Encodes the value; futures that are held encoded are put in as they are.
    pub(crate) fn encode(&self, out: &mut Encoded) -> Result<(), EncodeError> {
        match &self.content {
            Content::Value(value) => out.value(value),
            Content::Future(future) => future.encode(out),
            Content::Gathered(gather) => gather.encode(out),
        }
    }

    /// Makes a digest of the value, the same whether it is one, a future or gathered from several:
    /// what is held encoded is decoded for it, as others may have written it in another order.
    pub(crate) fn digest(&self, out: &mut Digest<'_>) -> Result<(), EncodeError> {
        match &self.content {
            Content::Value(value) => out.value(value),
            Content::Future(future) => future.look(|value| out.value(value))?,
            Content::Gathered(gather) => out.value(&gather.copy()?),
        }
    }

    /// Encodes an argument that is not needed any more.
    pub(crate) fn encode_owned(self, out: &mut Encoded) -> Result<(), EncodeError> {
        match self.content {
            Content::Value(value) => out.owned_value(value),
            Content::Future(future) => future.encode(out),
            Content::Gathered(gather) => gather.encode(out),
        }
    }

    /// Waits for the futures, then gives the value.
    pub(crate) async fn resolve(self) -> Result<T, TaskError> {
        let mut waiting = Vec::new();
        self.visit(&mut |future| waiting.push(future.boxed()));
        for mut future in waiting {
            std::future::poll_fn(|context| future.poll_end(context)).await?;
        }
        self.take()
    }
}
