//! The bytes are postcard's, in both directions.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{CodecErrorKind, decode, encode};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(f64),
    Box(f32, f32),
    Polygon {
        corners: Vec<(i32, i32)>,
        name: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    truth: bool,
    small: (i8, i16, i32, i64, i128),
    large: (u8, u16, u32, u64, u128),
    size: (usize, isize),
    character: char,
    text: String,
    shapes: Vec<Shape>,
    table: BTreeMap<String, Vec<u8>>,
    nothing: (),
    one: One,
    unit: Unit,
    pair: Pair,
    time: Duration,
    path: PathBuf,
    array: [u16; 3],
    #[serde(skip)]
    forgotten: u32,
    #[serde(default)]
    usual: u32,
    #[serde(rename = "other")]
    renamed: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct One(Box<u32>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Pair(u8, String);

/// Displayed, and parsed again, as addresses and versions often are.
#[derive(Clone, Debug, PartialEq)]
struct Displayed(String);

impl Serialize for Displayed {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}", self.0))
    }
}

impl<'de> Deserialize<'de> for Displayed {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

/// Encodes as postcard does, and decodes its own and postcard's bytes.
#[track_caller]
fn same_as_postcard<T>(value: &T)
where
    T: Serialize + DeserializeOwned + PartialEq + Debug + 'static,
{
    let mut out = b"before".to_vec();
    encode(value, &mut out).unwrap();
    let bytes = out.strip_prefix(b"before").unwrap();
    assert_eq!(bytes, postcard::to_stdvec(value).unwrap(), "of {value:?}");
    assert_eq!(&decode::<T>(bytes).unwrap(), value);
}

proptest! {
    #[test]
    fn numbers_are_as_postcard_has_them(
        signed: (i8, i16, i32, i64, i128),
        unsigned: (u8, u16, u32, u64, u128),
        size: (usize, isize),
        shift in 0_u32..128,
    ) {
        same_as_postcard(&signed);
        same_as_postcard(&unsigned);
        same_as_postcard(&size);
        // Evenly distributed numbers are nearly always long.
        same_as_postcard(&(signed.4 >> shift, unsigned.4 >> shift, unsigned.3 >> (shift / 2)));
        same_as_postcard(&(signed.3 >> (shift / 2), signed.2 >> (shift / 4)));
    }

    #[test]
    fn texts_and_bytes_are_as_postcard_has_them(
        text: String,
        character: char,
        bytes: Vec<u8>,
        floats: Vec<f64>,
    ) {
        same_as_postcard(&Displayed(text.clone()));
        same_as_postcard(&(text.clone(), character));
        same_as_postcard(&text);
        same_as_postcard(&(bytes.clone(),));
        same_as_postcard(&bytes);
        same_as_postcard(&floats);
    }
}

#[test]
fn a_structure_of_everything_is_as_postcard_has_it() {
    let everything = Everything {
        truth: true,
        small: (i8::MIN, i16::MIN, i32::MIN, i64::MIN, i128::MIN),
        large: (u8::MAX, u16::MAX, u32::MAX, u64::MAX, u128::MAX),
        size: (usize::MAX, isize::MIN),
        character: '\u{10ffff}',
        text: "Ω".repeat(100),
        shapes: vec![
            Shape::Point,
            Shape::Circle(f64::MIN_POSITIVE),
            Shape::Box(0.5, f32::INFINITY),
            Shape::Polygon {
                corners: vec![(1, -1), (200, -200)],
                name: Some("triangle".to_owned()),
            },
        ],
        table: BTreeMap::from([("bytes".to_owned(), vec![0, 255])]),
        nothing: (),
        one: One(Box::new(300)),
        unit: Unit,
        pair: Pair(1, String::new()),
        time: Duration::new(1, 2),
        path: PathBuf::from("/folder/file"),
        array: [1, 2, 3],
        forgotten: 0,
        usual: 7,
        renamed: 8,
    };
    same_as_postcard(&everything);
    same_as_postcard(&Some(Some(everything)));
}

#[test]
fn other_collections_are_as_postcard_has_them() {
    same_as_postcard(&HashMap::from([(1, "one".to_owned())]));
    same_as_postcard(&vec![(); 1000]);
    same_as_postcard(&std::collections::VecDeque::from([
        Ok::<u8, String>(1),
        Err(String::new()),
    ]));
    same_as_postcard(&Displayed("x".repeat(20_000)));
    same_as_postcard(&std::ffi::CString::from(c"text"));
    same_as_postcard(&std::net::IpAddr::from([127, 0, 0, 1]));
}

#[test]
fn a_value_that_fails_leaves_the_buffer_as_it_was() {
    struct Fails;

    impl Serialize for Fails {
        fn serialize<S: serde::Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no such table"))
        }
    }

    let mut out = b"before".to_vec();
    let error = encode(&("first", Fails), &mut out).unwrap_err();
    assert_eq!(out, b"before");
    assert_eq!(error.to_string(), "no such table");
    assert!(matches!(error.kind(), CodecErrorKind::Custom(_)));
}

#[test]
fn every_value_has_one_form() {
    for (bytes, words) in [
        (&[0x80, 0x00][..], "more bytes than it needs"),
        (&[0xff, 0xff, 0xff, 0xff, 0x10], "too large for its type"),
        (&[0xff; 12], "too large for its type"),
        (&[0xff], "the bytes end in the middle"),
        (&[], "the bytes end in the middle"),
    ] {
        let error = decode::<u32>(bytes).unwrap_err().to_string();
        assert!(error.contains(words), "{bytes:?}: {error}");
    }
    let mut overlong = [0x80; 19];
    overlong[18] = 0;
    assert!(decode::<u128>(&overlong).is_err());
    assert!(decode::<u128>(&[0xff; 19]).is_err());
    assert!(decode::<bool>(&[2]).is_err());
    assert!(decode::<Option<u8>>(&[2, 0]).is_err());
    assert!(decode::<char>(&[2, b'a', b'b']).is_err());
    assert!(decode::<char>(&[0]).is_err());
    assert!(decode::<String>(&[1, 0xff]).is_err());
    assert!(decode::<Shape>(&[4]).is_err());
}
