use std::{fmt, mem, slice, vec};

use bytes::{Buf as _, Bytes};
use chiltepin_executors::registry::Parameter;
use chiltepin_executors::wire::WireValue;
use chiltepin_executors::wire::codec::{self, CodecError, CodecErrorKind};
use chiltepin_executors::{Failure, FailureKind, ServedCall};

use crate::Value;

/// The values that a body takes, as a tuple.
pub trait Values: Sized + Send + 'static {
    /// Decodes them one by one.
    #[doc(hidden)]
    fn decode(decoder: &mut Decoder) -> Result<Self, Failure>;
}

macro_rules! values {
    ($($type:ident)*) => {
        impl<$($type: Value),*> Values for ($($type,)*) {
            fn decode(_decoder: &mut Decoder) -> Result<Self, Failure> {
                Ok(($(_decoder.next::<$type>()?,)*))
            }
        }
    };
}

values!();
values!(A);
values!(A B);
values!(A B C);
values!(A B C D);
values!(A B C D E);
values!(A B C D E F);
values!(A B C D E F G);
values!(A B C D E F G H);
values!(A B C D E F G H I);
values!(A B C D E F G H I J);
values!(A B C D E F G H I J K);
values!(A B C D E F G H I J K L);

/// Takes the arguments of a call from their bytes, in order.
pub struct Decoder {
    parameters: slice::Iter<'static, Parameter>,
    values: vec::IntoIter<WireValue>,
    bytes: Bytes,
}

impl Decoder {
    pub(super) fn new(call: &ServedCall) -> Self {
        let arguments = mem::take(&mut *call.arguments.lock());
        Self {
            parameters: call.info.parameters.iter(),
            values: arguments.values.into_iter(),
            bytes: arguments.bytes,
        }
    }

    fn next<T: Value>(&mut self) -> Result<T, Failure> {
        let (Some(parameter), Some(value)) = (self.parameters.next(), self.values.next()) else {
            return Err(malformed("has fewer arguments than its function takes"));
        };
        let size = match value {
            WireValue::Inline(size) => usize::try_from(size).ok(),
            WireValue::Reference(reference) => {
                return Err(refused(
                    parameter,
                    format_args!(
                        "cannot be fetched: it was left at `{}`, where this process does not look",
                        reference.location
                    ),
                ));
            }
        };
        let Some(size) = size.filter(|size| *size <= self.bytes.len()) else {
            return Err(malformed("has arguments that were cut short on their way"));
        };
        let decoded = if size == self.bytes.len() {
            // The last one can have the memory of all.
            codec::decode_owned(mem::take(&mut self.bytes))
        } else {
            let decoded = codec::decode(&self.bytes[..size]);
            self.bytes.advance(size);
            decoded
        };
        decoded.map_err(|error| {
            refused(
                parameter,
                format_args!("cannot be decoded: {}", WithHint(&error)),
            )
        })
    }

    /// Checks that none is left over.
    pub(super) fn finish(&self) -> Result<(), Failure> {
        if self.values.len() > 0 || !self.bytes.is_empty() {
            return Err(malformed("has more arguments than its function takes"));
        }
        Ok(())
    }
}

/// What to do about a value that does not come back.
pub(super) const HINT: &str = "types that serde writes in one way and reads in another, as by \
     `flatten`, `untagged`, `tag`, `skip_serializing_if`, or one of `skip_serializing` and \
     `skip_deserializing`, do not survive postcard, the format between processes: leave these \
     attributes out (`skip` does no harm), or pass such a value as a `String`";

/// Why a value that was encoded well cannot be decoded, and what to do.
pub(crate) struct WithHint<'a>(pub(crate) &'a CodecError);

impl fmt::Display for WithHint<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)?;
        // This one says what to do itself.
        if *self.0.kind() == CodecErrorKind::SelfDescribing {
            return Ok(());
        }
        write!(formatter, "; {HINT}")
    }
}

fn refused(parameter: &Parameter, problem: fmt::Arguments<'_>) -> Failure {
    let Parameter {
        name, type_text, ..
    } = parameter;
    Failure::permanent(FailureKind::Encoding {
        reason: format!("has an argument `{name}` (`{type_text}`) that {problem}"),
    })
}

/// Only a mistake of an executor, or another program at the other end, leads here.
fn malformed(problem: &str) -> Failure {
    Failure::permanent(FailureKind::Encoding {
        reason: format!("{problem}; this is a bug in the executor"),
    })
}
