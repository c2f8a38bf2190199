//! What is said about one key, in whatever order it is read.

use proptest::prelude::*;

use super::super::index::{Index, Read};
use super::super::record;
use super::super::row::Row;
use super::*;

/// A record in one of a few packs: of a key, with a stamp, an entry or a tombstone.
type Said = (u8, u64, u64, bool);

fn row(place: usize, (_, number, stamp, is_entry): Said) -> Row {
    let payload = if is_entry {
        record::entry(stamp, &entry(number, b"x"), None)
    } else {
        record::tombstone(stamp, key(number))
    };
    Row::of(place as u64, 10, &payload.unwrap()).unwrap()
}

/// For each key the stamp that holds and whether it is a tombstone, as an index has it that
/// reads the records in this order.
fn merged(said: &[(usize, Said)]) -> Vec<Option<(u64, bool)>> {
    let index = Index::in_memory(PathBuf::new()).unwrap();
    for (place, said) in said {
        index
            .add(
                &format!("pack {}", said.0),
                Read::some(0),
                &[row(*place, *said)],
            )
            .unwrap();
    }
    (0..3)
        .map(|number| {
            let place = index.locate(&key(number)).unwrap()?;
            Some((place.stamp, place.removed))
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn the_later_holds_in_whatever_order_packs_are_read(
        said in prop::collection::vec((0..3_u8, 0..3_u64, 0..6_u64, any::<bool>()), 0..12),
        seed in any::<u64>(),
    ) {
        let mut said: Vec<(usize, Said)> = said.into_iter().enumerate().collect();
        let expected: Vec<_> = (0..3)
            .map(|number| {
                said.iter()
                    .filter(|(_, said)| said.1 == number)
                    .map(|(_, said)| (said.2, !said.3))
                    .max()
            })
            .collect();
        prop_assert_eq!(merged(&said), expected.clone());
        said.sort_by_key(|(place, _)| blake3::hash(&(seed ^ *place as u64).to_le_bytes()).to_hex());
        prop_assert_eq!(merged(&said), expected);
    }
}
