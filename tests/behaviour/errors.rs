//! How things go wrong, and how that is told.

use std::error::Error as _;
use std::path::PathBuf;
use std::time::Duration;

use chiltepin::{
    AppFuture, Error, ErrorKind, Resources, TaskError, TaskGeometry, Workflow, bash_task,
    join_task, sh, task,
};
use serde::{Deserialize, Serialize};

use crate::support::{Stage, on_processes, open};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum FetchError {
    #[error("no answer from `{host}`")]
    NoAnswer { host: String },
}

#[derive(Debug, thiserror::Error)]
#[error("the table is broken")]
struct TableError {
    #[source]
    line: LineError,
}

#[derive(Debug, thiserror::Error)]
#[error("line 3 is broken")]
struct LineError(#[source] std::num::ParseIntError);

#[derive(Debug)]
struct OnlyDebug {
    #[expect(dead_code, reason = "it is printed")]
    code: u32,
}

#[task]
fn fetch(host: String) -> Result<u32, FetchError> {
    Err(FetchError::NoAnswer { host })
}

#[task]
fn fail_with_text() -> Result<u32, String> {
    Err("only words".to_owned())
}

#[task]
fn fail_with_static_text() -> Result<u32, &'static str> {
    Err("fixed words")
}

#[task]
fn fail_with_anyhow() -> anyhow::Result<u32> {
    use anyhow::Context;
    std::fs::read("/no/such/file")
        .context("no settings")
        .context("cannot start")?;
    Ok(1)
}

#[task]
fn fail_with_io() -> std::io::Result<u32> {
    Err(std::io::Error::other("the disk is full"))
}

#[task]
fn fail_with_box() -> Result<u32, Box<dyn std::error::Error>> {
    Err("anything".into())
}

#[task]
fn fail_with_box_that_is_sent() -> Result<u32, Box<dyn std::error::Error + Send + Sync>> {
    Err(Box::new(TableError {
        line: LineError("x".parse::<u8>().unwrap_err()),
    }))
}

#[task]
async fn fail_with_sources() -> Result<u32, TableError> {
    Err(TableError {
        line: LineError("x".parse::<u8>().unwrap_err()),
    })
}

#[task]
fn fail_with_debug() -> Result<u32, OnlyDebug> {
    Err(OnlyDebug { code: 4 })
}

#[task]
fn double(value: u32) -> u32 {
    2 * value
}

#[task]
async fn forever() -> u32 {
    std::future::pending().await
}

#[task]
fn hold(stage: Stage) -> u32 {
    stage.pass_blocking();
    1
}

const PANIC_LINE: u32 = line!() + 3;
#[task]
fn panic_with(value: i64) -> u32 {
    panic!("the value is {value}")
}

#[task]
async fn panic_later() -> u32 {
    tokio::task::yield_now().await;
    std::panic::panic_any(5_u8)
}

#[bash_task]
fn exit(code: i32, lines: u32) -> String {
    sh!("for i in $(seq {lines}); do echo line $i >&2; done; exit {code}")
}

#[bash_task]
fn kill_itself() -> String {
    sh!("echo before >&2; kill -9 $$")
}

#[join_task]
async fn join_fetch(workflow: &Workflow, host: String) -> AppFuture<u32> {
    fetch(host).submit(workflow)
}

/// Each error as `{}` and as `{:#}`, where that says more.
fn show(errors: impl IntoIterator<Item = TaskError>) -> String {
    let mut text = String::new();
    for error in errors {
        let (plain, full) = (error.to_string(), format!("{error:#}"));
        text += &plain;
        if full != plain {
            text += "\n--- and with causes\n";
            text += &full;
        }
        assert_eq!(format!("{error:?}"), full);
        text += "\n\n";
    }
    text
}

fn error<T: chiltepin::Value>(future: AppFuture<T>) -> TaskError {
    match future.result() {
        Ok(_) => panic!("{future:?} is no failure"),
        Err(error) => error,
    }
}

#[chiltepin::test]
fn what_a_body_returns_is_told(workflow: Workflow) {
    let workflow = &workflow;
    insta::assert_snapshot!(
        "errors_of_bodies",
        show([
            error(fetch("example.org").submit(workflow)),
            error(fail_with_text().submit(workflow)),
            error(fail_with_static_text().submit(workflow)),
            error(fail_with_anyhow().submit(workflow)),
            error(fail_with_io().submit(workflow)),
            error(fail_with_box().submit(workflow)),
            error(fail_with_box_that_is_sent().submit(workflow)),
            error(fail_with_sources().submit(workflow)),
            error(fail_with_debug().submit(workflow)),
            error(fail_with_text().name("renamed").retries(1).submit(workflow)),
            fail_with_text().run_blocking().unwrap_err(),
        ])
    );
}

#[chiltepin::test]
fn panics_and_stops_are_told(workflow: Workflow) {
    let workflow = &workflow;
    let cancelled = forever().submit(workflow);
    cancelled.cancel();
    let short = Duration::from_millis(20);
    let (one, two) = (Stage::new(), Stage::new());
    let abandoned = hold(one).submit(workflow);
    one.until_entered(1);
    abandoned.cancel();
    let text = show([
        error(panic_with(7).submit(workflow)),
        error(panic_later().submit(workflow)),
        error(cancelled),
        error(abandoned),
        error(forever().timeout(short).submit(workflow)),
        error(hold(two).timeout(short).submit(workflow)),
    ]);
    one.open();
    two.open();
    let place = without_lines(&text);
    if on_processes() {
        insta::assert_snapshot!("errors_of_panics_and_stops_of_workers", place);
    } else {
        insta::assert_snapshot!("errors_of_panics_and_stops", place);
    }
}

/// The text with the lines of this file, which move with each change, taken out.
fn without_lines(text: &str) -> String {
    let mut pieces = text.split(file!());
    let mut cleaned = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        cleaned += file!();
        cleaned += ":LINE";
        cleaned +=
            piece.trim_start_matches(|letter: char| letter == ':' || letter.is_ascii_digit());
    }
    cleaned
}

#[chiltepin::test]
fn failed_dependencies_and_joins_are_told(workflow: Workflow) {
    let workflow = &workflow;
    let failed = fetch("example.org").submit(workflow);
    let next = double(&failed).submit(workflow);
    let last = double(&next).name("last").submit(workflow);
    let cancelled = forever().submit(workflow);
    let of_cancelled = double(&cancelled).submit(workflow);
    cancelled.cancel();
    let of_panic = double(panic_with(1).submit(workflow)).submit(workflow);
    let late = double(
        forever()
            .timeout(Duration::from_millis(20))
            .submit(workflow),
    );
    let of_late = late.submit(workflow);
    let mut errors = vec![
        error(next),
        error(last),
        error(of_cancelled),
        error(of_panic),
    ];
    errors.push(error(of_late));
    let join = join_fetch("example.org").submit(workflow);
    errors.push(error(join.clone()));
    errors.push(error(double(join).submit(workflow)));
    insta::assert_snapshot!(
        "errors_of_dependencies_and_joins",
        without_lines(&show(errors))
    );
}

#[chiltepin::test]
fn failed_commands_are_told(workflow: Workflow) -> chiltepin::Result<()> {
    let workflow = &workflow;
    let folder = tempfile::tempdir()?;
    let promised = exit(0, 0)
        .outputs(["promised.txt"])
        .directory(folder.path());
    let text = show([
        error(exit(3, 2).submit(workflow)),
        error(exit(4, 0).submit(workflow)),
        error(exit(1, 30).submit(workflow)),
        error(kill_itself().submit(workflow)),
        error(promised.submit(workflow)),
        error(exit(0, 0).stdout("/proc/no/such/folder").submit(workflow)),
    ]);
    let folder = folder.path().to_string_lossy();
    insta::assert_snapshot!("errors_of_commands", text.replace(&*folder, "FOLDER"));
    Ok(())
}

#[chiltepin::test]
fn refused_calls_are_told(_workflow: Workflow) {
    let workflow = &open(
        "[compute]\nprovider = 'threads'\nmax_threads = 2\nmemory = '1GiB'\n[cluster]\nendpoint = '1234'",
    );
    let wrong = TaskGeometry::nodes(2).ranks_per_node(4).num_ranks(9);
    let big = Resources {
        cores: 5,
        memory: 2 << 30,
        gpus: 1,
    };
    let list = AppFuture::ready(vec![1_u32, 2]);
    let made = double(1)
        .name("made")
        .submit(workflow)
        .map(|value| vec![*value]);
    let mut errors = vec![
        error(double(1).on("compuet").submit(workflow)),
        error(double(1).on("x").submit(workflow)),
        error(double(1).on("cluster").submit(workflow)),
        error(double(1).geometry(wrong).submit(workflow)),
        error(double(1).on("compute").resources(big).submit(workflow)),
        error(list.index(2)),
        error(made.index(7)),
        error(double(made.index(1)).submit(workflow)),
    ];
    workflow.close_blocking();
    errors.push(error(double(1).submit(workflow)));
    insta::assert_snapshot!("errors_of_refused_calls", show(errors));
}

#[chiltepin::test]
fn errors_that_can_travel_come_back_as_they_are(workflow: Workflow) {
    let host = || "example.org".to_owned();
    let expected = FetchError::NoAnswer { host: host() };
    let failed = fetch(host()).submit(&workflow);
    let join = join_fetch(host()).submit(&workflow);
    let below = double(double(join.clone()).submit(&workflow)).submit(&workflow);
    for error in [error(failed), error(join), error(below)] {
        assert_eq!(error.downcast_ref::<FetchError>(), Some(&expected));
        assert_eq!(error.downcast_ref::<String>(), None);
        assert_eq!(error.root().task(), "fetch");
        assert_eq!(error.root().executor(), Some("local"));
    }
    let text = error(fail_with_text().submit(&workflow));
    assert_eq!(text.downcast_ref::<String>().unwrap(), "only words");
    for future in [
        fail_with_io().submit(&workflow),
        fail_with_anyhow().submit(&workflow),
        fail_with_sources().submit(&workflow),
    ] {
        let error = error(future);
        assert!(error.downcast_ref::<std::io::Error>().is_none());
        assert!(error.downcast_ref::<TableError>().is_none());
        assert!(matches!(error.kind(), ErrorKind::Failed(_)));
    }
}

#[chiltepin::test]
fn the_source_chain_is_walked(workflow: Workflow) {
    let chain = |error: &TaskError| {
        let causes = std::iter::successors(error.source(), |cause| (*cause).source());
        causes.map(ToString::to_string).collect::<Vec<_>>()
    };
    let with_causes = error(fail_with_sources().submit(&workflow));
    assert_eq!(
        chain(&with_causes),
        ["line 3 is broken", "invalid digit found in string"]
    );
    let below = error(double(fail_with_sources().submit(&workflow)).submit(&workflow));
    let causes = chain(&below);
    assert!(causes[0].contains("the table is broken"), "{causes:?}");
    assert_eq!(causes[1..], chain(&with_causes));
}

#[chiltepin::test]
fn an_error_tells_its_task(workflow: Workflow) {
    let failed = fail_with_text().name("third").retries(1).submit(&workflow);
    let told = error(failed.clone());
    assert_eq!(
        (told.task(), told.id(), told.attempt()),
        ("third", failed.id(), 2)
    );
    assert_eq!(told.executor(), Some("local"));
    assert_eq!(told.root().id(), told.id());
    let next = double(&failed).submit(&workflow);
    let below = error(next.clone());
    assert_eq!(
        (below.task(), below.id(), below.attempt()),
        ("double", next.id(), 0)
    );
    assert_eq!((below.executor(), below.root().id()), (None, failed.id()));
    assert!(!below.is_cancelled() && !below.is_timeout());
}

#[chiltepin::test]
fn a_panic_tells_its_place_and_harms_nobody_else(workflow: Workflow) {
    let panics = workflow.map(0..50, panic_with);
    let others = workflow.map(0..50, double);
    for (n, panic) in panics.into_iter().enumerate() {
        let error = error(panic);
        let ErrorKind::Panicked(report) = error.kind() else {
            panic!("{error}");
        };
        assert_eq!(report.message, format!("the value is {n}"));
        assert_eq!(
            (report.file.as_deref(), report.line),
            (Some(file!()), Some(PANIC_LINE))
        );
    }
    for (n, other) in (0..).zip(others) {
        assert_eq!(other.result().unwrap(), 2 * n);
    }
    assert!(matches!(
        error(panic_later().submit(&workflow)).kind(),
        ErrorKind::Panicked(_)
    ));
}

#[chiltepin::test]
async fn errors_become_those_of_the_program(workflow: Workflow) {
    async fn of_task(workflow: &Workflow) -> chiltepin::Result<u32> {
        Ok(fail_with_sources().submit(workflow).await?)
    }
    fn of_io(path: PathBuf) -> chiltepin::Result<String> {
        Ok(std::fs::read_to_string(path)?)
    }
    fn of_anyhow(workflow: &Workflow) -> anyhow::Result<u32> {
        Ok(fail_with_text().submit(workflow).result()?)
    }
    let error = of_task(&workflow).await.unwrap_err();
    assert!(matches!(&error, Error::Task(task) if task.task() == "fail_with_sources"));
    assert_eq!(error.to_string().lines().count(), 1);
    insta::assert_snapshot!("error_of_a_program", format!("{error:?}"));
    assert!(matches!(
        of_io("/no/such".into()).unwrap_err(),
        Error::Other(_)
    ));
    let error = of_anyhow(&workflow).unwrap_err();
    assert!(error.downcast_ref::<TaskError>().is_some());
    let error = Error::other(TableError {
        line: LineError("x".parse::<u8>().unwrap_err()),
    });
    let Error::Other(other) = &error else {
        panic!("{error}");
    };
    assert!(other.downcast_ref::<TableError>().is_some());
    assert!(matches!(
        Workflow::builder()
            .config("/no/such.toml")
            .open()
            .unwrap_err(),
        Error::Config(_)
    ));
}
