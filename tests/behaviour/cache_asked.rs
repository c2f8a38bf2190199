//! A program that asks for its kept results, and removes some.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use chiltepin::caching::{Cache, CacheError, KeyPart, Listing, Why};
use chiltepin::{AppFuture, File, TaskContext, Workflow, task};

use crate::place::Place;

fn open(place: &Place) -> Workflow {
    place.configured(&format!(
        "[workflow]\ncache = '{}'",
        place.path("cache").display()
    ))
}

#[task(cache)]
fn square(n: u64) -> u64 {
    n * n
}

#[task(cache)]
fn sum(values: Vec<u64>) -> u64 {
    values.iter().sum()
}

#[task(cache)]
fn length(file: File) -> std::io::Result<usize> {
    Ok(fs::read_to_string(&file)?.len())
}

#[task(cache)]
fn draw(context: &TaskContext) -> std::io::Result<PathBuf> {
    let path = context.directory().join("picture");
    fs::write(&path, "a tree")?;
    Ok(path)
}

#[task]
fn plain(n: u64) -> u64 {
    n
}

#[task]
fn fail() -> Result<u64, String> {
    Err("no luck".to_owned())
}

fn tasks(listing: &Listing) -> Vec<&str> {
    let mut tasks: Vec<_> = listing.iter().map(|result| &*result.task).collect();
    tasks.sort_unstable();
    tasks
}

/// Three squares, and their sum.
async fn filled(place: &Place) -> (Workflow, Cache) {
    let workflow = open(place);
    let squares: Vec<_> = (1..=3)
        .map(|n| square(n).name(format!("square {n}")).submit(&workflow))
        .collect();
    sum(squares).name("sum").submit(&workflow).await.unwrap();
    let cache = workflow.cache();
    (workflow, cache)
}

async fn left(cache: &Cache) -> usize {
    cache.everything().list().await.unwrap().len()
}

#[chiltepin::test]
async fn a_call_that_was_cleared_runs_again(_workflow: Workflow) {
    let place = Place::new();
    let (workflow, cache) = filled(&place).await;
    // The argument is a future, and the call is submitted afterwards all the same.
    let two = AppFuture::ready(1).map(|one: &u64| one + 1);
    let call = square(&two);
    let removed = cache.clear(&call).await.unwrap();
    assert_eq!(tasks(&removed), ["square 2"]);
    assert!(removed.bytes() > 0 && !removed[0].is_downstream);
    assert!(removed[0].function.ends_with("::square"), "{removed:?}");
    let before = workflow.status().tasks.cached;
    assert_eq!(call.submit(&workflow).await.unwrap(), 4);
    assert_eq!(workflow.status().tasks.cached, before);
    assert_eq!(square(2).submit(&workflow).await.unwrap(), 4);
    assert_eq!(workflow.status().tasks.cached, before + 1);
    // What is not there is nothing to remove.
    assert!(cache.clear(&square(99)).await.unwrap().is_empty());
    assert_eq!(left(&cache).await, 4);
}

#[chiltepin::test]
async fn a_task_s_result_is_waited_for_where_it_is_an_argument(_workflow: Workflow) {
    #[task]
    fn wait(go: PathBuf) -> u64 {
        crate::place::until("the go", || go.exists());
        3
    }
    let place = Place::new();
    let (workflow, cache) = filled(&place).await;
    let three = wait(place.path("go")).submit(&workflow);
    let call = square(&three);
    let (removed, ()) = futures::join!(cache.clear(&call), async {
        place.write("go", "");
    });
    assert_eq!(tasks(&removed.unwrap()), ["square 3"]);
}

#[chiltepin::test]
async fn what_a_result_went_into_goes_along_if_it_is_told(_workflow: Workflow) {
    let place = Place::new();
    let (_workflow, cache) = filled(&place).await;
    let one = square(1);
    let selection = cache.call(&one).downstream();
    let listed = selection.list().await.unwrap();
    assert_eq!(tasks(&listed), ["square 1", "sum"]);
    assert_eq!(left(&cache).await, 4, "a listing removes nothing");
    assert_eq!(selection.clear().await.unwrap(), listed);
    let downstream: Vec<_> = listed.iter().filter(|it| it.is_downstream).collect();
    assert_eq!(downstream[0].task, "sum");
    assert_eq!(left(&cache).await, 2);
}

#[chiltepin::test]
async fn results_are_chosen_by_function_age_and_run(_workflow: Workflow) {
    let place = Place::new();
    let (_workflow, cache) = filled(&place).await;
    let hour = Duration::from_secs(3600);
    let run = cache.everything().list().await.unwrap()[0].run.clone();
    let of_run = |run: &str| cache.everything().run(run);
    for (selection, expected) in [
        (cache.function("square"), 3),
        (cache.function("cache_asked::square"), 3),
        (cache.function("are"), 0),
        (cache.function("square").older_than(hour), 0),
        (cache.older_than(hour), 0),
        (cache.older_than(Duration::ZERO), 4),
        (of_run(&run).function("sum"), 1),
        (of_run("another"), 0),
    ] {
        let listed = selection.list().await.unwrap();
        assert_eq!(listed.len(), expected, "{selection:?}");
    }
    assert_eq!(cache.function("sum").clear().await.unwrap().len(), 1);
    assert_eq!(left(&cache).await, 3);
    let removed = cache.everything().clear().await.unwrap();
    assert_eq!(tasks(&removed), ["square 1", "square 2", "square 3"]);
    assert_eq!(left(&cache).await, 0);
    // Also for who opens the cache later.
    let later = open(&place);
    assert_eq!(left(&later.cache()).await, 0);
}

#[chiltepin::test]
async fn a_kept_directory_goes_with_its_result(_workflow: Workflow) {
    let place = Place::new();
    let workflow = open(&place);
    let call = || draw().fresh_directory();
    let path = call().submit(&workflow).await.unwrap();
    workflow.cache().clear(&call()).await.unwrap();
    assert!(!path.parent().unwrap().exists());
    let again = call().submit(&workflow).await.unwrap();
    assert_ne!(again, path);
    assert_eq!(fs::read_to_string(again).unwrap(), "a tree");
}

#[chiltepin::test]
async fn why_tells_what_is_new(_workflow: Workflow) {
    let place = Place::new();
    let (_workflow, cache) = filled(&place).await;
    let kept = cache.why(&square(2)).await.unwrap();
    let text = kept.to_string();
    assert!(matches!(kept, Why::Kept(kept) if kept.task == "square 2"));
    assert!(text.contains("`square 2` of run "), "{text}");
    let new = cache.why(&square(9)).await.unwrap();
    assert_eq!(new.parts(), [KeyPart::Argument("n".to_owned())]);
    let text = new.to_string();
    assert!(
        text.ends_with(", new is:\n  the value of the argument `n`"),
        "{text}"
    );
    let file = place.write("text", "one");
    let unknown = cache.why(&length(file)).await.unwrap();
    assert_eq!(unknown, Why::Unknown);
    assert_eq!(unknown.to_string(), "no result of the function is kept");
}

#[chiltepin::test]
async fn why_there_is_no_answer_is_told(_workflow: Workflow) {
    let place = Place::new();
    let workflow = open(&place);
    let cache = workflow.cache();
    let error = cache.clear(&plain(1)).await.unwrap_err();
    assert!(matches!(&error, CacheError::NotCached { task } if task == "plain"));
    assert!(error.to_string().contains("`.cache(true)`"), "{error}");
    assert!(cache.clear(&plain(1).cache(true)).await.is_ok());
    let failed = fail().submit(&workflow);
    let error = cache.why(&square(&failed)).await.unwrap_err();
    let CacheError::Arguments { task, error } = error else {
        panic!("{error}")
    };
    assert_eq!(task, "square");
    assert!(error.to_string().contains("fail"), "{error}");
    let error = cache.why(&length(place.path("none"))).await.unwrap_err();
    let CacheError::Arguments { error, .. } = error else {
        panic!("{error}")
    };
    assert!(error.to_string().contains("/none`"), "{error}");

    let off = place.configured("[workflow]\ncache = false");
    let error = off.cache().everything().list().await.unwrap_err();
    assert!(error.to_string().contains("`cache = false`"), "{error}");
    let other = Place::new();
    fs::create_dir(other.path("cache")).unwrap();
    other.write("cache/thesis.tex", "");
    let error = open(&other).cache().everything().clear().await.unwrap_err();
    assert!(matches!(error, CacheError::Unusable { .. }), "{error}");
    assert!(error.to_string().contains("is not a cache"), "{error}");
}

#[task(cache)]
fn rest(number: u64) -> u64 {
    std::thread::sleep(Duration::from_millis(50));
    number
}

#[chiltepin::test]
async fn what_a_result_took_is_told_without_its_time_in_the_queue(_workflow: Workflow) {
    let place = Place::new();
    let folder = place.path("cache");
    let workflow = place.configured(&format!(
        "[workflow]\ncache = '{}'\nexecutors = ['one']\n[one]\nprovider = 'threads'\nmax_threads = 1",
        folder.display()
    ));
    let begun = Instant::now();
    for future in workflow.map(0..6, rest) {
        future.await.unwrap();
    }
    let elapsed = begun.elapsed();
    let cache = workflow.cache();
    let results = cache.everything().list().await.unwrap();
    // One ran after the other.
    let took: Duration = results.iter().map(|result| result.took).sum();
    assert!(took < elapsed * 3 / 2, "{took:?} of {elapsed:?}");
}
