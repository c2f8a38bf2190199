//! Packs that change while the index is brought to where they are.

use super::super::catch_up::{catch_up, catch_up_with};
use super::super::clock::Clock;
use super::super::index::{Index, Read};
use super::super::row::Row;
use super::super::{frame, pack, record};
use super::*;

/// A pack with records, and an index in memory that knows nothing of it.
struct Growing {
    folder: TempDir,
    index: Index,
    bytes: Vec<u8>,
    rows: Vec<Row>,
}

const NAME: &str = "00000000000000000001-here-1-0000000000000001.pack";

impl Growing {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        Self {
            index: Index::in_memory(folder.path().to_path_buf()).unwrap(),
            folder,
            bytes: pack::VERSION.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Appends a record, as the thread that writes does; the index does not know of it yet.
    fn append(&mut self, number: u64) {
        let payload = record::entry(number + 1, &entry(number, b"x"), None).unwrap();
        let bytes = frame::frame(&payload).unwrap();
        let row = Row::of(self.bytes.len() as u64, bytes.len(), &payload).unwrap();
        self.rows.push(row);
        self.bytes.extend(bytes);
        fs::write(self.folder.path().join(NAME), &self.bytes).unwrap();
    }

    /// Puts the rows from `first` on into the index, as the thread that writes does.
    fn put_into_index(&self, first: usize) {
        let size = self.bytes.len() as u64;
        let read = Read {
            from: if first == 0 {
                0
            } else {
                self.rows[first].offset
            },
            upto: size,
            size,
        };
        self.index.add(NAME, read, &self.rows[first..]).unwrap();
    }

    fn catch_up(&self) {
        catch_up(&self.index, self.folder.path(), &Clock::default()).unwrap();
    }

    fn pack_number(&self, number: u64) -> Option<i64> {
        let place = self.index.locate(&key(number)).unwrap();
        place.map(|place| place.pack)
    }
}

#[test]
fn a_pack_that_grows_while_packs_are_listed_is_not_forgotten() {
    for is_new in [true, false] {
        let mut growing = Growing::new();
        if !is_new {
            growing.append(0);
            growing.put_into_index(0);
        }
        let before = growing.pack_number(0);
        let listed = pack::list(growing.folder.path()).unwrap();
        growing.append(1);
        let last = growing.rows.len() - 1;
        // Between the listing and what is made of it the new record comes into the index.
        let list = |_: &std::path::Path| {
            growing.put_into_index(last);
            Ok(listed)
        };
        let folder = growing.folder.path();
        catch_up_with(&growing.index, folder, &Clock::default(), list).unwrap();
        assert!(growing.pack_number(1).is_some(), "new: {is_new}");
        assert_eq!(growing.pack_number(0), before, "new: {is_new}");
    }
}

#[test]
fn what_stands_before_a_record_is_read_again_when_its_pack_was_forgotten() {
    let mut growing = Growing::new();
    growing.append(0);
    growing.put_into_index(0);
    growing.index.forget_pack(NAME).unwrap();
    growing.append(1);
    growing.put_into_index(1);
    assert_eq!(growing.pack_number(0), None);
    growing.catch_up();
    assert!(growing.pack_number(0).is_some());
    // The same of one that is read anew by another thread or process at this moment.
    growing.index.forget_progress().unwrap();
    growing.append(2);
    growing.put_into_index(2);
    let [known] = &growing.index.known().unwrap()[..] else {
        panic!("one pack")
    };
    assert_eq!((known.scanned, known.size), (0, 0));
}

#[test]
fn rows_that_follow_on_one_another_are_not_read_again() {
    let mut growing = Growing::new();
    for number in 0..3 {
        growing.append(number);
        growing.put_into_index(number as usize);
    }
    let [known] = &growing.index.known().unwrap()[..] else {
        panic!("one pack")
    };
    let size = growing.bytes.len() as u64;
    assert_eq!((known.scanned, known.size), (size, size));
}

#[test]
fn a_stores_own_pack_is_known_to_its_end() {
    let place = Place::new();
    let store = place.open();
    for number in 0..3 {
        keep(&store, entry(number, b"kept")).unwrap();
        // The index is written in between.
        store.shared.catch_up();
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(store);
    let store = place.open();
    let known = store.shared.with_index(Index::known).unwrap();
    let size = fs::metadata(&place.packs()[0]).unwrap().len();
    assert_eq!((known[0].scanned, known[0].size), (size, size));
}
