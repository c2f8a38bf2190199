//! `chiltepin runs`, `show`, `explain` and `export`, of runs made here.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use chiltepin::config::Config;
use chiltepin::{Workflow, task};

use crate::{Place, errors, out};

#[task]
fn square(x: u64) -> Result<u64, String> {
    if x > 9 {
        Err(format!("{x}, \"too\" large"))
    } else {
        Ok(x * x)
    }
}

/// A run below the place in which one task depends on another, and one fails.
fn run(place: &Place) -> PathBuf {
    let runs = place.folder.path().join("runs");
    let workflow = Workflow::builder().run_dir(&runs).open().unwrap();
    let four = square(2).name("square two").submit(&workflow);
    let sixteen = square(&four).submit(&workflow);
    assert_eq!(sixteen.result().unwrap(), 16);
    square(12).submit(&workflow).result().unwrap_err();
    workflow.close_blocking();
    runs.join("latest").canonicalize().unwrap()
}

fn json(output: &std::process::Output) -> serde_json::Value {
    serde_json::from_str(out(output)).unwrap()
}

#[test]
fn a_run_is_listed_and_shown() {
    let place = Place::new();
    let folder = run(&place);
    let listed = place.run(&["runs"]);
    assert_eq!((listed.status.code(), errors(&listed)), (Some(0), ""));
    let name = folder.file_name().unwrap().to_str().unwrap();
    let line = out(&listed);
    assert!(line.starts_with(name), "{line}");
    assert!(
        line.ends_with("3 submitted, 2 succeeded, 1 failed\n"),
        "{line}"
    );
    let listed = json(&place.run(&["runs", "--json"]));
    assert_eq!(listed[0]["state"], "ended");
    assert_eq!(listed[0]["tasks"]["failed"], 1);

    let shown = place.run(&["show"]);
    assert_eq!((shown.status.code(), errors(&shown)), (Some(0), ""));
    assert!(out(&shown).contains("1 × `square` failed: 12, \"too\" large (local)\n      task 3\n"));
    for run in ["1", "0001", "./runs/latest", "runs/0001"] {
        assert_eq!(place.run(&["show", run]).status.code(), Some(0), "{run}");
    }
    let none = place.run(&["show", "2"]);
    assert_eq!(
        errors(&none),
        "error: there is no run `2`, neither as a folder nor below `runs`\n"
    );
    let shown = json(&place.run(&["show", "latest", "--json"]));
    assert_eq!(shown["run"], "runs/0001");
    assert!(!shown["summary"]["id"].as_str().unwrap().is_empty());
    assert_eq!(shown["summary"]["executors"][0]["name"], "local");
    assert_eq!(shown["damages"], serde_json::json!([]));
}

#[test]
fn a_task_is_explained_by_number_and_by_name() {
    let place = Place::new();
    run(&place);
    let by_name = place.run(&["explain", "latest", "square two"]);
    let by_number = place.run(&["explain", "latest", "1"]);
    assert_eq!((by_name.status.code(), errors(&by_name)), (Some(0), ""));
    assert_eq!(out(&by_name), out(&by_number));
    let text = out(&by_name);
    let words: Vec<_> = text.lines().map(|line| line.split_once(" s  ")).collect();
    let words: Vec<_> = words
        .into_iter()
        .flatten()
        .map(|(_, words)| words)
        .collect();
    assert_eq!(
        words,
        [
            "submitted for `local`",
            "attempt 1 handed to `local`",
            "attempt 1 succeeded",
            "the task succeeded"
        ]
    );
    let steps = json(&place.run(&["explain", "latest", "2", "--json"]));
    assert_eq!(steps["state"], "succeeded");

    let many = place.run(&["explain", "latest", "square"]);
    assert_eq!(many.status.code(), Some(2));
    assert_eq!(
        errors(&many),
        "error: 3 tasks are called `square`: 1, 2, 3; name one by its number\n"
    );
    let none = place.run(&["explain", "latest", "sqare"]);
    assert_eq!(none.status.code(), Some(2));
    assert_eq!(
        errors(&none),
        "error: the run has no task `sqare`; did you mean `square`?\n"
    );
    let none = place.run(&["explain", "latest", "9"]);
    assert_eq!(
        errors(&none),
        "error: the journal has no task 9; the last one of the run is 3\n"
    );
}

/// Holds its thread until the file is there.
#[task]
fn hold(until: PathBuf) -> bool {
    let begun = Instant::now();
    while !until.exists() && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(5));
    }
    until.exists()
}

#[task]
fn both(one: bool, other: bool) -> bool {
    one && other
}

#[test]
fn a_task_that_waits_is_explained_while_the_run_goes_on() {
    let place = Place::new();
    let config = Config::from_toml("[local]\nprovider = \"threads\"\nmax_threads = 1\n").unwrap();
    let builder = Workflow::builder().config_value(config);
    let runs = place.folder.path().join("runs");
    let workflow = builder.run_dir(&runs).open().unwrap();
    let file = place.folder.path().join("go on");
    let first = hold(file.clone()).submit(&workflow);
    let second = hold(file.clone()).name("second").submit(&workflow);
    let last = both(&first, &second).submit(&workflow);
    let why = |task: &str, awaited: &str| {
        let begun = Instant::now();
        loop {
            let output = place.run(&["explain", "latest", task]);
            let text = out(&output).to_owned();
            if text.contains(awaited) {
                return text;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{text}{}",
                errors(&output)
            );
        }
    };
    let ready = why("2", "why it is not running yet:\n  it is ready, for ");
    let executor = "  `local`: 1 task runs there, no others go first; all its cores are taken\n";
    assert!(ready.ends_with(executor), "{ready}");
    let depends = why("3", "  it waits for 2 tasks:\n    `hold` (1), running for ");
    assert!(
        depends.ends_with("    `second` (2), waiting\n"),
        "{depends}"
    );
    let running = why("1", "attempt 1 handed to `local`");
    assert!(!running.contains("why it is not"), "{running}");
    let value = json(&place.run(&["explain", "latest", "2", "--json"]));
    let executors = &value["waits_for"]["room"]["executors"];
    assert_eq!(executors[0]["lack"]["taken"]["most"], 1);

    fs::write(&file, "").unwrap();
    assert!(last.result().unwrap());
    workflow.close_blocking();
    let ended = place.run(&["explain", "latest", "2"]);
    assert!(!out(&ended).contains("why it is not"), "{}", out(&ended));
}

#[test]
fn a_run_is_exported() {
    let place = Place::new();
    run(&place);
    let export = |format| {
        let output = place.run(&["export", "latest", "--format", format]);
        assert_eq!((output.status.code(), errors(&output)), (Some(0), ""));
        output
    };
    let csv = export("csv");
    let lines: Vec<_> = out(&csv).lines().collect();
    assert_eq!(lines.len(), 4);
    let columns = lines[0].split(',').count();
    assert_eq!(lines[1].split(',').count(), columns);
    assert!(lines[1].starts_with("1,square two,program::records::square,succeeded,"));
    assert!(
        lines[3].ends_with(",\"failed: 12, \"\"too\"\" large\""),
        "{}",
        lines[3]
    );

    let whole = json(&export("json"));
    assert_eq!(whole["tasks"][1]["dependencies"], serde_json::json!([1]));
    assert_eq!(whole["tasks"][2]["ending"]["Failed"]["kind"], "failed");

    let trace = json(&export("trace"));
    let events = trace["traceEvents"].as_array().unwrap();
    assert_eq!(events[0]["args"]["name"], "local");
    assert_eq!(events.len(), 4);
    assert!(events[1..].iter().all(|event| event["ph"] == "X"));
}

#[test]
fn a_damaged_journal_tells_what_it_can() {
    let place = Place::new();
    let journal = run(&place).join("run.journal");
    let mut bytes = fs::read(&journal).unwrap();
    // Within the last entry, which holds the end.
    let last = bytes.len() - 1;
    bytes.truncate(last);
    fs::write(&journal, &bytes).unwrap();
    let shown = place.run(&["show"]);
    assert_eq!(shown.status.code(), Some(1));
    assert!(
        errors(&shown).starts_with("warning: the journal is not whole: it is cut off after byte ")
    );
    assert!(out(&shown).starts_with("run runs/"), "{}", out(&shown));

    fs::write(&journal, "something else").unwrap();
    let shown = place.run(&["show"]);
    assert_eq!(shown.status.code(), Some(1));
    assert!(
        errors(&shown).contains("is no journal"),
        "{}",
        errors(&shown)
    );

    fs::remove_file(&journal).unwrap();
    let shown = place.run(&["show"]);
    assert_eq!(shown.status.code(), Some(1));
    assert!(
        errors(&shown).contains("the run has no journal"),
        "{}",
        errors(&shown)
    );
    let listed = place.run(&["runs"]);
    assert!(out(&listed).ends_with("  no journal\n"), "{}", out(&listed));
}

#[test]
fn a_run_becomes_a_database() {
    let place = Place::new();
    let folder = run(&place);
    let export = ["export", "latest", "--format", "database"];
    let output = place.run(&export);
    assert_eq!((output.status.code(), errors(&output)), (Some(0), ""));
    assert_eq!(out(&output), "runs/0001/run.db\n");
    let head = fs::read(folder.join("run.db")).unwrap();
    assert!(head.starts_with(b"SQLite format 3\0"));
}
