use std::fmt;

use super::{DEEPEST, MOST_EMPTY_ELEMENTS};

/// Why a value cannot be encoded or decoded, in which field, and at which byte.
#[derive(Debug)]
pub struct CodecError(Box<Inner>);

// Boxed, since every result on the way carries the room for it.
#[derive(Debug)]
struct Inner {
    kind: CodecErrorKind,
    /// The fields it is in, innermost first.
    fields: Vec<&'static str>,
    at: Option<usize>,
}

/// The ways in which encoding and decoding fail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecErrorKind {
    /// Encoding: a field is left out, and nothing in the bytes would say so.
    #[error(
        "field `{field}` of `{structure}` is left out, as `skip_serializing_if` asks, and then \
         `{structure}` could not be read back: remove that attribute, or pass a type without it"
    )]
    SkippedField {
        /// The structure, or the variant.
        structure: &'static str,
        /// Its field.
        field: &'static str,
    },
    /// Encoding: a map or a sequence that does not know how many elements it will have.
    #[error(
        "a {of} of a length that is not known beforehand cannot be encoded: instead of \
         `#[serde(flatten)]` let the inner structure be an ordinary field; of an iterator, collect \
         the elements first"
    )]
    UnknownLength {
        /// Map or sequence.
        of: &'static str,
    },
    /// Encoding: a map or a sequence that has another number of elements than it said.
    #[error(
        "a {of} said that it has {announced} elements and has another number: its `Serialize` is \
         wrong"
    )]
    WrongLength {
        /// Map or sequence.
        of: &'static str,
        /// How many it said it has.
        announced: usize,
    },
    /// Both: nested deeper than [`DEEPEST`].
    #[error(
        "it is nested more than {DEEPEST} levels deep, as a long linked list is: keep the nodes in \
         a `Vec` and let them name each other by index"
    )]
    TooDeep,
    /// Both: more than [`MOST_EMPTY_ELEMENTS`].
    #[error(
        "it has more than {MOST_EMPTY_ELEMENTS} elements that take no bytes, as `()` does: pass \
         their number instead"
    )]
    TooManyEmptyElements,
    /// Decoding: the bytes end before the value does.
    #[error("the bytes end in the middle of the value")]
    Truncated,
    /// Decoding: a count of elements that the bytes cannot hold.
    #[error("a count of {claimed} elements where {left} bytes are left")]
    Count {
        /// The count.
        claimed: u64,
        /// The bytes behind it.
        left: usize,
    },
    /// Decoding: bytes behind the value.
    #[error("{count} bytes are left over behind the value")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// Decoding: bytes that stand for nothing.
    #[error("{0}")]
    Malformed(&'static str),
    /// Decoding: the type expects to be told what comes.
    #[error(
        "its type asks what the bytes hold, as enums do that are `untagged` or have a `tag`, \
         structures with `flatten`, and `serde_json::Value`; postcard does not say: use serde's \
         ordinary form of an enum, or pass a `String` of JSON"
    )]
    SelfDescribing,
    /// Both: what the type itself says.
    #[error("{0}")]
    Custom(String),
}

impl CodecError {
    #[cold]
    pub(super) fn new(kind: CodecErrorKind) -> Self {
        Self(Box::new(Inner {
            kind,
            fields: Vec::new(),
            at: None,
        }))
    }

    /// The same error, found within this field.
    #[cold]
    pub(super) fn within(mut self, field: &'static str) -> Self {
        self.0.fields.push(field);
        self
    }

    /// The same error, found at this byte.
    #[cold]
    pub(super) fn at(mut self, byte: usize) -> Self {
        self.0.at = Some(byte);
        self
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &CodecErrorKind {
        &self.0.kind
    }

    /// The field it was found in, as `grid.rows`; none outside of any.
    #[must_use]
    pub fn field(&self) -> Option<String> {
        let outermost_first: Vec<_> = self.0.fields.iter().rev().copied().collect();
        (!outermost_first.is_empty()).then(|| outermost_first.join("."))
    }

    /// The byte at which decoding stopped, from 0; none when encoding.
    #[must_use]
    pub fn byte(&self) -> Option<usize> {
        self.0.at
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = self.field() {
            write!(formatter, "in field `{field}`")?;
            if let Some(byte) = self.0.at {
                write!(formatter, ", at byte {byte}")?;
            }
            formatter.write_str(": ")?;
        } else if let Some(byte) = self.0.at {
            write!(formatter, "at byte {byte}: ")?;
        }
        self.0.kind.fmt(formatter)
    }
}

impl std::error::Error for CodecError {}

impl serde::ser::Error for CodecError {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(CodecErrorKind::Custom(message.to_string()))
    }
}

impl serde::de::Error for CodecError {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(CodecErrorKind::Custom(message.to_string()))
    }
}
