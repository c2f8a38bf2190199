//! Folders that are something else, and disks that cannot be written to.

use std::error::Error;
use std::process::Command;

use super::super::error::OpenError;
use super::super::writer::Job;
use super::*;

#[test]
fn another_format_is_refused_and_left_alone() {
    let place = Place::new();
    fs::create_dir(place.cache()).unwrap();
    fs::write(place.cache().join("format"), "chiltepin cache 2\n").unwrap();
    let error = Store::open(&place.settings()).err().unwrap();
    assert!(matches!(&error, OpenError::OtherFormat { found, .. } if found == "chiltepin cache 2"));
    let text = error.to_string();
    assert!(
        text.contains("`chiltepin cache 2`") && text.contains("`chiltepin cache 1`"),
        "{text}"
    );
    assert_eq!(
        fs::read_dir(place.cache()).unwrap().count(),
        1,
        "nothing was made"
    );
    fs::write(place.cache().join("format"), [0xff; 1000]).unwrap();
    assert!(
        Store::open(&place.settings())
            .err()
            .unwrap()
            .to_string()
            .len()
            < 600
    );
}

#[test]
fn a_folder_of_other_things_is_no_cache() {
    let place = Place::new();
    fs::create_dir(place.cache()).unwrap();
    fs::write(place.cache().join("thesis.tex"), "").unwrap();
    let error = Store::open(&place.settings()).err().unwrap();
    assert!(matches!(error, OpenError::NotACache { .. }));
    assert_eq!(fs::read_dir(place.cache()).unwrap().count(), 1);
}

#[test]
fn a_file_where_the_cache_should_be_keeps_nothing_and_says_so() {
    let place = Place::new();
    fs::write(place.cache(), b"").unwrap();
    let store = place.open();
    let trouble = store.trouble().unwrap();
    assert!(trouble.to_string().contains("nothing is kept"), "{trouble}");
    assert!(trouble.source().is_some());
    assert_eq!(keep(&store, entry(1, b"one")), Err(NotKept::ReadOnly));
    assert_eq!(value(&store, 1), None);
    assert_eq!(store.remove(&[key(1)]), Err(NotKept::ReadOnly));
    assert_eq!(store.prune(0), Err(NotKept::ReadOnly));
}

#[test]
fn a_folder_that_fails_later_keeps_nothing_more_and_still_finds() {
    let place = Place::new();
    keep(&place.open(), entry(1, b"one")).unwrap();
    let store = place.open();
    // The new pack cannot be made where a file stands; what is open stays readable.
    assert_eq!(value(&store, 1).unwrap(), b"one");
    let packs = place.cache().join("packs");
    fs::rename(&packs, place.cache().join("away")).unwrap();
    fs::write(&packs, b"").unwrap();
    assert_eq!(keep(&store, entry(2, b"two")), Err(NotKept::ReadOnly));
    assert!(store.trouble().is_some());
    assert_eq!(keep(&store, entry(3, b"three")), Err(NotKept::ReadOnly));
    assert_eq!(value(&store, 1).unwrap(), b"one");
}

/// A file system of its own, taken away at the end.
struct Mounted(PathBuf);

impl Mounted {
    fn new(place: &Place, options: &str) -> Option<Self> {
        let at = place.cache();
        fs::create_dir(&at).unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&at)
            .output();
        let mounted = mount.is_ok_and(|output| output.status.success());
        if !mounted {
            // Only root may, and not in every container.
            eprintln!("skipped: no file system can be mounted here");
        }
        mounted.then_some(Self(at))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_keeps_nothing_more_and_still_finds() {
    let place = Place::new();
    let Some(_mounted) = Mounted::new(&place, "size=64k") else {
        return;
    };
    let store = place.open();
    let kept = (0..100)
        .take_while(|number| keep(&store, entry(*number, &[7; 5000])).is_ok())
        .count();
    assert!((1..100).contains(&kept), "{kept}");
    assert_eq!(
        store.trouble().unwrap().source.raw_os_error(),
        Some(28),
        "no space left on device"
    );
    for (number, there) in (0..20).map(|number| (number, number < kept as u64)) {
        assert_eq!(value(&store, number).is_some(), there);
    }
    drop(store);
    assert_eq!(
        value(&place.open_elsewhere(), kept as u64 - 1).unwrap(),
        [7; 5000]
    );
}

#[test]
fn a_read_only_disk_is_read() {
    let place = Place::new();
    let Some(mounted) = Mounted::new(&place, "size=1m") else {
        return;
    };
    keep(&place.open(), entry(1, b"one")).unwrap();
    let again = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(&mounted.0)
        .status()
        .unwrap();
    assert!(again.success());
    let store = place.open_elsewhere();
    assert_eq!(
        store.trouble().unwrap().source.raw_os_error(),
        Some(30),
        "read-only file system"
    );
    assert_eq!(value(&store, 1).unwrap(), b"one");
    assert_eq!(keep(&store, entry(2, b"two")), Err(NotKept::ReadOnly));
}

#[test]
fn whoever_waits_is_told_when_the_thread_that_writes_panics() {
    let place = Place::new();
    let store = place.open();
    keep(&store, entry(1, b"one")).unwrap();
    // The thread is held while more is queued behind what makes it panic.
    let (release, held) = mpsc::channel::<()>();
    let (told, is_held) = mpsc::channel();
    store.put(entry(2, b"two"), move |_| {
        told.send(()).unwrap();
        let _ = held.recv();
    });
    is_held.recv().unwrap();
    let (reply, told) = mpsc::channel();
    assert!(store.send(Job::Panic).is_ok());
    for number in 3..6 {
        let reply = reply.clone();
        store.put(entry(number, b"more"), move |result| {
            reply.send(result).unwrap()
        });
    }
    drop((release, reply));
    let told: Vec<_> = told.iter().collect();
    assert_eq!(told, vec![Err(NotKept::ReadOnly); 3]);
    let trouble = store.trouble().unwrap().to_string();
    assert!(trouble.contains("nothing more is written"), "{trouble}");
    assert_eq!(keep(&store, entry(6, b"six")), Err(NotKept::ReadOnly));
    for (number, expected) in [(1, b"one"), (2, b"two")] {
        assert_eq!(value(&store, number).unwrap(), expected);
    }
}

#[test]
fn what_is_kept_is_found_before_it_is_in_the_index() {
    let place = Place::new();
    let store = place.open();
    let in_index = |number| {
        let place = store.shared.with_index(|index| index.locate(&key(number)));
        place.unwrap().is_some()
    };
    for number in 0..3 {
        keep(&store, entry(number, b"soon")).unwrap();
        assert_eq!(value(&store, number).unwrap(), b"soon");
    }
    let last = store.shared.pending.get(&key(2));
    assert!(last.is_some() || in_index(2));
    store.shared.catch_up();
    assert!(store.shared.pending.get(&key(2)).is_none());
    assert!((0..3).all(in_index));
}
