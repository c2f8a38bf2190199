//! What is put is found: now, later, by key, by filter.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use super::super::entry::Filter;
use super::super::error::{ResolveError, RestoreError};
use super::*;

#[test]
fn a_result_is_found_at_once_and_after_reopening() {
    let place = Place::new();
    let store = place.open();
    assert_eq!(value(&store, 1), None);
    keep(&store, entry(1, b"one")).unwrap();
    let check = |store: &Store| {
        let found = store.get(&key(1)).unwrap();
        assert_eq!(found.value, "one");
        assert_eq!(found.took, Duration::from_millis(1));
        assert_eq!(found.made, entry(1, b"").made);
        assert_eq!(value(store, 2), None);
    };
    check(&store);
    drop(store);
    check(&place.open());
    fs::remove_dir_all(place.folder.path().join("index")).unwrap();
    check(&place.open());
}

#[test]
fn a_large_value_gets_a_file_and_comes_back() {
    let place = Place::new();
    let store = place.open();
    let large: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    keep(&store, entry(1, &large)).unwrap();
    keep(&store, entry(2, &large)).unwrap();
    keep(&store, entry(3, &large[..64 << 10])).unwrap();
    assert_eq!(place.objects().len(), 1, "equal content, one file");
    assert_eq!(value(&store, 1).unwrap(), large);
    assert_eq!(value(&store, 3).unwrap(), &large[..64 << 10]);
}

#[test]
fn closing_waits_for_what_was_put_and_then_keeps_nothing() {
    let place = Place::new();
    let store = place.open();
    let (reply, kept) = mpsc::channel();
    for number in 0..1000 {
        let reply = reply.clone();
        store.put(entry(number, b"x"), move |result| {
            reply.send(result).unwrap()
        });
    }
    store.close();
    assert_eq!(kept.try_iter().filter(Result::is_ok).count(), 1000);
    assert_eq!(keep(&store, entry(1, b"")), Err(NotKept::ReadOnly));
    assert_eq!(value(&store, 999).unwrap(), b"x");
}

#[test]
fn a_result_is_in_its_pack_and_found_before_it_is_reported() {
    let place = Place::new();
    let store = std::sync::Arc::new(place.open());
    let (reply, kept) = mpsc::channel();
    let (same, elsewhere) = (std::sync::Arc::clone(&store), place.open_elsewhere());
    store.put(entry(1, b"one"), move |result| {
        let found = (result, value(&elsewhere, 1), value(&same, 1));
        reply.send(found).unwrap();
    });
    let one = Some(b"one".to_vec());
    assert_eq!(kept.recv().unwrap(), (Ok(()), one.clone(), one));
}

#[test]
fn a_panic_in_a_callback_stops_nobody_else() {
    let place = Place::new();
    let store = place.open();
    store.put(entry(1, b"one"), |_| panic!("a callback"));
    keep(&store, entry(2, b"two")).unwrap();
    assert_eq!(value(&store, 1).unwrap(), b"one");
}

#[test]
fn an_output_comes_back_whole_and_executable() {
    let place = Place::new();
    let store = place.open();
    let file = place.folder.path().join("tool");
    fs::write(&file, b"#!/bin/sh\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let output = store.put_file(&file).unwrap();
    assert_eq!(output.size, 10);
    keep(
        &store,
        Entry {
            outputs: vec![output.clone()],
            ..entry(1, b"")
        },
    )
    .unwrap();
    assert_eq!(
        store.get(&key(1)).unwrap().outputs,
        std::slice::from_ref(&output)
    );

    let to = place.folder.path().join("new folder/tool");
    store.restore(&output, &to).unwrap();
    assert_eq!(fs::read(&to).unwrap(), b"#!/bin/sh\n");
    assert_ne!(fs::metadata(&to).unwrap().permissions().mode() & 0o100, 0);
    fs::write(&to, b"changed").unwrap();
    store.restore(&output, &to).unwrap();
    assert_eq!(
        fs::read(&to).unwrap(),
        b"#!/bin/sh\n",
        "what was there is replaced"
    );

    let [object] = &place.objects()[..] else {
        panic!("one object")
    };
    let mut content = fs::read(object).unwrap();
    *content.last_mut().unwrap() ^= 1;
    fs::write(object, content).unwrap();
    fs::write(&to, b"untouched").unwrap();
    assert!(matches!(
        store.restore(&output, &to),
        Err(RestoreError::Damaged { .. })
    ));
    assert!(matches!(
        store.restore(&output, &to),
        Err(RestoreError::Gone { .. })
    ));
    assert_eq!(fs::read(&to).unwrap(), b"untouched");
    assert_eq!(
        fs::read_dir(to.parent().unwrap()).unwrap().count(),
        1,
        "no draft is left"
    );
    store.put_file(&file).unwrap();
    store.restore(&output, &to).unwrap();
}

#[test]
fn a_directory_is_kept_and_goes_with_its_result() {
    let place = Place::new();
    let store = place.open();
    let own = store.own_directories(&key(1));
    let directory = own.of_attempt(1);
    fs::create_dir(&directory).unwrap();
    let with = Entry {
        directory: Some(own.name(1)),
        ..entry(1, b"")
    };
    keep(&store, with.clone()).unwrap();
    assert_eq!(
        store.get(&key(1)).unwrap().directory,
        Some(directory.clone())
    );
    store.remove(&[key(1)]).unwrap();
    assert!(!directory.exists());
    keep(&store, with).unwrap();
    assert_eq!(
        store.get(&key(1)),
        None,
        "a result whose directory is gone is none"
    );
}

#[test]
fn listing_goes_by_function_age_and_run() {
    let place = Place::new();
    let store = place.open();
    for number in 0..4 {
        let mut entry = entry(number, b"12345");
        entry.recipe.function = format!("crate::f{}", number % 2);
        entry.run = format!("000{}", number / 2);
        keep(&store, entry).unwrap();
    }
    let listed = |filter: Filter| -> Vec<String> {
        store
            .list(&filter)
            .into_iter()
            .map(|line| line.task)
            .collect()
    };
    let all = Filter::default;
    assert_eq!(
        listed(all()),
        ["square#0", "square#1", "square#2", "square#3"]
    );
    let function = Some("crate::f1".to_owned());
    assert_eq!(
        listed(Filter { function, ..all() }),
        ["square#1", "square#3"]
    );
    let run = Some("0001".to_owned());
    assert_eq!(listed(Filter { run, ..all() }), ["square#2", "square#3"]);
    let made_before = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_001));
    assert_eq!(
        listed(Filter {
            made_before,
            ..all()
        }),
        ["square#0"]
    );
    store.remove(&[key(0), key(2)]).unwrap();
    assert_eq!(listed(all()), ["square#1", "square#3"]);
    let details = store.details(&key(3)).unwrap();
    assert_eq!(details.recipe.function, "crate::f1");
    assert_eq!(details.summary.run, "0001");
    assert!(details.summary.size > 5);
    assert_eq!(store.details(&key(0)), None);
}

#[test]
fn a_unique_beginning_names_a_result() {
    let place = Place::new();
    let store = place.open();
    for number in 0..40 {
        keep(&store, entry(number, b"")).unwrap();
    }
    let whole = key(7).to_string();
    assert_eq!(store.resolve(&whole), Ok(key(7)));
    assert_eq!(store.resolve(&whole[..12]), Ok(key(7)));
    let shared = (0..40)
        .filter(|number| key(*number).to_string()[..1] == whole[..1])
        .count();
    assert!(shared > 1);
    assert!(matches!(
        store.resolve(&whole[..1]),
        Err(ResolveError::Ambiguous { .. })
    ));
    assert!(matches!(
        store.resolve("not one"),
        Err(ResolveError::NotAKey(_))
    ));
    store.remove(&[key(7)]).unwrap();
    assert!(matches!(
        store.resolve(&whole),
        Err(ResolveError::Unknown { .. })
    ));
}

#[test]
fn dependents_are_found_through_others() {
    let place = Place::new();
    let store = place.open();
    for (number, upstream) in [
        (1, vec![]),
        (2, vec![key(1)]),
        (3, vec![key(2)]),
        (4, vec![]),
    ] {
        keep(
            &store,
            Entry {
                upstream,
                ..entry(number, b"")
            },
        )
        .unwrap();
    }
    let mut below = vec![key(2), key(3)];
    below.sort();
    assert_eq!(store.dependents(&[key(1)]), below);
    assert_eq!(place.open_elsewhere().dependents(&[key(1)]), below);
    assert_eq!(store.dependents(&[key(3)]), []);
    store.remove(&[key(3)]).unwrap();
    assert_eq!(store.dependents(&[key(1)]), [key(2)]);
}

#[test]
fn a_directory_that_is_another_keys_or_none_is_not_believed() {
    let place = Place::new();
    let store = place.open();
    let elsewhere = place.folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let other = store.own_directories(&key(2));
    fs::create_dir(other.of_attempt(1)).unwrap();
    for name in ["../../elsewhere", "", &other.name(1)] {
        let mut entry = entry(1, b"");
        entry.directory = Some(name.to_owned());
        keep(&store, entry).unwrap();
        assert_eq!(store.get(&key(1)), None, "{name}");
        store.remove(&[key(1)]).unwrap();
    }
    assert!(elsewhere.exists() && other.of_attempt(1).exists());
}

#[test]
fn a_record_of_before_is_read_as_it_was_meant() {
    use super::super::record::{DirectoryRecord, Kept, Value};
    /// As the records were written.
    #[derive(serde::Serialize)]
    struct Before {
        value: Value,
        outputs: Vec<()>,
        has_directory: bool,
        made: u64,
        took: u64,
    }
    for (has_directory, expected) in [
        (false, DirectoryRecord::None),
        (true, DirectoryRecord::OfKey),
    ] {
        let before = Before {
            value: Value::Inline { length: 300 },
            outputs: Vec::new(),
            has_directory,
            made: 5,
            took: 600,
        };
        let bytes = postcard::to_allocvec(&before).unwrap();
        let now: Kept = postcard::from_bytes(&bytes).unwrap();
        assert_eq!((now.directory, now.made, now.took), (expected, 5, 600));
    }
    let name = DirectoryRecord::OfKey.name(&key(1)).unwrap();
    assert_eq!(name, Some(key(1).to_string()));
}
