//! Runs a task's body in a process that never made the call: arguments come encoded, and the result
//! goes encoded.
//!
//! ```text
//!   ServedCall ─► Decoder ─► values ─► start ─► body ─► result ─► codec::encode ─► out
//! ```
//!
//! The macros write one line per task that wraps its `start` in [`Function`], [`AsyncFunction`] or
//! [`Command`] and serves it. Where a type of the task cannot travel the method is that of
//! [`Unserved`] instead: the call reports such a type, and it is to be reported once.

mod faithful;
mod values;

use std::fmt;
use std::future::{Future, ready};
use std::sync::Arc;

use chiltepin_executors::registry::{ServedFuture, TaskInfo};
use chiltepin_executors::wire::codec;
use chiltepin_executors::{Failure, FailureKind, ServedCall};

pub(crate) use faithful::{Unfaithful, check};
pub(crate) use values::{Values, WithHint};

use crate::Value;
use crate::task::{Origin, Run, make_directory};
use values::Decoder;

/// What starts a synchronous body.
pub struct Function<V, T>(pub fn(V, &Run<'_>) -> Result<T, Failure>);

/// What starts an async body.
pub struct AsyncFunction<V, R>(pub fn(V, &Run<'_>) -> R);

/// What starts the body of a command, which says what to execute.
pub struct Command<V>(pub fn(V, &Run<'_>) -> Result<String, Failure>);

impl<V: Values, T: Value> Function<V, T> {
    /// Runs the body and adds its encoded result to `out`.
    ///
    /// # Errors
    /// The body's own failure, or that of an argument or a result that cannot travel.
    pub fn serve(self, call: &Arc<ServedCall>, out: &mut Vec<u8>) -> Result<(), Failure> {
        let result = start(call, self.0)??;
        encode_result(call.info, result, out)
    }
}

impl<V, T, R> AsyncFunction<V, R>
where
    V: Values,
    T: Value,
    R: Future<Output = Result<T, Failure>> + Send + 'static,
{
    /// Runs the body and gives its encoded result.
    pub fn serve_async(self, call: Arc<ServedCall>) -> ServedFuture {
        // Within the future, so that whoever polls it also catches what decoding panics with.
        Box::pin(async move {
            let body = start(&call, self.0)?;
            let result = body.await?;
            let mut out = Vec::new();
            encode_result(call.info, result, &mut out)?;
            Ok(out)
        })
    }
}

impl<V: Values> Command<V> {
    /// Runs the body and gives the script.
    ///
    /// # Errors
    /// The body's own failure, or that of an argument that cannot travel.
    pub fn serve_command(self, call: &Arc<ServedCall>) -> Result<String, Failure> {
        start(call, self.0)?
    }
}

/// Decodes the arguments and starts the body.
fn start<V: Values, R>(call: &Arc<ServedCall>, body: fn(V, &Run<'_>) -> R) -> Result<R, Failure> {
    if let Some(directory) = &call.directory {
        make_directory(directory)?;
    }
    let mut decoder = Decoder::new(call);
    let values = V::decode(&mut decoder)?;
    decoder.finish()?;
    let origin = || Origin::Served(Arc::clone(call));
    let run = Run::new(&origin, &call.attempt);
    Ok(body(values, &run))
}

fn encode_result<T: Value>(
    info: &'static TaskInfo,
    result: T,
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    let before = out.len();
    let refused = |problem: &str, error: &dyn fmt::Display| {
        Failure::permanent(FailureKind::Encoding {
            reason: format!(
                "gave a result that {problem}: `{}` returns `{}`, and {error}",
                info.function, info.returns
            ),
        })
    };
    codec::encode_owned(result, out).map_err(|error| refused("cannot be encoded", &error))?;
    check::<T>(&out[before..]).map_err(|error| refused(error.problem(), &error))
}

/// Serves nothing, for types that cannot travel.
pub trait Unserved: Sized {
    /// Fails.
    ///
    /// # Errors
    /// Always.
    fn serve(self, _call: &Arc<ServedCall>, _out: &mut Vec<u8>) -> Result<(), Failure> {
        Err(unserved())
    }

    /// Fails.
    fn serve_async(self, _call: Arc<ServedCall>) -> ServedFuture {
        Box::pin(ready(Err(unserved())))
    }

    /// Fails.
    ///
    /// # Errors
    /// Always.
    fn serve_command(self, _call: &Arc<ServedCall>) -> Result<String, Failure> {
        Err(unserved())
    }
}

impl<V, T> Unserved for Function<V, T> {}
impl<V, R> Unserved for AsyncFunction<V, R> {}
impl<V> Unserved for Command<V> {}

fn unserved() -> Failure {
    let reason = "its types cannot travel to another process".to_owned();
    Failure::permanent(FailureKind::Invalid { reason })
}
