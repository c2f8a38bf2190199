//! `clear` and `prune`.

use super::*;

#[test]
fn clear_removes_what_it_names_and_a_dry_run_does_not() {
    let place = Place::filled();
    let key = square(3, 0).key;
    let dry = place.out(&format!("clear {key} --dry-run"));
    assert!(place.holds(&key));
    let done = place.out(&format!("clear {key}"));
    assert!(!place.holds(&key));
    assert_eq!(dry.replace("would remove", "removed"), done);
    insta::assert_snapshot!(done, @r"
    removed 59bc0e93a5cc crate::grid::square square#3, made 30 days ago
    removed 1 result, 179 B
    ");
    assert_eq!(place.store.size().entries, 2);
}

#[test]
fn clear_takes_what_came_from_it_along() {
    let place = Place::filled();
    insta::assert_snapshot!(place.out("clear --function square --older-than 1w --downstream"), @r"
    removed 59bc0e93a5cc crate::grid::square square#3, made 30 days ago
    removed 7adf921d381d crate::sum sum#1, made 1 h ago, downstream
    removed 2 results, 415 B
    ");
    assert!(place.holds(&square(4, 0).key));
    assert_eq!(place.store.size().entries, 1);
}

#[test]
fn clear_removes_a_function_an_age_or_everything() {
    let place = Place::filled();
    assert!(
        place
            .out("clear --older-than 1w")
            .ends_with("removed 1 result, 179 B\n")
    );
    assert!(
        place
            .out("clear --function square")
            .contains(" square#4, made 2 h ago\n")
    );
    assert_eq!(
        place.out("clear --function sum --dry-run --run x"),
        "nothing to clear\n"
    );
    assert!(place.out("clear --all").contains("sum#1"));
    assert_eq!(place.store.size().entries, 0);
    let said = place.run("clear --function square");
    assert_eq!(
        (said.exit, &*said.out),
        (Exit::Success, "nothing to clear\n")
    );
    assert_eq!(said.errors, "  hint: the cache holds no results\n");
}

#[test]
fn clear_has_to_be_told_what() {
    for arguments in [
        "clear",
        "clear --dry-run --downstream",
        "clear --all 12ab",
        "clear --function f 12ab",
        "clear --older-than 7",
        "clear --older-than -7d",
        "prune --max-size 10",
    ] {
        let line = format!("cache {arguments}");
        let parsed = Line::try_parse_from(line.split_whitespace());
        assert!(parsed.is_err(), "{arguments}");
    }
}

#[test]
fn prune_keeps_what_fits() {
    let place = Place::filled();
    let said = place.out("prune --max-size 1GiB");
    assert!(
        said.starts_with("removed no results; the cache took "),
        "{said}"
    );
    assert_eq!(place.store.size().entries, 3);
    assert!(place.out("prune").starts_with("removed no results; "));
    let other = open(&place.folder);
    keep(&other, square(5, 1));
    // The other's pack stays as long as its process, which is this one.
    let said = place.run("prune --max-size 0B");
    assert_eq!(said.exit, Exit::Success);
    assert!(said.out.starts_with("removed "), "{}", said.out);
    assert!(
        said.errors
            .starts_with("  hint: the rest is given back later"),
        "{}{}",
        said.out,
        said.errors
    );
    assert_eq!(place.store.size().entries, 0);
}

#[test]
fn a_dry_run_of_prune_says_what_would_go_and_touches_nothing() {
    let place = Place::filled();
    let files = || {
        let mut found = Vec::new();
        let mut ahead = vec![place.folder.path().join("cache")];
        while let Some(folder) = ahead.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let metadata = entry.metadata().unwrap();
                match metadata.is_dir() {
                    true => ahead.push(entry.path()),
                    false => found.push((entry.path(), metadata.len())),
                }
            }
        }
        found.sort();
        found
    };
    let before = files();
    insta::assert_snapshot!(
        place.out("prune --dry-run"),
        @"would remove no results; the cache takes 611 B and would take 594 B or a little more"
    );
    let dry = place.out("prune --max-size 400B --dry-run");
    assert_eq!(files(), before);
    assert_eq!(place.store.size().entries, 3);
    insta::assert_snapshot!(
        dry,
        @"would remove 2 results; the cache takes 611 B and would take 236 B or a little more"
    );
    let done = place.run("prune --max-size 400B").out;
    assert!(
        done.starts_with("removed 2 results; the cache took 611 B "),
        "{done}"
    );
}

#[test]
fn a_cache_that_cannot_be_written_to_is_listed_and_refuses_the_rest() {
    let place = Place::filled();
    place.store.close();
    assert!(place.out("ls").ends_with("3 results, 594 B\n"));
    for arguments in ["clear --all", "prune"] {
        let said = place.run(arguments);
        assert_eq!((said.exit, &*said.out), (Exit::Failure, ""));
        assert_eq!(said.errors, "error: the cache cannot be written to\n");
    }
}
