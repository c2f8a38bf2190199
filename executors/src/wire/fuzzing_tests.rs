//! The fuzz targets, on random bytes and on frames that were good before something was done to
//! them.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::{codec, examples, fuzzing, write_frame};

/// The frames of all examples, without their lengths.
fn frames() -> Vec<Vec<u8>> {
    let to_worker = examples::to_worker().into_iter().map(|one| one.frame());
    let from_worker = examples::from_worker().into_iter().map(|one| one.frame());
    to_worker
        .chain(from_worker)
        .map(|frame| frame[4..].to_vec())
        .collect()
}

/// What happens to bytes.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index),
    Cut(Index),
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(place, byte)| Change::Set(place, byte)),
        // Numbers that are large, in the form they have here.
        (any::<Index>(), 7_usize..64).prop_map(|(place, shift)| {
            let mut number = Vec::new();
            codec::encode(&(u64::MAX >> shift), &mut number).unwrap();
            Change::Insert(place, number)
        }),
        any::<Index>().prop_map(Change::Remove),
        any::<Index>().prop_map(Change::Cut),
    ]
}

pub(crate) fn changed(mut bytes: Vec<u8>, changes: Vec<Change>) -> Vec<u8> {
    for change in changes {
        let length = bytes.len();
        match change {
            Change::Set(place, byte) if length > 0 => bytes[place.index(length)] = byte,
            Change::Remove(place) if length > 0 => drop(bytes.remove(place.index(length))),
            Change::Set(..) | Change::Remove(_) => {}
            Change::Insert(place, number) => {
                let place = place.index(length + 1);
                bytes.splice(place..place, number);
            }
            Change::Cut(place) => bytes.truncate(place.index(length + 1)),
        }
    }
    bytes
}

/// A stream of frames of all sizes, the last of which may be cut, long, or garbage.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![0_usize..100, 0_usize..10_000, 120_000_usize..140_000];
    let end = prop_oneof![Just(Vec::new()), vec(any::<u8>(), 0..20)];
    (vec((length, any::<u8>()), 0..6), end).prop_map(|(frames, end)| {
        let mut stream = Vec::new();
        for (length, fill) in frames {
            write_frame(&mut stream, &length, &vec![fill; length]).unwrap();
        }
        stream.extend(end);
        stream
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..300)) {
        fuzzing::frames(&bytes);
        fuzzing::to_worker(&bytes);
        fuzzing::from_worker(&bytes);
        fuzzing::values(&bytes);
    }

    /// Small numbers make counts, variants and options that are right more often.
    #[test]
    fn small_bytes_are_read_or_refused(bytes in vec(0_u8..8, 0..60)) {
        fuzzing::to_worker(&bytes);
        fuzzing::from_worker(&bytes);
        for kind in 0..12 {
            let mut bytes = bytes.clone();
            bytes.insert(0, kind);
            fuzzing::values(&bytes);
        }
    }

    #[test]
    fn changed_messages_are_read_or_refused(
        frame in select(frames()),
        changes in vec(change(), 0..4),
    ) {
        let frame = changed(frame, changes);
        fuzzing::to_worker(&frame);
        fuzzing::from_worker(&frame);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_pieces_of_a_stream_give_the_same_frames(
        lengths in vec(any::<u8>(), 0..16),
        stream in stream(),
    ) {
        let mut input = vec![lengths.len() as u8];
        input.extend(lengths);
        input.extend(stream);
        fuzzing::frames(&input);
    }
}
