use std::fmt::{self, Write as _};

use serde::ser::{self, Serialize};

use super::canonical::{Canonical, FILE};
use super::compound::{Counted, Nested, Structure};
use super::error::{CodecError, CodecErrorKind};
use super::varint::{LONGEST_U64, fold, fold_i128, write_u64, write_u128};
use super::{DEEPEST, MOST_EMPTY_ELEMENTS};

/// Writes values in postcard's format, but refuses what could not be read back.
pub(super) struct Encoder<'out> {
    pub(super) out: &'out mut Vec<u8>,
    /// How many levels deeper it may go.
    depth: u32,
    /// How many more elements may take no bytes.
    pub(super) empty: u32,
    /// Where the bytes are to be compared and not read.
    pub(super) canonical: Option<&'out mut Canonical<'out>>,
}

impl<'out> Encoder<'out> {
    #[inline]
    pub(super) fn new(out: &'out mut Vec<u8>) -> Self {
        Self {
            out,
            depth: DEEPEST,
            empty: MOST_EMPTY_ELEMENTS,
            canonical: None,
        }
    }

    pub(super) fn canonical(out: &'out mut Vec<u8>, canonical: &'out mut Canonical<'out>) -> Self {
        Self {
            canonical: Some(canonical),
            ..Self::new(out)
        }
    }

    /// How many bytes are written so far.
    #[inline]
    pub(super) fn written(&self) -> usize {
        let passed_on = self.canonical.as_ref().map_or(0, |form| form.passed_on());
        self.out.len() + passed_on
    }

    #[inline]
    fn enter(&mut self) -> Result<(), CodecError> {
        match self.depth.checked_sub(1) {
            Some(depth) => {
                self.depth = depth;
                Ok(())
            }
            None => Err(CodecError::new(CodecErrorKind::TooDeep)),
        }
    }

    #[inline]
    pub(super) fn leave(&mut self) {
        self.depth += 1;
    }

    /// Writes what lies one level deeper.
    #[inline]
    fn nested<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CodecError> {
        self.enter()?;
        value.serialize(&mut *self)?;
        self.leave();
        Ok(())
    }

    #[inline]
    fn counted<'encoder>(
        &'encoder mut self,
        of: &'static str,
        length: Option<usize>,
    ) -> Result<Counted<'encoder, 'out>, CodecError> {
        let Some(announced) = length else {
            return Err(CodecError::new(CodecErrorKind::UnknownLength { of }));
        };
        self.enter()?;
        write_u64(announced as u64, self.out);
        Ok(Counted {
            before: self.written(),
            encoder: self,
            of,
            announced,
            given: 0,
        })
    }
}

impl<'encoder, 'out> ser::Serializer for &'encoder mut Encoder<'out> {
    type Ok = ();
    type Error = CodecError;
    type SerializeSeq = Counted<'encoder, 'out>;
    type SerializeTuple = Nested<'encoder, 'out>;
    type SerializeTupleStruct = Nested<'encoder, 'out>;
    type SerializeTupleVariant = Nested<'encoder, 'out>;
    type SerializeMap = Counted<'encoder, 'out>;
    type SerializeStruct = Structure<'encoder, 'out>;
    type SerializeStructVariant = Structure<'encoder, 'out>;

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), CodecError> {
        self.out.push(u8::from(value));
        Ok(())
    }

    #[inline]
    fn serialize_i8(self, value: i8) -> Result<(), CodecError> {
        self.out.push(value as u8);
        Ok(())
    }

    #[inline]
    fn serialize_i16(self, value: i16) -> Result<(), CodecError> {
        self.serialize_i64(i64::from(value))
    }

    #[inline]
    fn serialize_i32(self, value: i32) -> Result<(), CodecError> {
        self.serialize_i64(i64::from(value))
    }

    #[inline]
    fn serialize_i64(self, value: i64) -> Result<(), CodecError> {
        write_u64(fold(value), self.out);
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), CodecError> {
        write_u128(fold_i128(value), self.out);
        Ok(())
    }

    #[inline]
    fn serialize_u8(self, value: u8) -> Result<(), CodecError> {
        self.out.push(value);
        Ok(())
    }

    #[inline]
    fn serialize_u16(self, value: u16) -> Result<(), CodecError> {
        self.serialize_u64(u64::from(value))
    }

    #[inline]
    fn serialize_u32(self, value: u32) -> Result<(), CodecError> {
        self.serialize_u64(u64::from(value))
    }

    #[inline]
    fn serialize_u64(self, value: u64) -> Result<(), CodecError> {
        write_u64(value, self.out);
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Result<(), CodecError> {
        write_u128(value, self.out);
        Ok(())
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Result<(), CodecError> {
        self.out.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<(), CodecError> {
        self.out.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_char(self, value: char) -> Result<(), CodecError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), CodecError> {
        self.serialize_bytes(value.as_bytes())
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<(), CodecError> {
        self.out.reserve(LONGEST_U64 + value.len());
        write_u64(value.len() as u64, self.out);
        self.out.extend_from_slice(value);
        Ok(())
    }

    #[inline]
    fn serialize_none(self) -> Result<(), CodecError> {
        self.out.push(0);
        Ok(())
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), CodecError> {
        self.out.push(1);
        self.nested(value)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), CodecError> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), CodecError> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
    ) -> Result<(), CodecError> {
        self.serialize_u32(index)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), CodecError> {
        if self.canonical.is_none() || name != FILE {
            return value.serialize(self);
        }
        let start = self.out.len();
        value.serialize(&mut *self)?;
        match &mut self.canonical {
            Some(canonical) => canonical.file_ends(start, self.out),
            None => Ok(()),
        }
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        value: &T,
    ) -> Result<(), CodecError> {
        write_u64(u64::from(index), self.out);
        self.nested(value)
    }

    #[inline]
    fn serialize_seq(self, length: Option<usize>) -> Result<Self::SerializeSeq, CodecError> {
        self.counted("sequence", length)
    }

    #[inline]
    fn serialize_tuple(self, _length: usize) -> Result<Self::SerializeTuple, CodecError> {
        self.enter()?;
        Ok(Nested { encoder: self })
    }

    #[inline]
    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleStruct, CodecError> {
        self.serialize_tuple(length)
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleVariant, CodecError> {
        write_u64(u64::from(index), self.out);
        self.serialize_tuple(length)
    }

    #[inline]
    fn serialize_map(self, length: Option<usize>) -> Result<Self::SerializeMap, CodecError> {
        let map = self.counted("map", length)?;
        if let Some(canonical) = &mut map.encoder.canonical {
            canonical.map_begins(map.encoder.out);
        }
        Ok(map)
    }

    #[inline]
    fn serialize_struct(
        self,
        name: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeStruct, CodecError> {
        self.enter()?;
        Ok(Structure {
            encoder: self,
            name,
        })
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStructVariant, CodecError> {
        write_u64(u64::from(index), self.out);
        self.serialize_struct(variant, length)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), CodecError> {
        /// `Vec<u8>` takes bytes and no text.
        struct Text<'out>(&'out mut Vec<u8>);

        impl fmt::Write for Text<'_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.extend_from_slice(text.as_bytes());
                Ok(())
            }
        }

        // The length comes first and is known last; most texts need one byte for it.
        let place = self.out.len();
        self.out.push(0);
        write!(Text(&mut *self.out), "{value}")
            .map_err(|_| <CodecError as ser::Error>::custom("its `Display` fails"))?;
        let mut length = Vec::new();
        write_u64((self.out.len() - place - 1) as u64, &mut length);
        self.out.splice(place..=place, length);
        Ok(())
    }
}
