use chiltepin_executors::Failure;

use super::{Digester, Encoder};
use crate::arg::Arg;
use crate::future::AnyFuture;
use crate::{TaskError, Value};

/// Who is shown the futures among the arguments of a call.
pub struct Visitor<'a>(pub(super) &'a mut dyn FnMut(&dyn AnyFuture));

/// The arguments of a call: a tuple of values and futures.
pub trait Arguments: Send + Sync + 'static {
    /// The tuple of plain values that the body takes.
    type Values: Send + 'static;

    /// Whether any of them is a future.
    #[doc(hidden)]
    fn has_futures(&self) -> bool;

    /// Shows each future among them to `visitor`.
    #[doc(hidden)]
    fn visit(&self, visitor: &mut Visitor<'_>);

    /// Turns them into values; the last one to ask for a future's value takes it. All futures have
    /// ended well.
    #[doc(hidden)]
    fn take(self) -> Result<Self::Values, TaskError>;

    /// Copies them as values, for an attempt that may not be the last.
    #[doc(hidden)]
    fn copy(&self) -> Result<Self::Values, TaskError>;

    /// Encodes them, one by one and in order. All futures have ended well.
    #[doc(hidden)]
    fn encode(&self, encoder: &mut Encoder) -> Result<(), Failure>;

    /// Makes a digest of the value of each, in order. All futures have ended well.
    #[doc(hidden)]
    fn digest(&self, digester: &mut Digester) -> Result<(), Failure>;

    /// Encodes arguments that are not needed any more.
    #[doc(hidden)]
    fn encode_owned(self, encoder: &mut Encoder) -> Result<(), Failure>;
}

macro_rules! arguments {
    ($($type:ident $index:tt)*) => {
        impl<$($type: Value),*> Arguments for ($(Arg<$type>,)*) {
            type Values = ($($type,)*);

            fn has_futures(&self) -> bool {
                false $(|| self.$index.is_future())*
            }

            fn visit(&self, _visitor: &mut Visitor<'_>) {
                $(self.$index.visit(_visitor.0);)*
            }

            fn take(self) -> Result<Self::Values, TaskError> {
                Ok(($(self.$index.take()?,)*))
            }

            fn copy(&self) -> Result<Self::Values, TaskError> {
                Ok(($(self.$index.copy()?,)*))
            }

            fn encode(&self, _encoder: &mut Encoder) -> Result<(), Failure> {
                $(_encoder.argument(|out| self.$index.encode(out))?;)*
                Ok(())
            }

            fn digest(&self, _digester: &mut Digester) -> Result<(), Failure> {
                $(_digester.argument(|out| self.$index.digest(out))?;)*
                Ok(())
            }

            fn encode_owned(self, _encoder: &mut Encoder) -> Result<(), Failure> {
                $(_encoder.argument(|out| self.$index.encode_owned(out))?;)*
                Ok(())
            }
        }
    };
}

arguments!();
arguments!(A 0);
arguments!(A 0 B 1);
arguments!(A 0 B 1 C 2);
arguments!(A 0 B 1 C 2 D 3);
arguments!(A 0 B 1 C 2 D 3 E 4);
arguments!(A 0 B 1 C 2 D 3 E 4 F 5);
arguments!(A 0 B 1 C 2 D 3 E 4 F 5 G 6);
arguments!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);
arguments!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8);
arguments!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9);
arguments!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10);
arguments!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11);
