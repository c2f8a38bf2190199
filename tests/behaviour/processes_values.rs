//! Values that cannot travel to worker processes, or back.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use chiltepin::{AppFuture, ErrorKind, TaskError, Workflow, task};
use serde::{Deserialize, Serialize};

use crate::crew::{Crew, note, notes};

#[task]
fn measure(head: u8, content: Vec<u8>) -> usize {
    usize::from(head) + content.len()
}

#[task]
fn fill(bytes: usize) -> Vec<u8> {
    vec![7; bytes]
}

#[task]
async fn fill_later(bytes: usize) -> Vec<u8> {
    vec![7; bytes]
}

#[track_caller]
fn says<T: chiltepin::Value + std::fmt::Debug>(future: &AppFuture<T>, words: &[&str]) -> TaskError {
    let error = future.result().unwrap_err();
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "`{word}` is not in: {text}");
    }
    error
}

#[chiltepin::test]
fn what_is_too_large_is_named() {
    let crew = Crew::new();
    let workflow = crew.open("max_inline_value = \"1MiB\"");
    let large = measure(1, vec![0; 2 << 20]).submit(&workflow);
    says(
        &large,
        &[
            "`measure`",
            "`content`",
            "1 MiB",
            "max_inline_value",
            "path",
        ],
    );
    for future in [
        fill(2 << 20).submit(&workflow),
        fill_later(2 << 20).submit(&workflow),
    ] {
        let name = future.name().to_owned();
        says(&future, &[&*name, "max_inline_value", "path"]);
    }
    // What came from one task is not sent on to the next either, and what fits is.
    let below = fill((1 << 20) - 16).submit(&workflow);
    assert_eq!(
        measure(0, &below).submit(&workflow).result().unwrap(),
        (1 << 20) - 16
    );
    assert_eq!(
        measure(2, vec![0; 100]).submit(&workflow).result().unwrap(),
        102
    );
}

#[task]
fn complain(file: PathBuf, bytes: usize) -> Result<u32, String> {
    note(&file, "ran");
    Err("x".repeat(bytes))
}

#[task]
async fn panic_at_length(file: PathBuf, bytes: usize) -> u32 {
    note(&file, "ran");
    panic!("{}", "x".repeat(bytes))
}

#[chiltepin::test]
fn an_error_in_too_many_words_arrives_cut_and_its_task_runs_once() {
    let crew = Crew::new();
    let workflow = crew.open("max_inline_value = \"1MiB\"");
    let file = |name| crew.place.path(name);
    for (name, future) in [
        ("error", complain(file("error"), 4 << 20).submit(&workflow)),
        (
            "panic",
            panic_at_length(file("panic"), 4 << 20).submit(&workflow),
        ),
    ] {
        let ended = future.result_timeout(Duration::from_secs(60));
        let text = ended.expect("it ends").unwrap_err().to_string();
        assert!(
            text.contains("xxxx") && text.contains("bytes were cut"),
            "{name}: {} bytes",
            text.len()
        );
        assert!(text.len() < 64 << 10, "{name}: {} bytes", text.len());
        assert_eq!(notes(&file(name)).len(), 1, "{name}");
    }
    // What is short comes as it was, with its type.
    let future = complain(file("short"), 1000).submit(&workflow);
    let error = future.result().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Failed(_)), "{error}");
    assert_eq!(error.downcast_ref::<String>().unwrap().len(), 1000);
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Inner {
    depth: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Flat {
    name: String,
    #[serde(flatten)]
    inner: Inner,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Either {
    Number(i64),
    Text(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Sparse {
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<u32>,
    name: String,
}

#[task]
fn take_flat(value: Flat) -> u32 {
    value.inner.depth
}

#[task]
fn take_either(value: Either) -> bool {
    matches!(value, Either::Number(_))
}

#[task]
fn take_sparse(value: Sparse) -> bool {
    value.level.is_none()
}

#[task]
fn give_flat() -> Flat {
    Flat {
        name: "a".to_owned(),
        inner: Inner { depth: 3 },
    }
}

#[task]
fn give_either() -> Either {
    Either::Text("text".to_owned())
}

#[task]
fn give_sparse() -> Sparse {
    Sparse {
        level: None,
        name: "a".to_owned(),
    }
}

#[chiltepin::test]
fn a_value_that_would_not_survive_is_an_error_that_names_it() {
    let crew = Crew::new();
    let workflow = crew.open("");
    says(
        &take_flat(give_flat().run_blocking().unwrap()).submit(&workflow),
        &["`take_flat`", "`value`", "`Flat`", "flatten"],
    );
    says(
        &take_either(Either::Number(3)).submit(&workflow),
        &["`take_either`", "`value`", "`Either`", "untagged"],
    );
    says(
        &take_sparse(give_sparse().run_blocking().unwrap()).submit(&workflow),
        &[
            "`take_sparse`",
            "`value`",
            "`Sparse`",
            "skip_serializing_if",
        ],
    );
    says(&give_flat().submit(&workflow), &["`give_flat`", "flatten"]);
    says(
        &give_sparse().submit(&workflow),
        &["`give_sparse`", "skip_serializing_if"],
    );
    either_is_refused(&workflow);
}

/// An untagged value is written as what it holds: only who reads it sees that it is ambiguous.
fn either_is_refused(workflow: &Workflow) {
    says(
        &give_either().submit(workflow),
        &["`give_either`", "untagged"],
    );
}

/// Its cache is read and not written.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Cached {
    #[serde(skip_serializing)]
    cache: u8,
    #[serde(skip_deserializing)]
    level: u8,
}

const CACHED: Cached = Cached { cache: 3, level: 4 };

#[task]
fn take_cached(value: Cached) -> u8 {
    value.level + value.cache
}

#[task]
fn give_cached() -> Cached {
    CACHED
}

#[task]
async fn give_cached_later() -> Vec<Cached> {
    vec![CACHED]
}

#[task]
fn count(table: HashMap<String, f64>) -> HashSet<String> {
    table.into_keys().collect()
}

/// Such a value can be read, as another one: it would not be noticed.
#[chiltepin::test]
fn a_value_that_would_come_back_as_another_is_named_in_debug_builds() {
    if !cfg!(debug_assertions) {
        return;
    }
    let crew = Crew::new();
    let workflow = crew.open("");
    let words = [
        "`value`",
        "`Cached`",
        "does not survive",
        "skip_serializing",
    ];
    says(&take_cached(CACHED).submit(&workflow), &words);
    says(
        &take_cached(AppFuture::ready(CACHED)).submit(&workflow),
        &words,
    );
    says(
        &give_cached().submit(&workflow),
        &["`give_cached`", "`Cached`", "does not survive", "`skip`"],
    );
    says(
        &give_cached_later().submit(&workflow),
        &[
            "`give_cached_later`",
            "does not survive",
            "skip_deserializing",
        ],
    );
}

#[chiltepin::test]
fn what_is_written_in_any_order_travels() {
    let crew = Crew::new();
    let workflow = crew.open("");
    let table: HashMap<String, f64> = (0..100).map(|key| (key.to_string(), f64::NAN)).collect();
    let keys = count(&table).submit(&workflow).result().unwrap();
    assert_eq!(keys, table.into_keys().collect::<HashSet<String>>());
}
