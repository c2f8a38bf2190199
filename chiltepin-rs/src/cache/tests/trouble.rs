//! Folders that are something else, and disks that cannot be written to.

use std::error::Error;
use std::process::Command;

use super::super::error::OpenError;
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
