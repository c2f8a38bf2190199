//! Bytes that claim what they do not hold are refused before they cost anything.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{CodecErrorKind, MOST_EMPTY_ELEMENTS, decode, encode};

/// Four billion, in five bytes.
const BILLIONS: [u8; 5] = [0xff, 0xff, 0xff, 0xff, 0x0f];

/// The largest count there is, in ten bytes.
const LARGEST: [u8; 10] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];

#[derive(Debug, Default, Serialize, Deserialize)]
struct List {
    value: u8,
    rest: Option<Box<List>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Tree {
    children: Vec<Tree>,
}

#[track_caller]
fn refused<T: DeserializeOwned + 'static>(bytes: &[u8]) -> CodecErrorKind {
    let begun = Instant::now();
    let Err(error) = decode::<T>(bytes) else {
        panic!("it was decoded");
    };
    // What a count of billions costs are minutes; the limit is for a machine that is busy.
    assert!(begun.elapsed() < Duration::from_secs(5));
    error.kind().clone()
}

fn claims(front: &[u8], count: &[u8], behind: &[u8]) -> Vec<u8> {
    [front, count, behind].concat()
}

#[test]
fn a_count_beyond_the_bytes_is_refused() {
    for count in [&BILLIONS[..], &LARGEST] {
        let is_count = |kind| matches!(kind, CodecErrorKind::Count { left: 2, .. });
        let bytes = claims(&[], count, &[0, 0]);
        assert!(is_count(refused::<Vec<()>>(&bytes)));
        assert!(is_count(refused::<Vec<u8>>(&bytes)));
        assert!(is_count(refused::<Vec<u64>>(&bytes)));
        assert!(is_count(refused::<String>(&bytes)));
        assert!(is_count(refused::<HashMap<u8, u8>>(&bytes)));
        assert!(is_count(refused::<BTreeMap<(), ()>>(&bytes)));
        assert!(is_count(refused::<HashSet<()>>(&bytes)));
        assert!(is_count(refused::<Vec<Vec<()>>>(&claims(
            &[1],
            count,
            &[0, 0]
        ))));
        assert!(is_count(refused::<(Vec<()>, Vec<()>)>(&claims(
            &[0],
            count,
            &[0, 0]
        ))));
        assert!(is_count(refused::<Option<[Vec<()>; 2]>>(&claims(
            &[1, 0],
            count,
            &[0, 0]
        ))));
        assert!(is_count(refused::<BTreeMap<u8, Vec<()>>>(&claims(
            &[1, 7],
            count,
            &[0, 0]
        ))));
    }
}

#[test]
fn many_small_claims_of_units_are_one_large_one() {
    // Each inner count is allowed by itself: three bytes for half of what is allowed in all.
    let mut half = Vec::new();
    encode(&(MOST_EMPTY_ELEMENTS / 2), &mut half).unwrap();
    let mut bytes = Vec::new();
    encode(&1000_u32, &mut bytes).unwrap();
    bytes.extend(half.repeat(1000));
    let kind = refused::<Vec<Vec<()>>>(&bytes);
    assert!(matches!(kind, CodecErrorKind::Count { .. }), "{kind:?}");

    // Counts that the bytes behind them could hold show only when the elements turn out empty.
    let mut outer = Vec::new();
    encode(&2000_u32, &mut outer).unwrap();
    let mut inner = Vec::new();
    encode(&1000_u32, &mut inner).unwrap();
    let bytes = claims(&outer, &inner.repeat(2000), &[0; 1000]);
    assert_eq!(
        refused::<Vec<Vec<()>>>(&bytes),
        CodecErrorKind::TooManyEmptyElements
    );
    let maps = refused::<Vec<BTreeMap<(), ()>>>(&bytes);
    assert_eq!(maps, CodecErrorKind::TooManyEmptyElements);
}

#[test]
fn bytes_that_claim_to_be_nested_do_not_overflow_the_stack() {
    // As much as a thread has that Rust starts, half of it left for what calls.
    let run = || {
        let list: Vec<u8> = [1, 1].repeat(1 << 20);
        assert_eq!(refused::<List>(&list), CodecErrorKind::TooDeep);
        assert_eq!(refused::<Tree>(&vec![1; 1 << 20]), CodecErrorKind::TooDeep);
        assert_eq!(
            refused::<Vec<Tree>>(&vec![1; 1 << 20]),
            CodecErrorKind::TooDeep
        );
        let deep = (0..100_000).fold(List::default(), |rest, _| List {
            value: 1,
            rest: Some(Box::new(rest)),
        });
        let error = encode(&deep, &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), &CodecErrorKind::TooDeep);
        // Dropped link by link, since dropping is as deep as the list.
        let mut rest = deep.rest;
        while let Some(mut link) = rest {
            rest = link.rest.take();
        }
    };
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(run);
    thread.unwrap().join().unwrap();
}

#[test]
fn nothing_is_left_over() {
    let left_over = CodecErrorKind::TrailingBytes { count: 2 };
    assert_eq!(refused::<u8>(&[1, 2, 3]), left_over);
    assert_eq!(refused::<()>(&[1, 2]), left_over);
    assert_eq!(refused::<Vec<u8>>(&[1, 2, 3, 4]), left_over);
    assert_eq!(refused::<String>(&[1, b'a', 3, 4]), left_over);
    let error = decode::<Vec<u8>>(&[1, 2, 3, 4]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "at byte 2: 2 bytes are left over behind the value"
    );
}

#[test]
fn an_error_says_in_which_field_and_at_which_byte() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Grid {
        rows: u32,
        names: Vec<String>,
    }
    #[derive(Debug, Serialize, Deserialize)]
    enum Model {
        Coarse { grid: Grid },
    }
    let error = decode::<Model>(&[0, 5, 1, 3, b'a']).unwrap_err();
    assert_eq!(error.field().as_deref(), Some("grid.names"));
    assert_eq!(
        error.to_string(),
        "in field `grid.names`, at byte 4: a count of 3 elements where 1 bytes are left"
    );
}

/// What collections are told to expect, which they reserve.
#[test]
fn nothing_is_reserved_for_what_is_only_claimed() {
    struct Expected(Option<usize>);

    impl<'de> Deserialize<'de> for Expected {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Look;

            impl<'de> serde::de::Visitor<'de> for Look {
                type Value = Expected;

                fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    formatter.write_str("a sequence")
                }

                fn visit_seq<A: serde::de::SeqAccess<'de>>(
                    self,
                    mut elements: A,
                ) -> Result<Expected, A::Error> {
                    let expected = elements.size_hint();
                    while elements.next_element::<()>()?.is_some() {}
                    Ok(Expected(expected))
                }
            }

            deserializer.deserialize_seq(Look)
        }
    }

    let mut million = Vec::new();
    encode(&1_000_000_u32, &mut million).unwrap();
    let (expected, _) = decode::<(Expected, u8)>(&claims(&[], &million, &[0])).unwrap();
    assert_eq!(expected.0, Some(1));
}
