//! Packs cut, flipped and made of random bytes: never a panic, never a wrong record.

use proptest::prelude::*;

use super::super::frame::{self, Next};
use super::super::{pack, record};
use super::*;

/// The frames in bytes, as their payloads.
fn frames(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut at = 0;
    loop {
        match frame::next(bytes, at, true) {
            Next::Whole { payload, end } => {
                found.push(payload.to_vec());
                assert!(end > at);
                at = end;
            }
            Next::Damaged { end } => {
                assert!(end > at);
                at = end;
            }
            Next::More { .. } => panic!("the bytes are complete"),
            Next::End | Next::Torn | Next::Broken => return found,
        }
    }
}

fn payloads() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 1..8)
}

fn written(payloads: &[Vec<u8>]) -> Vec<u8> {
    payloads
        .iter()
        .flat_map(|payload| frame::frame(payload).unwrap())
        .collect()
}

proptest! {
    #[test]
    fn a_pack_cut_anywhere_gives_the_frames_before_the_cut(payloads in payloads()) {
        let bytes = written(&payloads);
        for cut in 0..=bytes.len() {
            let found = frames(&bytes[..cut]);
            let mut end = 0;
            let whole = payloads
                .iter()
                .take_while(|payload| { end += frame::HEADER + payload.len(); end <= cut })
                .count();
            prop_assert_eq!(&found[..], &payloads[..whole]);
        }
    }

    #[test]
    fn a_flipped_bit_loses_records_and_changes_none(payloads in payloads(), place in any::<prop::sample::Index>()) {
        let mut bytes = written(&payloads);
        let bit = place.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let found = frames(&bytes);
        let mut rest = payloads.iter();
        for payload in &found {
            prop_assert!(rest.any(|known| known == payload), "not what was written");
        }
        let mut end = 0;
        let before = payloads
            .iter()
            .take_while(|payload| { end += frame::HEADER + payload.len(); end <= bit / 8 })
            .count();
        prop_assert_eq!(&found[..before], &payloads[..before], "what stands before is untouched");
        // Damage in a payload leaves the length, by which the next frame is found.
        let start: usize = payloads[..before].iter().map(|payload| frame::HEADER + payload.len()).sum();
        if bit / 8 >= start + 4 {
            prop_assert_eq!(found.len(), payloads.len() - 1);
        }
    }

    #[test]
    fn random_bytes_are_no_records(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        frames(&bytes);
        let _ = record::whole(&bytes);
        let _ = record::value(&Bytes::from(bytes));
    }

    #[test]
    fn a_record_is_read_as_it_was_written(number in any::<u32>(), value in prop::collection::vec(any::<u8>(), 0..100), cut in any::<prop::sample::Index>()) {
        let entry = Entry { upstream: vec![key(1), key(2)], ..entry(number.into(), &value) };
        let payload = Bytes::from(record::entry(7, &entry, None).unwrap());
        let (head, found) = record::value(&payload).unwrap();
        prop_assert_eq!((head.stamp, head.key), (7, entry.key));
        prop_assert_eq!(found.unwrap(), &entry.value);
        let (_, tail) = record::whole(&payload).unwrap();
        let tail = tail.unwrap();
        prop_assert_eq!((tail.recipe, tail.upstream), (entry.recipe, entry.upstream));
        prop_assert_eq!((tail.run, tail.task), (entry.run, entry.task));
        prop_assert!(record::whole(&payload[..cut.index(payload.len())]).is_err());
        let mut longer = payload.to_vec();
        longer.push(0);
        prop_assert!(record::whole(&longer).is_err());
    }
}

#[test]
fn a_pack_is_read_in_windows_and_from_where_it_was_left() {
    let place = Place::new();
    let path = place.folder.path().join("a.pack");
    // Some larger than a window, some across the end of one.
    let payloads: Vec<Vec<u8>> = (1..40_usize)
        .map(|number| {
            vec![
                number as u8;
                if number % 9 == 0 {
                    5 << 20
                } else {
                    number * 30_000
                }
            ]
        })
        .collect();
    let mut bytes = pack::VERSION.to_vec();
    bytes.extend(written(&payloads));
    fs::write(&path, &bytes).unwrap();
    let mut found = Vec::new();
    let mut places = Vec::new();
    let seen = pack::read(&path, 0, |offset, length, payload| {
        places.push((offset, length));
        found.push(payload.to_vec());
    })
    .unwrap();
    assert!(found == payloads);
    assert_eq!(
        (seen.upto, seen.lost, seen.broken),
        (bytes.len() as u64, 0, false)
    );
    for ((offset, length), payload) in places.iter().zip(&payloads) {
        let frame = &bytes[*offset as usize..][..*length];
        assert_eq!(frame::payload(frame).unwrap(), payload);
    }
    let mut rest = 0;
    pack::read(&path, places[30].0, |_, _, _| rest += 1).unwrap();
    assert_eq!(rest, payloads.len() - 30);
}
