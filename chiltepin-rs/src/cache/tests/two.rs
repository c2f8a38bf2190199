//! Several drivers on one cache.

use super::*;

#[test]
fn drivers_find_what_the_other_keeps_and_removes() {
    for elsewhere in [false, true] {
        let place = Place::new();
        let one = place.open();
        let two = if elsewhere {
            place.open_elsewhere()
        } else {
            place.open()
        };
        keep(&one, entry(1, b"one")).unwrap();
        assert_eq!(value(&two, 1).unwrap(), b"one");
        keep(&two, entry(2, b"two")).unwrap();
        assert_eq!(value(&one, 2).unwrap(), b"two");
        two.remove(&[key(1)]).unwrap();
        one.list(&Default::default());
        assert_eq!(value(&one, 1), None, "removed by the other");
        keep(&one, entry(1, b"one")).unwrap();
        two.list(&Default::default());
        assert_eq!(value(&two, 1).unwrap(), b"one", "and kept again");
        drop((one, two));
        for store in [place.open(), place.open_elsewhere()] {
            assert_eq!(value(&store, 1).unwrap(), b"one");
            assert_eq!(value(&store, 2).unwrap(), b"two");
        }
    }
}

#[test]
fn other_drivers_packs_are_looked_at_once_a_while() {
    let place = Place::new();
    let mut settings = place.settings();
    settings.catch_up_every = Duration::from_millis(300);
    settings.index_folder = place.folder.path().join("another index");
    let one = place.open();
    let two = Store::open(&settings).unwrap();
    keep(&one, entry(1, b"one")).unwrap();
    assert_eq!(value(&two, 1), None, "not for each key that is not found");
    std::thread::sleep(Duration::from_millis(350));
    assert_eq!(value(&two, 1).unwrap(), b"one");
}

#[test]
fn what_is_kept_after_a_find_holds_though_the_clock_is_behind() {
    let place = Place::new();
    // Opened first: who opens a store sees the latest stamp in it.
    let behind = place.open();
    let ahead = place.open();
    let now = super::super::record::nanoseconds(SystemTime::now());
    ahead.shared.clock.observe(now + (1 << 50));
    keep(&ahead, entry(1, b"before")).unwrap();
    drop(ahead);
    assert_eq!(value(&behind, 1).unwrap(), b"before");
    keep(&behind, entry(1, b"after")).unwrap();
    drop(behind);
    assert_eq!(value(&place.open(), 1).unwrap(), b"after");
    assert_eq!(value(&place.open_elsewhere(), 1).unwrap(), b"after");
}

#[test]
fn many_threads_and_two_drivers_keep_and_find() {
    let place = Place::new();
    let stores = [place.open(), place.open(), place.open_elsewhere()];
    std::thread::scope(|scope| {
        for (number, store) in stores.iter().enumerate() {
            for thread in 0..3 {
                scope.spawn(move || {
                    for task in 0..50 {
                        let number = (number * 3 + thread) as u64 * 1000 + task;
                        keep(store, entry(number, &number.to_le_bytes())).unwrap();
                        assert_eq!(value(store, number).unwrap(), number.to_le_bytes());
                    }
                });
            }
        }
    });
    for store in &stores {
        for number in (0..9).flat_map(|thread| (0..50).map(move |task| thread * 1000 + task)) {
            assert_eq!(value(store, number).unwrap(), number.to_le_bytes());
        }
    }
    assert_eq!(place.packs().len(), 3);
}
