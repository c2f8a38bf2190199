//! What a body learns of its task, where it works, and how it runs without a workflow.

use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use chiltepin::{ErrorKind, TaskContext, Workflow, bash_task, sh, task};

use crate::support::{LIMIT, Stage, on_processes, until};

#[task]
fn double(value: u32) -> u32 {
    2 * value
}

#[task]
async fn pass(stage: Stage) {
    stage.pass().await;
}

#[bash_task]
fn exit_with_attempt() -> String {
    sh!("[ \"$CHILTEPIN_ATTEMPT\" = 2 ]")
}

#[bash_task]
fn sleep() -> String {
    sh!("sleep 1000")
}

#[task]
fn describe(context: &TaskContext) -> (u64, String, u32, bool, bool, PathBuf) {
    (
        context.id().number(),
        context.name().to_owned(),
        context.attempt(),
        context
            .deadline()
            .is_some_and(|deadline| deadline > Instant::now()),
        context.is_cancelled(),
        context.directory(),
    )
}

#[task]
async fn describe_later(context: &TaskContext, stage: Stage) -> (u64, u32) {
    stage.pass().await;
    (context.id().number(), context.attempt())
}

#[task]
fn until_cancelled(context: &TaskContext, stage: Stage) {
    let _entry = stage.enter();
    until(|| context.is_cancelled());
}

#[chiltepin::test]
fn a_body_learns_its_context(workflow: Workflow) -> chiltepin::Result<()> {
    let here = std::env::current_dir()?;
    let plain = describe().submit(&workflow).result()?;
    assert_eq!(plain, (1, "describe".to_owned(), 1, false, false, here));
    let limited = describe()
        .timeout(LIMIT)
        .name("limited")
        .submit(&workflow)
        .result()?;
    assert_eq!((limited.0, &*limited.1, limited.3), (2, "limited", true));
    let stage = Stage::new();
    let later = describe_later(stage).submit(&workflow);
    stage.open();
    assert_eq!(later.result()?, (3, 1));

    let stage = Stage::new();
    let cancelled = until_cancelled(stage).submit(&workflow);
    stage.until_entered(1);
    cancelled.cancel();
    until(|| stage.inside() == 0);
    Ok(())
}

#[task]
fn write_here(context: &TaskContext) -> std::io::Result<PathBuf> {
    let path = context.directory().join("written");
    std::fs::write(&path, context.name())?;
    Ok(path)
}

#[bash_task]
fn command_writes_here() -> String {
    sh!("pwd > written")
}

#[chiltepin::test]
fn a_task_works_in_its_directory(_workflow: Workflow) -> chiltepin::Result<()> {
    let folder = tempfile::tempdir()?;
    let root = folder.path().canonicalize()?;
    let here = std::env::current_dir()?;
    let workflow = Workflow::builder()
        .run_dir(root.join("runs"))
        .journal(false)
        .open()?;
    let deep = root.join("not/there/yet");
    let written = write_here().directory(&deep).submit(&workflow).result()?;
    assert_eq!(written, deep.join("written"));
    assert!(written.exists());
    // What workers print is kept there.
    assert_eq!(root.join("runs").exists(), on_processes());
    command_writes_here()
        .directory(root.join("c"))
        .submit(&workflow)
        .result()?;
    let pwd = std::fs::read_to_string(root.join("c/written"))?;
    assert_eq!(pwd.trim_end(), root.join("c").to_string_lossy());

    let fresh = workflow.map([1, 2], |_| write_here().name("a/b c").fresh_directory());
    let fresh: Vec<_> = fresh
        .iter()
        .map(|future| future.result().unwrap())
        .collect();
    assert_ne!(fresh[0], fresh[1]);
    for path in fresh {
        assert!(
            path.exists() && path.starts_with(root.join("runs")),
            "{}",
            path.display()
        );
    }
    assert_eq!(std::env::current_dir()?, here);

    std::fs::write(root.join("file"), "")?;
    let error = write_here()
        .directory(root.join("file/x"))
        .submit(&workflow)
        .result();
    let error = error.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::System { .. }), "{error}");
    Ok(())
}

#[task]
fn factorial(n: u64) -> Result<u64, String> {
    match n {
        0 => Ok(1),
        _ => factorial(n - 1)
            .run_blocking()
            .map(|product| n * product)
            .map_err(|error| error.to_string()),
    }
}

#[task]
async fn fail_later() -> Result<u32, String> {
    tokio::task::yield_now().await;
    Err("later".to_owned())
}

#[task]
fn panics() {
    panic!("here and now");
}

#[chiltepin::test]
async fn a_call_runs_here_and_now(workflow: Workflow) -> chiltepin::Result<()> {
    assert_eq!(factorial(10).run().await?, 3_628_800);
    assert_eq!(double(double(4).submit(&workflow)).run().await?, 16);
    let error = fail_later().run().await.unwrap_err();
    assert_eq!(error.downcast_ref::<String>().unwrap(), "later");
    assert_eq!((error.task(), error.executor()), ("fail_later", None));
    let error = panics().name("p").run().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Panicked(_)));
    let failed = double(fail_later().submit(&workflow))
        .run()
        .await
        .unwrap_err();
    assert!(matches!(failed.kind(), ErrorKind::DependencyFailed { .. }));
    assert_eq!(exit_with_attempt().run().await.unwrap_err().attempt(), 0);
    assert_eq!(describe().run().await?.2, 1);
    Ok(())
}

#[chiltepin::test]
fn a_call_runs_without_any_runtime() {
    assert_eq!(factorial(10).run_blocking().unwrap(), 3_628_800);
    let error = fail_later().run_blocking().unwrap_err();
    assert_eq!(error.downcast_ref::<String>().unwrap(), "later");
    let error = panics().run_blocking().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Panicked(_)));
    let error = exit_with_attempt().run_blocking().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::ExitCode { code: 1, .. }));
    assert_eq!(
        exit_with_attempt()
            .allow_exit_codes([1])
            .run_blocking()
            .unwrap(),
        1
    );
}

#[chiltepin::test]
fn a_run_keeps_to_its_timeout() {
    let stage = Stage::new();
    let short = Duration::from_millis(20);
    let error = pass(stage).timeout(short).run_blocking().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    let error = sleep().timeout(short).run_blocking().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    // Where nothing tells the time, that is an error and no panic.
    let mut run = pin!(pass(stage).timeout(short).run());
    let Poll::Ready(Err(error)) = run.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("it waits for a time that never comes");
    };
    assert!(
        matches!(error.kind(), ErrorKind::InvalidCall { .. }),
        "{error}"
    );
}

/// Leaves files in the scratch folder, says where that is in a file, and ends as it is told.
fn leave(context: &TaskContext, end: &str, log: &PathBuf) -> Result<u32, String> {
    let folder = context.scratch().map_err(|error| error.to_string())?;
    std::fs::create_dir(folder.join("below")).unwrap();
    std::fs::write(folder.join("below/file"), "").unwrap();
    assert_eq!(context.clone().scratch().unwrap(), folder);
    std::fs::write(log, folder.to_str().unwrap()).unwrap();
    match end {
        "value" => Ok(context.attempt()),
        "error" => Err("no luck".to_owned()),
        _ => panic!("as told"),
    }
}

#[task]
fn scratch(context: &TaskContext, end: String, log: PathBuf) -> Result<u32, String> {
    leave(context, &end, &log)
}

#[task]
async fn scratch_later(context: &TaskContext, end: String, log: PathBuf) -> Result<u32, String> {
    let left = leave(context, &end, &log);
    tokio::task::yield_now().await;
    left
}

#[bash_task]
fn scratch_of_command(context: &TaskContext) -> Result<String, std::io::Error> {
    let folder = context.scratch()?;
    Ok(sh!("ls {folder}"))
}

#[chiltepin::test]
fn a_scratch_folder_goes_with_its_attempt(workflow: Workflow) -> chiltepin::Result<()> {
    let root = tempfile::tempdir()?;
    for end in ["value", "error", "panic"] {
        let logs = ["now", "later"].map(|name| root.path().join(format!("{name} {end}")));
        let [now, later] = &logs;
        let calls = [
            scratch(end, now.clone()).submit(&workflow),
            scratch_later(end, later.clone()).submit(&workflow),
        ];
        for (call, log) in calls.iter().zip(&logs) {
            assert_eq!(call.result().is_ok(), end == "value", "{call:?}");
            let folder = PathBuf::from(std::fs::read_to_string(log)?);
            assert!(folder.is_absolute() && !folder.exists(), "{end}");
        }
    }
    let error = scratch_of_command().submit(&workflow).result().unwrap_err();
    assert!(error.to_string().contains("`mktemp -d`"), "{error}");
    Ok(())
}
