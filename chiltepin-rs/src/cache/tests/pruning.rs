//! Making a cache smaller, with drivers that go on.

use super::*;

#[test]
fn what_does_not_fit_goes_and_the_rest_stays() {
    let place = Place::new();
    let store = place.open();
    for number in 0..20 {
        keep(&store, entry(number, &[number as u8; 10_000])).unwrap();
    }
    let large = vec![1; 100_000];
    keep(&store, entry(20, &large)).unwrap();
    drop(store);
    place.abandon();
    let store = place.open();
    assert_eq!(
        value(&store, 0).unwrap(),
        [0; 10_000],
        "the oldest is used now"
    );
    let pruned = store.prune(110_000).unwrap();
    assert_eq!(pruned.before.entries, 21);
    assert!(pruned.before.bytes > 200_000);
    assert!(pruned.after.bytes < 112_000, "{pruned:?}");
    assert!(pruned.after.entries >= 10, "{pruned:?}");
    assert!(pruned.removed.contains(&key(1)));
    for store in [&store, &place.open_elsewhere()] {
        assert_eq!(value(store, 0).unwrap(), [0; 10_000]);
        assert_eq!(value(store, 1), None);
        assert_eq!(value(store, 20).unwrap(), large);
    }
    store.prune(0).unwrap();
    assert_eq!(place.objects().len(), 0);
    assert_eq!(store.size().entries, 0);
    assert!(
        place
            .packs()
            .iter()
            .all(|pack| fs::metadata(pack).unwrap().len() < 100)
    );
    keep(&store, entry(1, b"again")).unwrap();
    assert_eq!(value(&place.open_elsewhere(), 1).unwrap(), b"again");
}

#[test]
fn a_driver_whose_pack_was_taken_for_dead_goes_on() {
    let place = Place::new();
    let one = place.open_elsewhere();
    keep(&one, entry(1, b"one")).unwrap();
    // Its pack seems to be of a machine that is gone.
    place.abandon();
    let two = place.open();
    two.prune(u64::MAX).unwrap();
    assert_eq!(place.packs().len(), 1, "the packs are one");
    assert_eq!(value(&two, 1).unwrap(), b"one");
    assert_eq!(value(&one, 1).unwrap(), b"one");
    keep(&one, entry(2, b"two")).unwrap();
    assert_eq!(value(&one, 2).unwrap(), b"two");
    assert_eq!(
        value(&two, 2).unwrap(),
        b"two",
        "it went into a pack that is there"
    );
    drop((one, two));
    let new = place.open();
    assert_eq!(value(&new, 1).unwrap(), b"one");
    assert_eq!(value(&new, 2).unwrap(), b"two");
}

#[test]
fn a_living_drivers_pack_is_left_alone_and_what_was_removed_stays_so() {
    let place = Place::new();
    let one = place.open();
    keep(&one, entry(1, b"one")).unwrap();
    keep(&one, entry(2, b"two")).unwrap();
    let pack = place.packs();
    let two = place.open();
    two.remove(&[key(1)]).unwrap();
    two.prune(u64::MAX).unwrap();
    assert!(place.packs().starts_with(&pack));
    drop(two);
    fs::remove_dir_all(place.folder.path().join("index")).unwrap();
    let new = place.open_elsewhere();
    assert_eq!(
        value(&new, 1),
        None,
        "the tombstone was copied: the entry is still in a pack"
    );
    assert_eq!(value(&new, 2).unwrap(), b"two");
}

#[test]
fn what_is_young_is_spared() {
    let place = Place::new();
    let mut settings = place.settings();
    settings.grace = Duration::from_secs(3600);
    let store = Store::open(&settings).unwrap();
    let file = place.folder.path().join("file");
    fs::write(&file, b"on its way into a record").unwrap();
    store.put_file(&file).unwrap();
    store.prune(0).unwrap();
    assert_eq!(place.objects().len(), 1);
    drop(store);
    place.open().prune(0).unwrap();
    assert_eq!(place.objects().len(), 0);
}

#[test]
fn a_copy_is_found_when_the_pack_that_it_was_copied_from_is_removed() {
    let place = Place::new();
    keep(&place.open(), entry(1, b"one")).unwrap();
    // As while another driver prunes: both are there, and the index takes the one read last.
    let [original] = &place.packs()[..] else {
        panic!("one pack")
    };
    let copy = original.with_file_name("00000000000000000001-elsewhere-1-0000000000000001.pack");
    fs::copy(original, copy).unwrap();
    let store = place.open_elsewhere();
    fs::remove_file(original).unwrap();
    assert_eq!(
        value(&store, 1).unwrap(),
        b"one",
        "while it is open, or by the copy"
    );
    drop(store);
    assert_eq!(value(&place.open_elsewhere(), 1).unwrap(), b"one");
}

/// Makes a pack one that cannot be read, and gives back where its content is.
fn break_pack(place: &Place) -> (PathBuf, PathBuf) {
    let [pack] = &place.packs()[..] else {
        panic!("one pack")
    };
    let away = place.folder.path().join("away");
    fs::rename(pack, &away).unwrap();
    // To read a folder is an error also for root.
    fs::create_dir(pack).unwrap();
    (away, pack.clone())
}

#[test]
fn while_a_pack_cannot_be_read_nothing_is_swept() {
    for elsewhere in [true, false] {
        let place = Place::new();
        let large = vec![1; 100_000];
        let store = place.open();
        keep(&store, entry(1, &large)).unwrap();
        drop(store);
        place.abandon();
        let open = || {
            if elsewhere {
                place.open_elsewhere()
            } else {
                place.open()
            }
        };
        let (away, pack) = break_pack(&place);
        open().prune(u64::MAX).unwrap();
        assert_eq!(place.objects().len(), 1, "elsewhere: {elsewhere}");
        fs::remove_dir(&pack).unwrap();
        fs::rename(away, pack).unwrap();
        let store = open();
        assert_eq!(value(&store, 1).unwrap(), large);
        store.remove(&[key(1)]).unwrap();
        store.prune(u64::MAX).unwrap();
        assert_eq!(place.objects().len(), 0, "elsewhere: {elsewhere}");
    }
}

#[test]
fn a_folder_of_packs_that_cannot_be_listed_is_not_an_empty_one() {
    let place = Place::new();
    let store = place.open();
    keep(&store, entry(1, &[1; 100_000])).unwrap();
    let packs = place.cache().join("packs");
    let away = place.cache().join("away");
    fs::rename(&packs, &away).unwrap();
    fs::write(&packs, "").unwrap();
    let other = place.open_elsewhere();
    assert!(other.summaries(&Default::default()).1.is_some());
    let _ = other.prune(u64::MAX);
    assert_eq!(place.objects().len(), 1);
}

#[test]
fn what_another_prune_moves_away_is_looked_for_where_it_went() {
    let place = Place::new();
    let large = vec![1; 100_000];
    keep(&place.open(), entry(1, &large)).unwrap();
    place.abandon();
    // It knows of the pack, and has not opened it.
    let one = place.open_elsewhere();
    place.open().prune(u64::MAX).unwrap();
    assert_eq!(one.objects(&key(1)).unwrap().len(), 1);
    assert_eq!(value(&one, 1).unwrap(), large);
    assert_eq!(one.objects(&key(2)), Ok(Vec::new()));
}

/// A directory as an attempt makes it that works out a key; `owner` takes the place of this host
/// and process in its name.
fn directory(store: &Store, number: u64, owner: Option<&str>) -> (String, PathBuf) {
    let mut name = store.own_directories(&key(number)).name(1);
    if let Some(owner) = owner {
        let own = format!("{}-{}", super::super::pack::host(), std::process::id());
        name = name.replace(&own, owner);
    }
    let path = store.directories().join(&name);
    fs::create_dir(&path).unwrap();
    fs::write(path.join("picture"), b"a tree").unwrap();
    (name, path)
}

#[test]
fn directories_of_drivers_that_are_gone_go_and_those_that_are_named_or_used_stay() {
    let place = Place::new();
    let mut settings = place.settings();
    settings.abandoned_after = Duration::from_secs(3600);
    settings.grace = Duration::from_secs(3600);
    let store = Store::open(&settings).unwrap();
    // No process has this number: the system's own limit is below it.
    let dead = format!("{}-4194305", super::super::pack::host());
    let (_, used) = directory(&store, 1, None);
    let (_, left) = directory(&store, 2, Some(&dead));
    let (name, kept) = directory(&store, 3, Some(&dead));
    let (_, other) = directory(&store, 4, Some("elsewhere-1"));
    let mut entry = entry(3, b"");
    entry.directory = Some(name);
    keep(&store, entry).unwrap();
    let there = || [&used, &left, &kept, &other].map(|path| path.join("picture").exists());
    store.prune(u64::MAX).unwrap();
    assert_eq!(there(), [true; 4], "all of it is young");
    drop(store);
    settings.grace = Duration::ZERO;
    let store = Store::open(&settings).unwrap();
    store.prune(u64::MAX).unwrap();
    assert_eq!(there(), [true, false, true, true]);
    assert_eq!(store.get(&key(3)).unwrap().directory, Some(kept.clone()));
    // Of another machine the last write counts, wherever in there it was.
    settings.abandoned_after = Duration::ZERO;
    drop(store);
    let store = Store::open(&settings).unwrap();
    store.prune(u64::MAX).unwrap();
    assert_eq!(there(), [true, false, true, false]);
    store.prune(0).unwrap();
    assert_eq!(there(), [true, false, false, false]);
}

#[test]
fn of_two_drivers_that_work_out_one_key_the_later_record_has_its_directory() {
    let place = Place::new();
    let (one, two) = (place.open(), place.open_elsewhere());
    let mut paths = Vec::new();
    for store in [&one, &two] {
        let (name, path) = directory(store, 1, None);
        let mut entry = entry(1, path.to_str().unwrap().as_bytes());
        entry.directory = Some(name);
        keep(store, entry).unwrap();
        paths.push(path);
    }
    for store in [place.open(), place.open_elsewhere()] {
        let found = store.get(&key(1)).unwrap();
        assert_eq!(found.directory.as_ref(), Some(&paths[1]));
        assert_eq!(found.value, paths[1].to_str().unwrap());
    }
    // What the first driver's tasks read is there as long as it may be running.
    two.prune(u64::MAX).unwrap();
    assert!(paths.iter().all(|path| path.exists()));
    two.remove(&[key(1)]).unwrap();
    assert!(paths[0].exists() && !paths[1].exists());
}
