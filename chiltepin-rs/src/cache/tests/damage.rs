//! Packs of drivers that were killed, and disks that forget.

use super::super::pack;
use super::*;

/// A cache with five results in one pack.
fn five() -> (Place, PathBuf) {
    let place = Place::new();
    let store = place.open();
    for number in 0..5 {
        keep(&store, entry(number, format!("value {number}").as_bytes())).unwrap();
    }
    drop(store);
    let [pack] = &place.packs()[..] else {
        panic!("one pack")
    };
    let pack = pack.clone();
    (place, pack)
}

fn found(store: &Store) -> Vec<u64> {
    (0..5)
        .filter(|number| {
            let value = value(store, *number);
            assert!(value.is_none() || value == Some(format!("value {number}").into_bytes()));
            value.is_some()
        })
        .collect()
}

#[test]
fn a_driver_killed_while_it_writes_loses_only_what_was_not_whole() {
    let (place, pack) = five();
    let whole = fs::read(&pack).unwrap();
    let mut ends = vec![];
    pack::read(&pack, 0, |offset, length, _| {
        ends.push(offset as usize + length)
    })
    .unwrap();
    for cut in (0..whole.len()).step_by(11).chain(ends.clone()) {
        fs::write(&pack, &whole[..cut]).unwrap();
        fs::remove_dir_all(place.folder.path().join("index")).unwrap();
        let expected: Vec<u64> = (0..5)
            .filter(|number| ends[*number as usize] <= cut)
            .collect();
        assert_eq!(found(&place.open()), expected, "cut at {cut}");
    }
}

#[test]
fn a_pack_that_shrinks_under_the_index_is_read_again() {
    let (place, pack) = five();
    let whole = fs::read(&pack).unwrap();
    fs::write(&pack, &whole[..whole.len() - 1]).unwrap();
    assert_eq!(found(&place.open()), [0, 1, 2, 3]);
    fs::write(&pack, &whole).unwrap();
    assert_eq!(
        found(&place.open()),
        [0, 1, 2, 3, 4],
        "and when the rest arrives after all"
    );
}

#[test]
fn a_damaged_record_is_dropped_and_kept_anew() {
    let (place, pack) = five();
    let mut bytes = fs::read(&pack).unwrap();
    let at = bytes
        .windows(7)
        .position(|part| part == b"value 2")
        .unwrap();
    bytes[at] ^= 0x20;
    fs::write(&pack, &bytes).unwrap();
    let store = place.open();
    assert_eq!(
        found(&store),
        [0, 1, 3, 4],
        "through an index that knew it sound"
    );
    assert_eq!(
        found(&place.open_elsewhere()),
        [0, 1, 3, 4],
        "through a new one"
    );
    keep(&store, entry(2, b"value 2")).unwrap();
    assert_eq!(found(&store), [0, 1, 2, 3, 4]);
    assert_eq!(found(&place.open_elsewhere()), [0, 1, 2, 3, 4]);
}

#[test]
fn a_damaged_object_is_removed_and_computed_anew() {
    let place = Place::new();
    let store = place.open();
    let large = vec![7; 1 << 20];
    for damage in 0..3 {
        keep(&store, entry(1, &large)).unwrap();
        assert_eq!(value(&store, 1).as_ref(), Some(&large));
        let [object] = &place.objects()[..] else {
            panic!("one object")
        };
        let mut content = fs::read(object).unwrap();
        match damage {
            0 => content.truncate(content.len() - 1),
            1 => content[8] ^= 1,
            _ => content = zstd::encode_all(&vec![8; 1 << 20][..], 1).unwrap(),
        }
        fs::write(object, content).unwrap();
        assert_eq!(value(&store, 1), None);
        assert_eq!(place.objects().len(), 0);
    }
}

#[test]
fn an_index_that_is_not_one_is_made_anew() {
    let (place, _) = five();
    let folder = place.folder.path().join("index");
    for content in [&b"not a database"[..], &[0; 8192], b""] {
        for file in fs::read_dir(&folder).unwrap() {
            fs::write(file.unwrap().path(), content).unwrap();
        }
        assert_eq!(found(&place.open()), [0, 1, 2, 3, 4]);
    }
    let database = fs::read_dir(&folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    rusqlite::Connection::open(&database)
        .unwrap()
        .execute_batch("DROP TABLE entry")
        .unwrap();
    assert_eq!(found(&place.open()), [0, 1, 2, 3, 4]);
}

#[test]
fn an_index_that_fails_while_it_is_used_is_replaced() {
    let (place, _) = five();
    let store = place.open();
    let folder = place.folder.path().join("index");
    for file in fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "db") {
            rusqlite::Connection::open(path)
                .unwrap()
                .execute_batch("DROP TABLE entry")
                .unwrap();
        }
    }
    assert_eq!(found(&store), [0, 1, 2, 3, 4]);
    keep(&store, entry(9, b"nine")).unwrap();
    assert_eq!(value(&store, 9).unwrap(), b"nine");
}

#[test]
fn without_a_disk_for_it_the_index_is_in_memory() {
    let (place, _) = five();
    let mut settings = place.settings();
    settings.index_folder = place.folder.path().join("file");
    fs::write(&settings.index_folder, b"").unwrap();
    let store = Store::open(&settings).unwrap();
    assert_eq!(found(&store), [0, 1, 2, 3, 4]);
    keep(&store, entry(9, b"nine")).unwrap();
    assert_eq!(value(&store, 9).unwrap(), b"nine");
    assert!(store.trouble().is_none());
}
