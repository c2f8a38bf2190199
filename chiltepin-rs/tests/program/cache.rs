//! `chiltepin cache`: which cache it finds, and what it says of one that it cannot use.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use chiltepin::{Workflow, task};

use crate::{Place, errors, out};

/// Runs the program with a configuration, maybe.
fn run(place: &Place, config: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = place.chiltepin();
    if let Some(config) = config {
        let config = place.file("site.toml", config);
        command.env("CHILTEPIN_CONFIG", config);
    }
    command.arg("cache").args(arguments).output().unwrap()
}

/// Begins a cache without results.
fn begin(place: &Place, folder: &str) {
    let folder = place.folder.path().join(folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("format"), "chiltepin cache 1\n").unwrap();
}

#[test]
fn a_cache_that_is_not_there_is_not_begun() {
    let place = Place::new();
    fs::create_dir_all(place.folder.path().join("empty")).unwrap();
    for (arguments, folder) in [
        (&["ls"][..], "runs/cache"),
        (&["ls", "--folder", "nowhere"], "nowhere"),
        (&["--folder", "empty", "prune"], "empty"),
    ] {
        let output = run(&place, None, arguments);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(out(&output), "");
        let told = errors(&output).replace(folder, "FOLDER");
        insta::allow_duplicates! {
            insta::assert_snapshot!(told, @"error: there is no cache in `FOLDER`; name its folder by `--folder`, or say where it is by `cache` in the configuration that `CHILTEPIN_CONFIG` names");
        }
        assert!(!place.folder.path().join(folder).join("format").exists());
    }
}

#[test]
fn the_cache_is_the_configured_one_unless_a_folder_is_given() {
    let place = Place::new();
    for folder in ["runs/cache", "mine/cache", "elsewhere"] {
        begin(&place, folder);
    }
    let given = &["ls", "--folder", "elsewhere"][..];
    for (config, arguments) in [
        (None, &["ls"][..]),
        (Some("[workflow]\nrun_dir = 'mine'\n"), &["ls"]),
        (Some("[workflow]\ncache = 'elsewhere'\n"), &["ls"]),
        (Some("[workflow]\ncache = false\n"), given),
        (Some("[workflow]\ncache = 'nowhere'\n"), given),
    ] {
        let output = run(&place, config, arguments);
        assert_eq!(errors(&output), "", "{config:?} {arguments:?}");
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(out(&output), "no results\n");
    }
}

#[test]
fn a_configuration_without_a_cache_or_with_mistakes_is_told() {
    let place = Place::new();
    let output = run(&place, Some("[workflow]\ncache = false\n"), &["ls"]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(errors(&output), @"error: no results are kept: the configuration says `cache = false`; name a cache by `--folder`");
    let output = run(&place, Some("[workflow]\ncahce = 'x'\n"), &["ls"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(errors(&output).contains("`cahce`"), "{}", errors(&output));
}

#[test]
fn a_folder_that_is_no_cache_of_this_version_is_left_alone() {
    let place = Place::new();
    begin(&place, "other");
    place.file("other/format", "chiltepin cache 2\n");
    let output = run(&place, None, &["clear", "--all", "--folder", "other"]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(errors(&output), @"error: the cache in `other` has the format `chiltepin cache 2`, and this program reads and writes `chiltepin cache 1`: name another folder, or remove this one to begin anew");

    fs::create_dir(place.folder.path().join("data")).unwrap();
    place.file("data/measured.csv", "1,2\n");
    let output = run(&place, None, &["prune", "--folder", "data"]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(errors(&output), @"error: `data` is not a cache: it has no file `format`, and is not empty; name another folder");
    assert_eq!(
        fs::read_dir(place.folder.path().join("data"))
            .unwrap()
            .count(),
        1
    );
}

/// Notes in a file that it ran, and gives how often it did.
#[task(cache, ignore(log))]
fn count(word: String, log: PathBuf) -> std::io::Result<usize> {
    let before = fs::read_to_string(&log).unwrap_or_default();
    fs::write(&log, format!("{before}{word}\n"))?;
    Ok(before.lines().count() + 1)
}

/// Calls the task in a workflow of its own.
fn counted(run_dir: &Path, word: &str) -> usize {
    let workflow = Workflow::builder().run_dir(run_dir).open().unwrap();
    let count = count(word, run_dir.join("log")).submit(&workflow);
    count.result().unwrap()
}

#[test]
fn results_of_a_workflow_are_found_and_cleared() {
    let place = Place::new();
    let runs = place.folder.path().join("runs");
    assert_eq!([counted(&runs, "a"), counted(&runs, "b")], [1, 2]);
    assert_eq!([counted(&runs, "a"), counted(&runs, "b")], [1, 2]);

    let listed = run(&place, None, &["ls", "--function", "count", "--json"]);
    assert_eq!(errors(&listed), "");
    let keys = out(&listed).matches("\"key\": ").count();
    assert_eq!(keys, 2, "{}", out(&listed));

    // The second run computed `b`, and the others nothing.
    for (number, results) in [("1", 1), ("2", 1), ("4", 0), ("latest", 0)] {
        let listed = run(&place, None, &["ls", "--run", number, "--json"]);
        let found = out(&listed).matches("\"key\": ").count();
        assert_eq!(found, results, "{number}: {}", out(&listed));
    }

    let why = run(&place, None, &["why", "count"]);
    assert_eq!(errors(&why), "");
    let (_, news) = out(&why).split_once("new is:\n").unwrap();
    assert_eq!(news, "  the value of the argument `word`\n");

    let cleared = run(&place, None, &["clear", "--function", "count"]);
    assert_eq!(errors(&cleared), "");
    assert!(out(&cleared).contains("removed 2 results, "));
    assert_eq!([counted(&runs, "a"), counted(&runs, "b")], [3, 4]);
}

#[test]
fn help_of_the_cache_and_of_its_commands() {
    let place = Place::new();
    let commands = ["ls", "show", "clear", "prune", "why"];
    let helps = commands.map(|command| run(&place, None, &[command, "--help"]));
    let all = [run(&place, None, &["--help"])].into_iter().chain(helps);
    let all: Vec<_> = all.map(|output| out(&output).to_owned()).collect();
    insta::assert_snapshot!(all.join("\n----\n\n"));
}
