use serde::de::{self, Visitor};

use super::access::{Elements, Fields, Places};
use super::error::{CodecError, CodecErrorKind};
use super::varint::{NoNumber, read_u64, read_u128, unfold, unfold_i128};
use super::{DEEPEST, MOST_EMPTY_ELEMENTS};

/// Reads values in postcard's format from bytes that may be anything.
pub(super) struct Decoder<'de> {
    bytes: &'de [u8],
    /// How many levels deeper it may go.
    depth: u32,
    /// How many more elements may take no bytes.
    empty: u32,
}

/// The content of a sequence of bytes that takes up all of these.
pub(super) fn byte_sequence(bytes: &[u8]) -> Result<&[u8], CodecError> {
    let mut decoder = Decoder::new(bytes);
    let content = decoder
        .sized()
        .map_err(|error| error.at(bytes.len() - decoder.left()))?;
    match decoder.left() {
        0 => Ok(content),
        count => {
            Err(CodecError::new(CodecErrorKind::TrailingBytes { count }).at(bytes.len() - count))
        }
    }
}

#[cold]
fn malformed(what: &'static str) -> CodecError {
    CodecError::new(CodecErrorKind::Malformed(what))
}

impl From<NoNumber> for CodecError {
    #[cold]
    fn from(reason: NoNumber) -> Self {
        match reason {
            NoNumber::Truncated => Self::new(CodecErrorKind::Truncated),
            NoNumber::TooLarge => malformed("a number is too large for its type"),
            NoNumber::Overlong => malformed("a number has more bytes than it needs"),
        }
    }
}

impl<'de> Decoder<'de> {
    #[inline]
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        Self {
            bytes,
            depth: DEEPEST,
            empty: MOST_EMPTY_ELEMENTS,
        }
    }

    /// How many bytes are not read yet.
    #[inline]
    pub(super) fn left(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, CodecError> {
        let Some((&byte, rest)) = self.bytes.split_first() else {
            return Err(CodecError::new(CodecErrorKind::Truncated));
        };
        self.bytes = rest;
        Ok(byte)
    }

    #[inline]
    fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], CodecError> {
        let Some((array, rest)) = self.bytes.split_first_chunk() else {
            return Err(CodecError::new(CodecErrorKind::Truncated));
        };
        self.bytes = rest;
        Ok(*array)
    }

    #[inline]
    pub(super) fn number(&mut self, largest: u64) -> Result<u64, CodecError> {
        Ok(read_u64(&mut self.bytes, largest)?)
    }

    /// So many bytes as the number before them says.
    #[inline]
    fn sized(&mut self) -> Result<&'de [u8], CodecError> {
        let claimed = self.number(u64::MAX)?;
        let content = usize::try_from(claimed)
            .ok()
            .and_then(|length| self.bytes.split_at_checked(length));
        let Some((content, rest)) = content else {
            let left = self.left();
            return Err(CodecError::new(CodecErrorKind::Count { claimed, left }));
        };
        self.bytes = rest;
        Ok(content)
    }

    #[inline]
    fn text(&mut self) -> Result<&'de str, CodecError> {
        std::str::from_utf8(self.sized()?).map_err(|_| malformed("a text is no UTF-8"))
    }

    /// Reads what lies one level deeper.
    #[inline]
    pub(super) fn nested<V>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<V, CodecError>,
    ) -> Result<V, CodecError> {
        let Some(depth) = self.depth.checked_sub(1) else {
            return Err(CodecError::new(CodecErrorKind::TooDeep));
        };
        self.depth = depth;
        let value = read(self)?;
        self.depth += 1;
        Ok(value)
    }

    /// The elements of a sequence, or the entries of a map.
    ///
    /// A count beyond the bytes that are left means that some of the elements take none; if those
    /// alone are too many, nobody needs to look at the others.
    #[inline]
    fn counted(&mut self) -> Result<Elements<'_, 'de>, CodecError> {
        let claimed = self.number(u64::MAX)?;
        let left = self.left();
        let without_bytes = claimed.saturating_sub(left as u64);
        match usize::try_from(claimed) {
            Ok(count) if without_bytes <= u64::from(self.empty) => Ok(Elements::new(self, count)),
            _ => Err(CodecError::new(CodecErrorKind::Count { claimed, left })),
        }
    }

    /// Counts an element, if it took no bytes.
    #[inline]
    pub(super) fn element_read(&mut self, left_before: usize) -> Result<(), CodecError> {
        if self.left() == left_before {
            let Some(empty) = self.empty.checked_sub(1) else {
                return Err(CodecError::new(CodecErrorKind::TooManyEmptyElements));
            };
            self.empty = empty;
        }
        Ok(())
    }
}

macro_rules! unsigned {
    ($($method:ident $visit:ident $type:ty),*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
            visitor.$visit(self.number(u64::from(<$type>::MAX))? as $type)
        }
    )*};
}

macro_rules! signed {
    ($($method:ident $visit:ident $type:ty: $unsigned:ty),*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
            visitor.$visit(unfold(self.number(u64::from(<$unsigned>::MAX))?) as $type)
        }
    )*};
}

macro_rules! untold {
    ($($method:ident),*) => {$(
        fn $method<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, CodecError> {
            Err(CodecError::new(CodecErrorKind::SelfDescribing))
        }
    )*};
}

impl<'de> de::Deserializer<'de> for &mut Decoder<'de> {
    type Error = CodecError;

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }

    unsigned! {
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64
    }

    signed! {
        deserialize_i16 visit_i16 i16: u16,
        deserialize_i32 visit_i32 i32: u32,
        deserialize_i64 visit_i64 i64: u64
    }

    untold!(
        deserialize_any,
        deserialize_identifier,
        deserialize_ignored_any
    );

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        match self.byte()? {
            0 => visitor.visit_bool(false),
            1 => visitor.visit_bool(true),
            _ => Err(malformed("a truth value is neither 0 nor 1")),
        }
    }

    #[inline]
    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_u8(self.byte()?)
    }

    #[inline]
    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_i8(self.byte()? as i8)
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_u128(read_u128(&mut self.bytes)?)
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_i128(unfold_i128(read_u128(&mut self.bytes)?))
    }

    #[inline]
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_f32(f32::from_le_bytes(self.array()?))
    }

    #[inline]
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_f64(f64::from_le_bytes(self.array()?))
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        let mut characters = self.text()?.chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) => visitor.visit_char(character),
            _ => Err(malformed("a character is none, or several")),
        }
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_borrowed_str(self.text()?)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_borrowed_bytes(self.sized()?)
    }

    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        self.deserialize_bytes(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        match self.byte()? {
            0 => visitor.visit_none(),
            1 => self.nested(|decoder| visitor.visit_some(decoder)),
            _ => Err(malformed("an option is neither 0 nor 1")),
        }
    }

    #[inline]
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        self.nested(|decoder| visitor.visit_seq(decoder.counted()?))
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        self.nested(|decoder| {
            visitor.visit_seq(Places {
                decoder,
                left: length,
            })
        })
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        self.deserialize_tuple(length, visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        self.nested(|decoder| visitor.visit_map(decoder.counted()?))
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        self.nested(|decoder| visitor.visit_seq(Fields { decoder, fields }))
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        visitor.visit_enum(self)
    }
}
