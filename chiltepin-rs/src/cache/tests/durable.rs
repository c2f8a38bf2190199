//! What outlives a power loss, as far as that can be seen: which folders are synced.

use super::super::object::Objects;
use super::super::publish::tests::synced;
use super::*;

#[test]
fn an_opened_caches_names_are_durable() {
    let place = Place::new();
    let (_, folders) = synced(|| place.open());
    assert!(folders.contains(&place.cache()));
    let above = place.folder.path().canonicalize().unwrap();
    // Also those that are there: who made them may not have synced them yet.
    let (_, folders) = synced(|| place.open());
    assert_eq!(folders, [place.cache(), above]);
}

#[test]
fn an_object_that_is_there_is_durable_too_before_it_is_taken_for_kept() {
    let place = Place::new();
    place.open();
    let [one, two] = [(); 2].map(|()| Objects::of(&place.cache()));
    let hash = one.put(b"content").unwrap().hash;
    let object = one.path(&hash);
    let folder = object.parent().unwrap().to_path_buf();
    let (_, folders) = synced(|| one.put(b"content").unwrap());
    assert!(folders.is_empty(), "its own is: {folders:?}");
    let (_, folders) = synced(|| two.put(b"content").unwrap());
    assert_eq!(folders, [place.cache().join("objects"), folder.clone()]);
    let (_, folders) = synced(|| two.put(b"content").unwrap());
    assert!(folders.is_empty(), "{folders:?}");
    // Removed, and made anew by another driver.
    let content = fs::read(&object).unwrap();
    let anew = folder.join("anew");
    fs::write(&anew, content).unwrap();
    fs::rename(anew, &object).unwrap();
    let (_, folders) = synced(|| two.put(b"content").unwrap());
    assert_eq!(folders, [folder]);
}

#[test]
fn the_folder_of_an_object_is_durable_whoever_made_it() {
    let place = Place::new();
    place.open();
    let objects = Objects::of(&place.cache());
    let all = place.cache().join("objects");
    for number in 0..=255 {
        fs::create_dir(all.join(format!("{number:02x}"))).unwrap();
    }
    let (_, folders) = synced(|| objects.put(b"one").unwrap());
    assert!(folders.contains(&all));
    let (_, folders) = synced(|| objects.put(b"two").unwrap());
    assert!(!folders.contains(&all), "once for all that are there");
    // A person may tidy up while a program runs.
    for entry in fs::read_dir(&all).unwrap() {
        fs::remove_dir_all(entry.unwrap().path()).unwrap();
    }
    objects.put(b"one").unwrap();
}
