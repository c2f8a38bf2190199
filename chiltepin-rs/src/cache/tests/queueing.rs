//! What waits for the thread that writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::*;

/// A store whose thread that writes waits until the sender is dropped.
fn held(store: &Arc<Store>, then: impl FnOnce(&Store) + Send + 'static) -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel::<()>();
    let (told, is_held) = mpsc::channel();
    let same = Arc::clone(store);
    store.put(entry(1_000_000, b"held"), move |_| {
        told.send(()).unwrap();
        let _ = held.recv();
        then(&same);
    });
    is_held.recv().unwrap();
    release
}

#[test]
fn a_large_value_is_written_by_who_puts_it() {
    let place = Place::new();
    let store = Arc::new(place.open());
    let release = held(&store, |_| {});
    let (reply, kept) = mpsc::channel();
    let large = vec![7; 1_000_000];
    store.put(entry(1, &large), move |result| reply.send(result).unwrap());
    assert_eq!(
        place.objects().len(),
        1,
        "while the thread that writes is busy"
    );
    assert!(kept.try_recv().is_err(), "its record is not there yet");
    drop(release);
    kept.recv().unwrap().unwrap();
    assert_eq!(value(&store, 1).unwrap(), large);
}

#[test]
fn who_puts_waits_while_too_much_is_queued() {
    let place = Place::new();
    let store = Arc::new(place.open());
    // Its own callbacks wait for nobody, or all would wait for ever.
    let release = held(&store, |store| store.put(entry(2_000_000, b"own"), |_| {}));
    let count = 1300;
    let handed = AtomicUsize::new(0);
    let (reply, kept) = mpsc::channel();
    std::thread::scope(|scope| {
        let (store, handed) = (&store, &handed);
        scope.spawn(move || {
            for number in 0..count {
                let reply = reply.clone();
                let entry = entry(number as u64, &[number as u8; 64 << 10]);
                store.put(entry, move |result| reply.send(result).unwrap());
                handed.fetch_add(1, Ordering::Relaxed);
            }
        });
        let start = Instant::now();
        let mut before = 0;
        // Until nothing more is handed over, which a slow machine takes its time for.
        while start.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(300));
            let now = handed.load(Ordering::Relaxed);
            if now > 0 && now == before {
                break;
            }
            before = now;
        }
        assert!((900..1100).contains(&before), "{before}");
        drop(release);
    });
    assert_eq!(kept.iter().filter(Result::is_ok).count(), count);
    assert_eq!(value(&store, 1299).unwrap().len(), 64 << 10);
}
