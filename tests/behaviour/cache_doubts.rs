//! Results that are not kept, or not taken, where that would be wrong; and what users' code does on
//! the cache's threads.

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use chiltepin::{File, Workflow, bash_task, sh, task};
use serde::{Deserialize, Serialize};

use crate::place::Place;

fn open(place: &Place) -> Workflow {
    let folder = place.path("cache");
    place.configured(&format!("[workflow]\ncache = '{}'", folder.display()))
}

/// What is in a file, which holds something else afterwards.
#[task(cache, ignore(next))]
fn take(file: File, path: PathBuf, next: String) -> std::io::Result<String> {
    let text = fs::read_to_string(&file)?;
    fs::write(path, next)?;
    Ok(text)
}

#[chiltepin::test]
fn what_was_worked_out_of_a_file_that_changed_meanwhile_is_not_kept(_workflow: Workflow) {
    let place = Place::new();
    let path = place.path("text");
    // With what is in the file before it and after it, and how many results were there.
    for (before, after, cached) in [("one", "two", 0), ("one", "one", 0), ("one", "two", 1)] {
        fs::write(&path, before).unwrap();
        let workflow = open(&place);
        let call = take(File::new(&path), path.clone(), after.to_owned());
        assert_eq!(call.submit(&workflow).result().unwrap(), before);
        assert_eq!(workflow.status().tasks.cached, cached);
    }
}

#[bash_task(cache)]
fn search(word: String, file: PathBuf) -> String {
    sh!("grep -q {word} {file}")
}

#[chiltepin::test]
fn a_code_that_is_a_value_to_one_call_is_an_error_to_another(_workflow: Workflow) {
    let place = Place::new();
    let file = place.write("text", "no such luck");
    let call = || search("treasure", file.clone());
    for _run in 0..2 {
        let workflow = open(&place);
        let found = call().allow_exit_codes([1]).submit(&workflow);
        assert_eq!(found.result().unwrap(), 1);
        assert!(call().submit(&workflow).result().is_err());
        let others = call().allow_exit_codes([2, 1]).submit(&workflow);
        assert_eq!(others.result().unwrap(), 1);
        let again = call().allow_exit_codes([1, 2, 1]).submit(&workflow);
        assert_eq!(again.result().unwrap(), 1);
    }
}

/// Breaks where the cache lets go of it.
#[derive(Clone, Serialize, Deserialize)]
struct Fragile(u64);

impl Drop for Fragile {
    fn drop(&mut self) {
        let thread = thread::current();
        let is_the_cache_s = thread.name().is_some_and(|name| name == "chiltepin-look");
        assert!(!is_the_cache_s || thread::panicking(), "dropped");
    }
}

#[task(cache)]
fn fragile(number: u64) -> Fragile {
    Fragile(number)
}

#[chiltepin::test]
fn a_value_that_panics_when_it_is_dropped_stops_no_other_task(_workflow: Workflow) {
    let place = Place::new();
    let workflow = open(&place);
    for number in 0..500 {
        drop(fragile(number).submit(&workflow));
    }
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        workflow.close_blocking();
        let _ = done.send(());
    });
    is_done
        .recv_timeout(Duration::from_secs(60))
        .expect("every task ends");
}
