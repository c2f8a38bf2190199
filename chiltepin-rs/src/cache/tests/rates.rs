//! How fast it is: `cargo test --release -p chiltepin-rs --lib cache::tests::rates -- --ignored --nocapture`.

use std::time::Instant;

use super::*;

#[test]
#[ignore = "measures"]
fn rates() {
    let place = Place::new();
    let store = place.open();
    let chain = 200;
    let start = Instant::now();
    for number in 0..chain {
        keep(&store, entry(number, &[1; 100])).unwrap();
    }
    let each = start.elapsed() / chain as u32;
    println!("put, one at a time: {each:?} each");
    println!("append and fdatasync alone: {:?} each", raw(&place, chain));

    for count in [100_000, 1_000_000] {
        let start = Instant::now();
        let (reply, kept) = mpsc::channel();
        for number in 0..count {
            let reply = reply.clone();
            store.put(entry(number, &[1; 100]), move |result| {
                reply.send(result).unwrap()
            });
        }
        let handed = start.elapsed();
        drop(reply);
        assert_eq!(kept.iter().filter(Result::is_ok).count() as u64, count);
        let each = start.elapsed() / count as u32;
        println!(
            "put, {count} at once: {each:?} each, {:?} in the caller",
            handed / count as u32
        );
        // The rows of the last few are not in the index yet.
        std::thread::sleep(Duration::from_secs(1));
        for round in ["cold", "warm"] {
            let keys: Vec<CacheKey> = (0..100_000).map(|at| key(at * count / 100_000)).collect();
            let start = Instant::now();
            assert!(keys.iter().all(|key| store.get(key).is_some()));
            let rate = keys.len() as f64 / start.elapsed().as_secs_f64();
            println!("get, {round}, 100,000 keys of {count}: {rate:.0}/s");
        }
    }
    let start = Instant::now();
    let there = (2_000_000..2_100_000).filter(|number| store.get(&key(*number)).is_some());
    assert_eq!(there.count(), 0);
    println!(
        "get, not there: {:?} each, with making the key",
        start.elapsed() / 100_000
    );
    drop(store);

    let start = Instant::now();
    let store = place.open();
    println!("open, 1,000,000 entries: {:?}", start.elapsed());
    assert!(value(&store, 999_999).is_some());
    let start = Instant::now();
    place.open_elsewhere();
    println!(
        "open, 1,000,000 entries, index made anew: {:?}",
        start.elapsed()
    );
}

/// The same disk without a store.
fn raw(place: &Place, count: u64) -> Duration {
    use std::io::Write;
    let mut file = fs::File::create(place.folder.path().join("raw")).unwrap();
    let start = Instant::now();
    for _ in 0..count {
        file.write_all(&[1; 320]).unwrap();
        file.sync_data().unwrap();
    }
    start.elapsed() / count as u32
}
