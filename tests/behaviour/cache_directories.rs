//! Directories of tasks' own: empty for each execution, kept with the result, removed with it.

use std::fs;
use std::path::{Path, PathBuf};

use chiltepin::{TaskContext, Workflow, task};

use crate::place::Place;

/// A workflow that keeps its results here.
fn open(place: &Place) -> Workflow {
    place.configured(&format!(
        "[workflow]\ncache = '{}'",
        place.path("cache").display()
    ))
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Leaves a file behind each time, and says where the last one is and which attempt wrote it.
#[task(retries = 2)]
fn persist(context: &TaskContext) -> Result<(PathBuf, u32), String> {
    let folder = context.directory();
    let found = fs::read_dir(&folder).unwrap().count();
    assert_eq!(found, 0, "an earlier attempt's files are there");
    let path = folder.join(format!("attempt {}", context.attempt()));
    fs::write(&path, "written").unwrap();
    match context.attempt() {
        3 => Ok((path, 3)),
        early => Err(format!("{early} is too early")),
    }
}

#[chiltepin::test]
fn an_attempt_does_not_see_the_files_of_those_before(_workflow: Workflow) -> chiltepin::Result<()> {
    for is_cached in [false, true] {
        let place = Place::new();
        let workflow = open(&place);
        let call = persist().fresh_directory().cache(is_cached);
        let (path, attempt) = call.submit(&workflow).result()?;
        assert_eq!(
            (fs::read_to_string(&path).unwrap().as_str(), attempt),
            ("written", 3)
        );
        if is_cached {
            let kept = entries(&place.path("cache/directories"));
            assert_eq!(kept, [path.parent().unwrap()], "what failed is not kept");
        }
    }
    Ok(())
}

#[task]
fn fall(log: PathBuf, context: &TaskContext) -> PathBuf {
    let folder = context.directory();
    let found = fs::read_dir(&folder).unwrap().count();
    assert_eq!(found, 0, "the files of a lost worker are there");
    fs::write(folder.join("half"), "").unwrap();
    if !log.exists() {
        fs::write(&log, "").unwrap();
        std::process::abort();
    }
    folder
}

#[chiltepin::test]
fn after_a_lost_worker_the_directory_is_another_one(_workflow: Workflow) -> chiltepin::Result<()> {
    for is_cached in [false, true] {
        let place = Place::new();
        let workflow = place.configured(&format!(
            "[workflow]\ncache = '{}'\n\
             [pool]\nprovider = 'localhost'\nmax_workers_per_node = 1\ncrash_limit = 2",
            place.path("cache").display()
        ));
        let call = fall(place.path("log")).on("pool").fresh_directory();
        let folder = call.cache(is_cached).submit(&workflow).result()?;
        assert_eq!(entries(&folder), [folder.join("half")]);
    }
    Ok(())
}

/// Waits for the other one to have begun too.
#[task(cache, ignore(own, other))]
fn meet(own: PathBuf, other: PathBuf, context: &TaskContext) -> PathBuf {
    fs::write(&own, "").unwrap();
    crate::place::until("the other one", || other.exists());
    let path = context.directory().join("written by");
    fs::write(&path, own.to_str().unwrap()).unwrap();
    path
}

#[task(cache)]
fn read(path: PathBuf) -> std::io::Result<String> {
    fs::read_to_string(path)
}

#[chiltepin::test]
fn two_workflows_that_work_out_one_key_do_not_disturb_one_another(
    _workflow: Workflow,
) -> chiltepin::Result<()> {
    let place = Place::new();
    let workflows = [open(&place), open(&place)];
    let (one, two) = (place.path("one"), place.path("two"));
    let calls = [meet(one.clone(), two.clone()), meet(two, one)];
    let paths: Vec<_> = workflows
        .iter()
        .zip(calls)
        .map(|(workflow, call)| call.fresh_directory().submit(workflow))
        .collect();
    let texts: Vec<_> = workflows
        .iter()
        .zip(&paths)
        .map(|(workflow, path)| read(path).submit(workflow))
        .collect();
    for (text, name) in texts.iter().zip(["one", "two"]) {
        assert_eq!(text.result()?, place.path(name).to_str().unwrap());
    }
    drop(workflows);
    // A later run finds the one that holds, with its directory.
    let again = open(&place);
    let path = meet(place.path("a"), place.path("b"))
        .fresh_directory()
        .submit(&again);
    let text = read(&path).submit(&again).result()?;
    let paths = [paths[0].result()?, paths[1].result()?];
    let at = paths
        .iter()
        .position(|other| *other == path.result().unwrap());
    let name = ["one", "two"][at.expect("one of both")];
    assert_eq!(text, place.path(name).to_str().unwrap());
    assert_eq!(again.status().tasks.cached, 2);
    Ok(())
}

#[chiltepin::test]
fn without_a_cache_to_keep_it_in_a_directory_is_in_the_run_s_folder(
    _workflow: Workflow,
) -> chiltepin::Result<()> {
    let place = Place::new();
    // A file where the cache should be.
    place.write("cache", "");
    let workflow = open(&place);
    let call = persist().fresh_directory().cache(true);
    let (path, _) = call.submit(&workflow).result()?;
    assert!(path.starts_with(place.path("runs")), "{}", path.display());
    Ok(())
}
