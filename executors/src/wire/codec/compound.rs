use serde::ser::{self, Serialize};

use super::encoder::Encoder;
use super::error::{CodecError, CodecErrorKind};

/// A sequence or a map, whose count is written before its elements.
pub(super) struct Counted<'encoder, 'out> {
    pub(super) encoder: &'encoder mut Encoder<'out>,
    pub(super) of: &'static str,
    pub(super) announced: usize,
    pub(super) given: usize,
    /// Where the next element begins.
    pub(super) before: usize,
}

impl Counted<'_, '_> {
    #[inline]
    fn element_written(&mut self) -> Result<(), CodecError> {
        self.given += 1;
        let written = self.encoder.written();
        if written == self.before {
            let Some(empty) = self.encoder.empty.checked_sub(1) else {
                return Err(CodecError::new(CodecErrorKind::TooManyEmptyElements));
            };
            self.encoder.empty = empty;
        }
        self.before = written;
        if let Some(canonical) = &mut self.encoder.canonical {
            canonical.pass_on(self.encoder.out);
        }
        Ok(())
    }

    #[inline]
    fn close(self) -> Result<(), CodecError> {
        let Self { of, announced, .. } = self;
        if self.given != announced {
            return Err(CodecError::new(CodecErrorKind::WrongLength {
                of,
                announced,
            }));
        }
        self.encoder.leave();
        Ok(())
    }
}

impl ser::SerializeSeq for Counted<'_, '_> {
    type Ok = ();
    type Error = CodecError;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CodecError> {
        value.serialize(&mut *self.encoder)?;
        self.element_written()
    }

    #[inline]
    fn end(self) -> Result<(), CodecError> {
        self.close()
    }
}

impl ser::SerializeMap for Counted<'_, '_> {
    type Ok = ();
    type Error = CodecError;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), CodecError> {
        key.serialize(&mut *self.encoder)?;
        if let Some(canonical) = &mut self.encoder.canonical {
            canonical.key_ends(self.encoder.out);
        }
        Ok(())
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CodecError> {
        value.serialize(&mut *self.encoder)?;
        if let Some(canonical) = &mut self.encoder.canonical {
            canonical.value_ends(self.encoder.out);
        }
        self.element_written()
    }

    fn end(self) -> Result<(), CodecError> {
        if let Some(canonical) = &mut self.encoder.canonical {
            canonical.map_ends(self.encoder.out);
        }
        self.close()
    }
}

/// A tuple of any kind: its type says how many elements it has.
pub(super) struct Nested<'encoder, 'out> {
    pub(super) encoder: &'encoder mut Encoder<'out>,
}

macro_rules! tuple_of {
    ($($kind:ident: $method:ident),*) => {$(
        impl ser::$kind for Nested<'_, '_> {
            type Ok = ();
            type Error = CodecError;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CodecError> {
                value.serialize(&mut *self.encoder)
            }

            #[inline]
            fn end(self) -> Result<(), CodecError> {
                self.encoder.leave();
                Ok(())
            }
        }
    )*};
}

tuple_of! {
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field
}

/// A structure, or a variant with named fields: its type says which fields it has, and all must
/// be there.
pub(super) struct Structure<'encoder, 'out> {
    pub(super) encoder: &'encoder mut Encoder<'out>,
    pub(super) name: &'static str,
}

macro_rules! structure_of {
    ($($kind:ident),*) => {$(
        impl ser::$kind for Structure<'_, '_> {
            type Ok = ();
            type Error = CodecError;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                field: &'static str,
                value: &T,
            ) -> Result<(), CodecError> {
                value
                    .serialize(&mut *self.encoder)
                    .map_err(|error| error.within(field))
            }

            fn skip_field(&mut self, field: &'static str) -> Result<(), CodecError> {
                let structure = self.name;
                Err(CodecError::new(CodecErrorKind::SkippedField { structure, field }))
            }

            #[inline]
            fn end(self) -> Result<(), CodecError> {
                self.encoder.leave();
                Ok(())
            }
        }
    )*};
}

structure_of!(SerializeStruct, SerializeStructVariant);
