//! How paths travel: as their bytes, whatever these are.
//!
//! Serde's own form of a path is text, which not every path is: names made on other systems, or
//! by mistake, hold any bytes. Where a path is text, its bytes here are the same as there.
//!
//! For fields: `#[serde(with = "crate::wire::path")]`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What is made of paths.
pub(crate) trait Paths: Sized {
    type Bytes: Serialize + for<'de> Deserialize<'de>;

    fn to_bytes(&self) -> Self::Bytes;
    fn from_bytes(bytes: Self::Bytes) -> Self;
}

impl Paths for PathBuf {
    type Bytes = Vec<u8>;

    fn to_bytes(&self) -> Vec<u8> {
        OsStr::as_bytes(self.as_os_str()).to_vec()
    }

    fn from_bytes(bytes: Vec<u8>) -> Self {
        OsString::from_vec(bytes).into()
    }
}

impl<P: Paths> Paths for Option<P> {
    type Bytes = Option<P::Bytes>;

    fn to_bytes(&self) -> Self::Bytes {
        self.as_ref().map(P::to_bytes)
    }

    fn from_bytes(bytes: Self::Bytes) -> Self {
        bytes.map(P::from_bytes)
    }
}

impl<P: Paths> Paths for Vec<P> {
    type Bytes = Vec<P::Bytes>;

    fn to_bytes(&self) -> Self::Bytes {
        self.iter().map(P::to_bytes).collect()
    }

    fn from_bytes(bytes: Self::Bytes) -> Self {
        bytes.into_iter().map(P::from_bytes).collect()
    }
}

pub(crate) fn serialize<P: Paths, S: Serializer>(
    paths: &P,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    paths.to_bytes().serialize(serializer)
}

pub(crate) fn deserialize<'de, P: Paths, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<P, D::Error> {
    P::Bytes::deserialize(deserializer).map(P::from_bytes)
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;
    use crate::wire::codec;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Named<P: Paths>(#[serde(with = "crate::wire::path")] P);

    fn arrives<P: Paths + Clone + PartialEq + Debug>(paths: &P) -> Vec<u8> {
        let mut bytes = Vec::new();
        codec::encode_any(&Named(paths.clone()), &mut bytes).unwrap();
        let (back, length) = codec::decode_front::<Named<P>>(&bytes).unwrap();
        assert_eq!((&back.0, length), (paths, bytes.len()));
        bytes
    }

    #[test]
    fn any_path_arrives() {
        let odd = PathBuf::from(OsStr::from_bytes(b"/caf\xe9/\xff"));
        arrives(&odd);
        arrives(&Some(odd.clone()));
        arrives(&None::<PathBuf>);
        arrives(&vec![odd, PathBuf::from("plain"), PathBuf::new()]);
    }

    #[test]
    fn text_has_the_bytes_it_has_elsewhere() {
        let mut elsewhere = Vec::new();
        codec::encode_any("/data/tides", &mut elsewhere).unwrap();
        assert_eq!(arrives(&PathBuf::from("/data/tides")), elsewhere);
    }
}
