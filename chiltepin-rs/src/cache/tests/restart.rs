//! An index that was written before the machine stopped.

use super::super::index::Index;
use super::super::{boot, catch_up, clock::Clock};
use super::*;

/// The index as after the machine has started again, with the packs read.
fn after_restart(place: &Place) -> Index {
    let settings = place.settings();
    let index = Index::open(&settings.index_folder, &settings.folder, "another start").unwrap();
    let packs = settings.folder.join("packs");
    catch_up::catch_up(&index, &packs, &Clock::default()).unwrap();
    index
}

fn file(place: &Place) -> PathBuf {
    let files = fs::read_dir(place.settings().index_folder).unwrap();
    let mut paths = files.map(|entry| entry.unwrap().path());
    paths
        .find(|path| path.extension().is_some_and(|extension| extension == "db"))
        .unwrap()
}

fn there(index: &Index) -> Vec<bool> {
    (0..100)
        .map(|number| {
            let place = index.locate(&key(number)).unwrap();
            place.is_some_and(|place| !place.removed)
        })
        .collect()
}

#[test]
fn what_was_lost_with_the_machine_is_read_again_from_the_packs() {
    let place = Place::new();
    let store = place.open();
    for number in 0..100 {
        keep(&store, entry(number, b"kept")).unwrap();
    }
    store.remove(&[key(7)]).unwrap();
    drop(store);
    let connection = rusqlite::Connection::open(file(&place)).unwrap();
    // How far packs were read came to the disk, and what was read did not.
    connection
        .execute_batch(
            "DELETE FROM entry WHERE key < x'80'; DELETE FROM about;
             UPDATE entry SET used = 1000000000000000000, pack = pack + 1",
        )
        .unwrap();
    drop(connection);
    let index = after_restart(&place);
    let expected: Vec<_> = (0..100).map(|number| number != 7).collect();
    assert_eq!(there(&index), expected);
    let used = (0..100).filter_map(|number| index.locate(&key(number)).unwrap());
    let used = used.filter(|place| place.used == 1_000_000_000_000_000_000);
    assert!((20..80).contains(&used.count()), "when it was used is kept");
    drop(index);
    let store = place.open();
    assert_eq!(value(&store, 99).unwrap(), b"kept");
    assert_eq!(store.list(&Default::default()).len(), 99);
}

#[test]
fn an_index_that_is_not_sound_after_a_restart_is_made_anew() {
    let place = Place::new();
    let store = place.open();
    for number in 0..100 {
        keep(&store, entry(number, b"kept")).unwrap();
    }
    drop(store);
    let file = file(&place);
    let mut bytes = fs::read(&file).unwrap();
    let pages = bytes.len() / 4096;
    assert!(pages > 8, "{pages}");
    // A page that never came to the disk: where the tables are is told by the first, which did.
    bytes[(pages - 1) * 4096..].fill(0);
    fs::write(&file, bytes).unwrap();
    assert_eq!(there(&after_restart(&place)), [true; 100]);
}

#[test]
fn within_one_start_of_the_machine_nothing_is_read_again() {
    let place = Place::new();
    keep(&place.open(), entry(1, b"kept")).unwrap();
    let settings = place.settings();
    let open = |boot: &str| {
        let index = Index::open(&settings.index_folder, &settings.folder, boot).unwrap();
        index.known().unwrap()
    };
    let known = open(&boot::current());
    assert!(known[0].scanned > 100);
    assert_eq!(open(&boot::current()), known);
    assert_eq!(open("another start"), []);
}
