//! Equal values have equal bytes, and others have others.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde::ser::Error as _;
use serde::{Serialize, Serializer};

use super::{CodecError, CodecErrorKind, FILE, encode, encode_canonical};

fn canonical<T: Serialize + 'static>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    let mut files = |_: &Path| Err(CodecError::custom("no files here"));
    encode_canonical(value, &mut files, &mut |bytes| out.extend_from_slice(bytes)).unwrap();
    out
}

fn plain<T: Serialize + 'static>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    encode(value, &mut out).unwrap();
    out
}

/// The same map, put together in another order and with another hasher.
fn rebuilt<V: Clone>(map: &HashMap<String, V>) -> HashMap<String, V> {
    let mut entries: Vec<_> = map.clone().into_iter().collect();
    entries.reverse();
    entries.into_iter().collect()
}

proptest! {
    #[test]
    fn the_order_of_a_map_is_not_seen(
        map in proptest::collection::hash_map(".{0,4}", ".{0,9}", 0..40),
    ) {
        let bytes = canonical(&map);
        prop_assert_eq!(&bytes, &canonical(&rebuilt(&map)));
        prop_assert_eq!(bytes.len(), plain(&map).len());
        let mut changed = map.clone();
        changed.insert("another key".to_owned(), String::new());
        prop_assert_ne!(bytes, canonical(&changed));
    }

    #[test]
    fn what_has_no_maps_is_encoded_as_ever(
        value in any::<(u64, String, Vec<(i32, Option<f64>)>, Vec<u8>)>(),
    ) {
        prop_assert_eq!(canonical(&value), plain(&value));
    }
}

#[test]
fn maps_within_maps_are_put_in_order_too() {
    let inner = |shift: u32| -> HashMap<u32, Vec<String>> {
        let numbers = (0..50).map(|number| (number + shift) % 50);
        numbers
            .map(|number| (number, vec![number.to_string(); 3]))
            .collect()
    };
    let outer = |shift: u32| -> HashMap<String, Vec<HashMap<u32, Vec<String>>>> {
        let numbers = (0..30).map(|number| (number + shift) % 30);
        numbers
            .map(|number| (number.to_string(), vec![inner(shift), inner(shift + 7)]))
            .collect()
    };
    assert_eq!(canonical(&outer(0)), canonical(&outer(11)));
    assert_ne!(plain(&outer(0)), plain(&outer(11)), "the test sees nothing");

    let mut sorted = BTreeMap::new();
    sorted.insert("b".to_owned(), 1_u8);
    sorted.insert("aa".to_owned(), 2);
    let hashed: HashMap<_, _> = sorted.clone().into_iter().collect();
    assert_eq!(canonical(&sorted), canonical(&hashed));
    // In order of encoded keys, where the shorter one goes first.
    assert_eq!(canonical(&sorted), [2, 1, b'b', 1, 2, b'a', b'a', 2]);
}

/// More than is gathered at once, in lists, maps and both.
#[test]
fn large_values_are_passed_on_in_pieces() {
    let list: Vec<u64> = (0..100_000).map(|number| number * 1_000_003).collect();
    let map: HashMap<u64, String> = list.iter().map(|key| (*key, "x".repeat(9))).collect();
    let rebuilt: HashMap<u64, String> =
        list.iter().rev().map(|key| (*key, "x".repeat(9))).collect();
    let value = |map: &HashMap<u64, String>| {
        (
            list.clone(),
            map.clone(),
            vec![vec![(); 9]; 9],
            list.clone(),
        )
    };
    assert_eq!(canonical(&list), plain(&list));
    assert_eq!(canonical(&value(&map)), canonical(&value(&rebuilt)));
    assert_eq!(canonical(&value(&map)).len(), plain(&value(&map)).len());
    let mut pieces = 0;
    let mut files = |_: &Path| Err(CodecError::custom("no files here"));
    encode_canonical(&list, &mut files, &mut |_| pieces += 1).unwrap();
    assert!(pieces > 5, "{pieces}");
    let bytes = vec![7_u8; 1 << 20];
    assert_eq!(canonical(&bytes), plain(&bytes));
}

#[test]
fn numbers_are_compared_by_their_bits() {
    assert_ne!(canonical(&0.0_f64), canonical(&-0.0_f64));
    assert_eq!(canonical(&f64::NAN), canonical(&f64::NAN));
    assert_ne!(canonical(&f64::NAN), canonical(&-f64::NAN));
}

#[derive(Clone)]
struct File(PathBuf);

impl Serialize for File {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(FILE, &self.0)
    }
}

#[test]
fn a_file_is_what_it_holds() {
    let one = vec![Some(File("a".into())), None, Some(File("b".into()))];
    let mut out = Vec::new();
    let mut seen = Vec::new();
    let mut files = |path: &Path| {
        seen.push(path.to_owned());
        Ok([seen.len() as u8; 32])
    };
    encode_canonical(&one, &mut files, &mut |bytes| out.extend_from_slice(bytes)).unwrap();
    let expected = [&[3, 1][..], &[1; 32], &[0, 1], &[2; 32]].concat();
    assert_eq!(out, expected);
    assert_eq!(seen, [PathBuf::from("a"), PathBuf::from("b")]);
    assert_eq!(plain(&one), [3, 1, 1, b'a', 0, 1, 1, b'b']);

    let mut missing = |_: &Path| Err(CodecError::custom("it is not there"));
    let error = encode_canonical(&one, &mut missing, &mut |_| {}).unwrap_err();
    assert_eq!(
        error.kind(),
        &CodecErrorKind::Custom("it is not there".to_owned())
    );
}
