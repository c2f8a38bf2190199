use std::sync::Arc;

use bytes::Bytes;
use chiltepin_executors::registry::{Parameter, TaskInfo};
use chiltepin_executors::wire::{WireValue, codec};
use chiltepin_executors::{ByteSize, EncodedValues, Failure, FailureKind};

use crate::serve::{Unfaithful, check};
use crate::{TaskError, Value};

/// Puts the encoded arguments of a call side by side.
pub struct Encoder {
    info: &'static TaskInfo,
    /// The most bytes of one argument.
    largest: usize,
    values: Vec<WireValue>,
    out: Encoded,
}

/// What is encoded so far.
#[derive(Default)]
pub(crate) struct Encoded {
    #[cfg(feature = "records")]
    limit: Option<Limit>,
    /// The only thing there is, as it came: a large result that is the only argument of the next
    /// task is passed on without a copy.
    whole: Option<Bytes>,
    /// What there is, otherwise.
    bytes: Vec<u8>,
}

/// How long it may become.
#[cfg(feature = "records")]
struct Limit {
    most: usize,
    is_exceeded: bool,
}

/// From this size on it pays to pass bytes on as they are, instead of copying them.
pub(crate) const WORTH_SHARING: usize = 4 << 10;

/// Why something cannot be encoded.
#[derive(Debug)]
pub(crate) enum EncodeError {
    /// The value itself cannot.
    Value(codec::CodecError),
    /// It can, and would not come back.
    Unfaithful(Unfaithful),
    /// The value of a future is not to be had.
    Missing(TaskError),
}

impl From<TaskError> for EncodeError {
    fn from(error: TaskError) -> Self {
        Self::Missing(error)
    }
}

impl Encoder {
    pub(super) fn new(info: &'static TaskInfo, largest: usize) -> Self {
        Self {
            info,
            largest,
            values: Vec::with_capacity(info.parameters.len()),
            out: Encoded::default(),
        }
    }

    /// One that gives up as soon as all arguments together have more than `most` bytes.
    #[cfg(feature = "records")]
    pub(super) fn bounded(info: &'static TaskInfo, most: usize) -> Self {
        let mut encoder = Self::new(info, usize::MAX);
        encoder.out.limit = Some(Limit {
            most,
            is_exceeded: false,
        });
        encoder
    }

    /// Whether it has given up for that.
    #[cfg(feature = "records")]
    pub(super) fn is_exceeded(&self) -> bool {
        let limit = self.out.limit.as_ref();
        limit.is_some_and(|limit| limit.is_exceeded)
    }

    /// Encodes the next argument.
    pub(super) fn argument(
        &mut self,
        encode: impl FnOnce(&mut Encoded) -> Result<(), EncodeError>,
    ) -> Result<(), Failure> {
        let parameter = self.info.parameters.get(self.values.len());
        let before = self.out.len();
        encode(&mut self.out).map_err(|error| match error {
            EncodeError::Value(error) => {
                refused(parameter, format_args!("cannot be encoded: {error}"))
            }
            EncodeError::Unfaithful(error) => {
                refused(parameter, format_args!("{}: {error}", error.problem()))
            }
            EncodeError::Missing(error) => {
                Failure::permanent(FailureKind::Dependency(Arc::new(error)))
            }
        })?;
        let size = self.out.len() - before;
        match u32::try_from(size) {
            Ok(inline) if size <= self.largest => {
                self.values.push(WireValue::Inline(inline));
                Ok(())
            }
            _ => Err(refused(
                parameter,
                format_args!(
                    "has {size} bytes when it is encoded, more than the {} ({}) that may travel \
                     to another process: write it to a file and pass the path, or raise \
                     `max_inline_value` of the resource",
                    self.largest,
                    ByteSize(self.largest as u64),
                ),
            )),
        }
    }

    pub(super) fn finish(self) -> EncodedValues {
        EncodedValues {
            values: self.values,
            bytes: self.out.into_bytes(),
        }
    }
}

pub(super) fn refused(parameter: Option<&Parameter>, problem: std::fmt::Arguments<'_>) -> Failure {
    let reason = match parameter {
        Some(Parameter {
            name, type_text, ..
        }) => {
            format!("has an argument `{name}` (`{type_text}`) that {problem}")
        }
        None => format!("has an argument that {problem}"),
    };
    Failure::permanent(FailureKind::Encoding { reason })
}

impl Encoded {
    fn len(&self) -> usize {
        self.whole.as_ref().map_or(self.bytes.len(), Bytes::len)
    }

    /// Encodes a value behind what there is.
    pub(crate) fn value<T: Value>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.unshare();
        #[cfg(feature = "records")]
        if let Some(limit) = &mut self.limit {
            return limit.value(value, &mut self.bytes);
        }
        let before = self.bytes.len();
        codec::encode(value, &mut self.bytes).map_err(EncodeError::Value)?;
        check::<T>(&self.bytes[before..]).map_err(EncodeError::Unfaithful)
    }

    /// The same with a value that is not needed any more.
    pub(crate) fn owned_value<T: Value>(&mut self, value: T) -> Result<(), EncodeError> {
        self.unshare();
        let before = self.bytes.len();
        codec::encode_owned(value, &mut self.bytes).map_err(EncodeError::Value)?;
        check::<T>(&self.bytes[before..]).map_err(EncodeError::Unfaithful)
    }

    /// Puts what is encoded already behind what there is.
    pub(crate) fn splice(&mut self, encoded: Bytes) {
        #[cfg(feature = "records")]
        if let Some(limit) = &mut self.limit
            && self.bytes.len() + encoded.len() > limit.most
        {
            limit.is_exceeded = true;
            return;
        }
        if self.len() == 0 && encoded.len() >= WORTH_SHARING {
            self.whole = Some(encoded);
        } else {
            self.unshare();
            self.bytes.extend_from_slice(&encoded);
        }
    }

    fn unshare(&mut self) {
        if let Some(whole) = self.whole.take() {
            self.bytes.extend_from_slice(&whole);
        }
    }

    pub(super) fn into_bytes(self) -> Bytes {
        self.whole.unwrap_or_else(|| self.bytes.into())
    }
}

#[cfg(feature = "records")]
impl Limit {
    /// Adds an encoded value, as far as there is place for it.
    fn value<T: Value>(&mut self, value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        use serde::ser::Error as _;

        // Byte by byte these would take long.
        if let Some(bytes) = (value as &dyn std::any::Any).downcast_ref::<Vec<u8>>()
            && out.len() + bytes.len() <= self.most
        {
            return codec::encode(bytes, out).map_err(EncodeError::Value);
        }
        let bounded = Bounded { out, limit: self };
        let written = postcard::serialize_with_flavor(value, bounded);
        written.map_err(|error| EncodeError::Value(codec::CodecError::custom(error)))
    }
}

/// Takes bytes up to a limit.
#[cfg(feature = "records")]
struct Bounded<'a> {
    out: &'a mut Vec<u8>,
    limit: &'a mut Limit,
}

#[cfg(feature = "records")]
impl postcard::ser_flavors::Flavor for Bounded<'_> {
    type Output = ();

    #[inline]
    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        if self.out.len() + data.len() > self.limit.most {
            self.limit.is_exceeded = true;
            return Err(postcard::Error::SerializeBufferFull);
        }
        self.out.extend_from_slice(data);
        Ok(())
    }

    #[inline]
    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.try_extend(&[data])
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
