//! How the error a body returns becomes a [`UserError`]: by the best rung its type allows.
//!
//! A type that can travel is kept as a value; else its message and causes are kept, else its
//! `Display`, else its `Debug`. The rung is chosen at compile time, for the concrete type, by how
//! many references a method call must take away until a trait applies; so the same error is kept
//! the same way on threads and on other nodes.

use std::any::type_name;
use std::convert::Infallible;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use chiltepin_executors::registry::ErrorCodec;
use chiltepin_executors::wire::codec;
use chiltepin_executors::{AnyError, Failure, FailureKind, UserError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Turns the error of a task's body into a failure, by the best rung its type allows.
#[doc(hidden)]
#[macro_export]
macro_rules! __failure {
    ($error:expr) => {
        match $error {
            error => {
                use $crate::__private::ladder::*;
                let rung = (&&&&&&&&&&$crate::__private::ladder::Probe::of(&error)).rung();
                rung.failure(error)
            }
        }
    };
}

/// Tells how the error of a task's body travels, by the rung of its type; the argument is the
/// body's return type.
#[doc(hidden)]
#[macro_export]
macro_rules! __error_codec {
    ($returns:ty) => {{
        // These traits have no names there, which might be those of types.
        use $crate::__private::ladder::returned::*;
        match (&$crate::__private::ladder::Returned::<$returns>::NEW).error() {
            probe => {
                use $crate::__private::ladder::*;
                let rung = (&&&&&&&&&&probe).rung();
                rung.codec()
            }
        }
    }};
}

/// The return type of a body, to look for its error with.
pub struct Returned<T>(PhantomData<fn() -> T>);

impl<T> Returned<T> {
    /// The return type.
    pub const NEW: Self = Self(PhantomData);
}

/// A result, which has an error.
pub trait HasError<E> {
    /// The probe for its error.
    fn error(&self) -> Probe<E>;
}

impl<T, E> HasError<E> for Returned<Result<T, E>> {
    fn error(&self) -> Probe<E> {
        Probe(PhantomData)
    }
}

/// No result after all; the body's call reports that.
pub trait NoResult {
    /// A probe that finds nothing.
    fn error(&self) -> Probe<Infallible>;
}

impl<T> NoResult for &Returned<T> {
    fn error(&self) -> Probe<Infallible> {
        Probe(PhantomData)
    }
}

/// The two, without names.
pub mod returned {
    pub use super::{HasError as _, NoResult as _};
}

/// The type of an error, to look for its rung with.
pub struct Probe<E>(PhantomData<fn() -> E>);

impl<E> Probe<E> {
    /// The probe for the type of `error`.
    #[must_use]
    pub fn of(_error: &E) -> Self {
        Self(PhantomData)
    }
}

/// Can travel, so a value of it is kept.
pub trait Travels: Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<E: Serialize + DeserializeOwned + Send + Sync + 'static> Travels for E {}

/// The way an error of some type is kept.
pub struct Rung<E> {
    /// Reads message and causes.
    words: fn(&E) -> (String, Vec<String>),
    /// Keeps the value.
    keep: fn(E) -> Option<Arc<AnyError>>,
    /// Carries the value to another process.
    codec: Option<ErrorCodec>,
}

impl<E> Rung<E> {
    /// Keeps the error.
    pub fn failure(self, error: E) -> Failure {
        let (message, causes) = (self.words)(&error);
        let value = (self.keep)(error);
        Failure::new(FailureKind::User(UserError {
            message,
            causes,
            value,
        }))
    }

    /// How the error travels, if it can.
    #[must_use]
    pub fn codec(self) -> Option<ErrorCodec> {
        self.codec
    }
}

/// The words of an error and of what caused it.
fn chain(error: &dyn Error) -> (String, Vec<String>) {
    let causes = std::iter::successors(error.source(), |error| (*error).source());
    (error.to_string(), causes.map(ToString::to_string).collect())
}

macro_rules! rungs {
    ($($(#[$doc:meta])* $name:ident [$($bound:tt)*] for $probe:ty => $words:expr, $kept:ident;)*) => {$(
        $(#[$doc])*
        pub trait $name<E> {
            /// The rung.
            fn rung(&self) -> Rung<E>;
        }

        impl<E: $($bound)*> $name<E> for $probe {
            fn rung(&self) -> Rung<E> {
                let Kept { keep, codec } = $kept();
                Rung { words: $words, keep, codec }
            }
        }
    )*};
}

/// What becomes of the value of an error.
struct Kept<E> {
    keep: fn(E) -> Option<Arc<AnyError>>,
    codec: Option<ErrorCodec>,
}

fn whole<E: Travels>() -> Kept<E> {
    Kept {
        keep: |error| Some(Arc::new(error)),
        codec: Some(ErrorCodec {
            encode: |error| {
                let mut bytes = Vec::new();
                codec::encode(error.downcast_ref::<E>()?, &mut bytes).ok()?;
                Some(bytes)
            },
            decode: |bytes| Some(Arc::new(codec::decode::<E>(bytes).ok()?)),
        }),
    }
}

fn words_alone<E>() -> Kept<E> {
    Kept {
        keep: |_| None,
        codec: None,
    }
}

rungs! {
    /// An error that can travel.
    TypedError [Travels + Error] for &&&&&&&&Probe<E> =>
        |error| chain(error), whole;
    /// Something with a message that can travel, as a `String`.
    TypedDisplay [Travels + Display] for &&&&&&&Probe<E> =>
        |error| (error.to_string(), Vec::new()), whole;
    /// Something that can travel and only shows itself to programmers.
    TypedDebug [Travels + Debug] for &&&&&&Probe<E> =>
        |error| (format!("{error:?}"), Vec::new()), whole;
    /// Something that can travel and cannot be shown.
    Typed [Travels] for &&&&&Probe<E> =>
        |_| (format!("an error of type `{}`", type_name::<E>()), Vec::new()),
        whole;
    /// An error that cannot travel.
    ByError [Error] for &&&&Probe<E> => |error| chain(error), words_alone;
    /// A box of an error, as `anyhow::Error` and `Box<dyn Error>`.
    ByDeref [Deref<Target: Error>] for &&&Probe<E> => |error| boxed(error), words_alone;
    /// Something with a message.
    ByDisplay [Display] for &&Probe<E> => |error| (error.to_string(), Vec::new()), words_alone;
    /// Something that only shows itself to programmers.
    ByDebug [Debug] for &Probe<E> => |error| (format!("{error:?}"), Vec::new()), words_alone;
    /// Something that cannot be shown.
    ByName [] for Probe<E> =>
        |_| (format!("an error of type `{}`", type_name::<E>()), Vec::new()), words_alone;
}

/// A text of the program itself. Method lookup does not see lifetimes and would take it for a type
/// that can travel.
pub trait ByText {
    /// The rung.
    fn rung(&self) -> Rung<&'static str>;
}

impl ByText for &&&&&&&&&Probe<&'static str> {
    fn rung(&self) -> Rung<&'static str> {
        Rung {
            words: |error| ((*error).to_owned(), Vec::new()),
            keep: |_| None,
            codec: None,
        }
    }
}

/// The words of an error in a box, whose own type may be unsized.
fn boxed<E: Deref<Target: Error>>(error: &E) -> (String, Vec<String>) {
    let error = &**error;
    let causes = std::iter::successors(error.source(), |error| (*error).source());
    (error.to_string(), causes.map(ToString::to_string).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Serialize, Deserialize, PartialEq, thiserror::Error)]
    #[error("typed {0}")]
    struct TravellingError(u32);

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::io::Error);

    #[derive(Serialize, Deserialize)]
    struct Silent;

    struct Mute;

    fn user(failure: Failure) -> UserError {
        match failure.kind {
            FailureKind::User(error) => error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_can_travel_is_kept_as_a_value() {
        let error = user(crate::__failure!(TravellingError(3)));
        assert_eq!(error.message, "typed 3");
        assert_eq!(
            error.value.unwrap().downcast_ref(),
            Some(&TravellingError(3))
        );
        let error = user(crate::__failure!(String::from("words")));
        assert_eq!(error.message, "words");
        assert_eq!(
            error.value.unwrap().downcast_ref::<String>().unwrap(),
            "words"
        );
        let error = user(crate::__failure!(vec![1u8]));
        assert_eq!(error.message, "[1]");
        assert!(error.value.is_some());
        let error = user(crate::__failure!(Silent));
        assert!(error.message.contains("Silent"), "{}", error.message);
        assert!(error.value.is_some());
    }

    #[test]
    fn what_cannot_travel_keeps_its_words_and_causes() {
        let cause = std::io::Error::other("inner");
        let error = user(crate::__failure!(Outer(cause)));
        assert_eq!(
            (error.message.as_str(), error.causes.as_slice()),
            ("outer", &["inner".into()][..])
        );
        assert!(error.value.is_none());
        let error = user(crate::__failure!(
            anyhow::anyhow!("deep").context("shallow")
        ));
        assert_eq!(
            (error.message.as_str(), error.causes.as_slice()),
            ("shallow", &["deep".into()][..])
        );
        let boxed: Box<dyn Error> = "plain".into();
        assert_eq!(user(crate::__failure!(boxed)).message, "plain");
        assert_eq!(user(crate::__failure!("a str")).message, "a str");
        assert_eq!(
            user(crate::__failure!(std::cell::Cell::new(1))).message,
            "Cell { value: 1 }"
        );
        assert!(user(crate::__failure!(Mute)).message.contains("Mute"));
    }
}
