use serde::de::value::U32Deserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer as _, Visitor};

use super::decoder::Decoder;
use super::error::CodecError;

impl<'de> de::EnumAccess<'de> for &mut Decoder<'de> {
    type Error = CodecError;
    type Variant = Self;

    #[inline]
    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self), CodecError> {
        let index = self.number(u64::from(u32::MAX))? as u32;
        let index: U32Deserializer<CodecError> = index.into_deserializer();
        let variant = seed.deserialize(index)?;
        Ok((variant, self))
    }
}

impl<'de> de::VariantAccess<'de> for &mut Decoder<'de> {
    type Error = CodecError;

    #[inline]
    fn unit_variant(self) -> Result<(), CodecError> {
        Ok(())
    }

    #[inline]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<S::Value, CodecError> {
        self.nested(|decoder| seed.deserialize(decoder))
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        de::Deserializer::deserialize_tuple(self, length, visitor)
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        de::Deserializer::deserialize_struct(self, "", fields, visitor)
    }
}

/// The elements of a sequence, or the entries of a map.
pub(super) struct Elements<'decoder, 'de> {
    decoder: &'decoder mut Decoder<'de>,
    left: usize,
    /// How many bytes there were before the entry that is being read.
    before: usize,
}

impl<'decoder, 'de> Elements<'decoder, 'de> {
    #[inline]
    pub(super) fn new(decoder: &'decoder mut Decoder<'de>, count: usize) -> Self {
        Self {
            decoder,
            left: count,
            before: 0,
        }
    }

    /// What collections reserve room for; a claim alone reserves nothing.
    #[inline]
    fn likely(&self) -> usize {
        self.left.min(self.decoder.left())
    }
}

impl<'de> de::SeqAccess<'de> for Elements<'_, 'de> {
    type Error = CodecError;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, CodecError> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        let before = self.decoder.left();
        let element = seed.deserialize(&mut *self.decoder)?;
        self.decoder.element_read(before)?;
        Ok(Some(element))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.likely())
    }
}

impl<'de> de::MapAccess<'de> for Elements<'_, 'de> {
    type Error = CodecError;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, CodecError> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        self.before = self.decoder.left();
        seed.deserialize(&mut *self.decoder).map(Some)
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, CodecError> {
        let value = seed.deserialize(&mut *self.decoder)?;
        self.decoder.element_read(self.before)?;
        Ok(value)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.likely())
    }
}

/// The elements of a tuple, as many as its type says.
pub(super) struct Places<'decoder, 'de> {
    pub(super) decoder: &'decoder mut Decoder<'de>,
    pub(super) left: usize,
}

impl<'de> de::SeqAccess<'de> for Places<'_, 'de> {
    type Error = CodecError;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, CodecError> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        seed.deserialize(&mut *self.decoder).map(Some)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// The fields of a structure, those that its type names.
pub(super) struct Fields<'decoder, 'de> {
    pub(super) decoder: &'decoder mut Decoder<'de>,
    pub(super) fields: &'static [&'static str],
}

impl<'de> de::SeqAccess<'de> for Fields<'_, 'de> {
    type Error = CodecError;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, CodecError> {
        let Some((&field, fields)) = self.fields.split_first() else {
            return Ok(None);
        };
        self.fields = fields;
        match seed.deserialize(&mut *self.decoder) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(error.within(field)),
        }
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.fields.len())
    }
}
