//! Values that give their memory, and values that take it.

use bytes::Bytes;

use super::{decode, decode_owned, encode, encode_owned};

const LARGE: usize = 1 << 20;

fn bytes() -> Vec<u8> {
    (0..LARGE).map(|at| (at % 251) as u8).collect()
}

#[test]
fn a_large_vector_of_bytes_is_encoded_within_its_memory() {
    let mut plain = Vec::new();
    encode(&bytes(), &mut plain).unwrap();
    let mut value = bytes();
    value.reserve(16);
    let memory = value.as_ptr();
    let mut owned = Vec::new();
    encode_owned(value, &mut owned).unwrap();
    assert_eq!(owned, plain);
    assert_eq!(owned.as_ptr(), memory);
}

#[test]
fn behind_something_else_it_is_copied() {
    let mut plain = vec![1, 2];
    encode(&bytes(), &mut plain).unwrap();
    let mut owned = vec![1, 2];
    encode_owned(bytes(), &mut owned).unwrap();
    assert_eq!(owned, plain);
}

#[test]
fn a_large_vector_of_bytes_takes_the_memory_that_it_is_decoded_from() {
    let mut encoded = Vec::new();
    encode(&bytes(), &mut encoded).unwrap();
    let memory = encoded.as_ptr();
    let decoded: Vec<u8> = decode_owned(encoded.into()).unwrap();
    assert_eq!(decoded, bytes());
    assert_eq!(decoded.as_ptr(), memory);
}

#[test]
fn what_somebody_else_has_is_left_to_him() {
    let mut encoded = Vec::new();
    encode(&bytes(), &mut encoded).unwrap();
    let encoded = Bytes::from(encoded);
    let decoded: Vec<u8> = decode_owned(encoded.clone()).unwrap();
    assert_eq!(decoded, bytes());
    assert_eq!(decode::<Vec<u8>>(&encoded).unwrap(), bytes());
}

#[test]
fn other_values_are_as_without_it() {
    let value: Vec<u64> = (0..20_000).collect();
    let (mut plain, mut owned) = (Vec::new(), Vec::new());
    encode(&value, &mut plain).unwrap();
    encode_owned(value.clone(), &mut owned).unwrap();
    assert_eq!(owned, plain);
    assert_eq!(decode_owned::<Vec<u64>>(owned.into()).unwrap(), value);
    let mut longer = plain;
    longer.push(0);
    assert!(decode_owned::<Vec<u64>>(longer.into()).is_err());
    let mut longer = Vec::new();
    encode(&bytes(), &mut longer).unwrap();
    longer.push(0);
    assert!(decode_owned::<Vec<u8>>(longer.into()).is_err());
}
