//! Calls that submit calls.

use std::time::Duration;

use chiltepin::{AppFuture, ErrorKind, TaskContext, Workflow, join_task, task};

use crate::support::{Stage, until};

#[task]
async fn double(value: u64) -> u64 {
    2 * value
}

#[task]
async fn add(x: u64, y: u64) -> u64 {
    x + y
}

#[task]
fn sum(values: Vec<u64>) -> u64 {
    values.iter().sum()
}

#[task]
async fn fail(message: String) -> Result<u64, String> {
    Err(message)
}

#[task]
async fn wait(stage: Stage) -> u64 {
    stage.pass().await;
    1
}

#[join_task]
async fn a_future(workflow: &Workflow, value: u64) -> AppFuture<u64> {
    double(value).submit(workflow)
}

#[join_task]
async fn a_result_of_a_future(workflow: &Workflow, value: u64) -> Result<AppFuture<u64>, String> {
    match value {
        0 => Err("nothing to double".to_owned()),
        _ => Ok(double(value).submit(workflow)),
    }
}

#[join_task]
fn a_list(workflow: &Workflow, values: Vec<u64>) -> Vec<AppFuture<u64>> {
    workflow.map(values, double)
}

#[join_task]
fn a_result_of_a_list(
    workflow: &Workflow,
    values: Vec<u64>,
) -> Result<Vec<AppFuture<u64>>, String> {
    match values.len() {
        0 => Err("nothing to double".to_owned()),
        _ => Ok(workflow.map(values, double)),
    }
}

#[join_task]
async fn a_value(workflow: &Workflow, value: u64) -> u64 {
    let doubled = double(value).submit(workflow).await.unwrap();
    doubled + 1
}

#[join_task]
async fn a_result_of_a_value(workflow: &Workflow, value: u64) -> Result<u64, chiltepin::TaskError> {
    Ok(fail("awaited")
        .inputs(double(value).submit(workflow))
        .submit(workflow)
        .await?
        + 1)
}

#[join_task]
async fn nothing(workflow: &Workflow) {
    double(1).submit(workflow).await.unwrap();
}

#[chiltepin::test]
async fn a_join_gives_what_it_returns(workflow: Workflow) -> chiltepin::Result<()> {
    assert_eq!(a_future(3).submit(&workflow).await?, 6);
    assert_eq!(a_result_of_a_future(3).submit(&workflow).await?, 6);
    assert_eq!(a_list(vec![1, 2]).submit(&workflow).await?, [2, 4]);
    assert_eq!(
        a_list(Vec::<u64>::new()).submit(&workflow).await?,
        Vec::<u64>::new()
    );
    assert_eq!(
        a_result_of_a_list(vec![1, 2]).submit(&workflow).await?,
        [2, 4]
    );
    assert_eq!(a_value(3).submit(&workflow).await?, 7);
    nothing().submit(&workflow).await?;
    // A join is a call like any other: it waits for its arguments, and others wait for it.
    let first = a_future(double(1).submit(&workflow)).submit(&workflow);
    let second = sum(a_list([first, AppFuture::ready(3)]).submit(&workflow)).submit(&workflow);
    assert_eq!(second.await?, 14);
    Ok(())
}

#[chiltepin::test]
async fn a_join_that_returns_an_error_fails_with_it(workflow: Workflow) {
    for error in [
        a_result_of_a_future(0).submit(&workflow).await.unwrap_err(),
        a_result_of_a_list(Vec::<u64>::new())
            .submit(&workflow)
            .await
            .unwrap_err(),
    ] {
        assert!(matches!(error.kind(), ErrorKind::Failed(_)));
        assert_eq!(error.downcast_ref::<String>().unwrap(), "nothing to double");
        assert_eq!((error.executor(), error.attempt()), (Some("driver"), 1));
    }
    let error = a_result_of_a_value(1).submit(&workflow).await.unwrap_err();
    assert!(format!("{error:#}").contains("awaited"), "{error:#}");
}

#[join_task]
async fn panics(workflow: &Workflow) -> AppFuture<u64> {
    let _ = double(1).submit(workflow).await;
    panic!("in a join")
}

#[join_task]
fn panics_at_once(_workflow: &Workflow) -> AppFuture<u64> {
    panic!("in a join")
}

#[chiltepin::test]
async fn a_panic_of_a_join_is_its_error(workflow: Workflow) {
    for call in [panics(), panics_at_once()] {
        let error = call.submit(&workflow).await.unwrap_err();
        let ErrorKind::Panicked(report) = error.kind() else {
            panic!("{error}");
        };
        assert_eq!(
            (&*report.message, report.file.as_deref()),
            ("in a join", Some(file!()))
        );
    }
    assert_eq!(double(1).submit(&workflow).await.unwrap(), 2);
}

#[join_task]
fn one_of_several_fails(workflow: &Workflow, stage: Stage) -> Vec<AppFuture<u64>> {
    vec![
        double(1).submit(workflow),
        fail("the second").submit(workflow),
        wait(stage).submit(workflow),
    ]
}

#[join_task]
fn of_a_join(workflow: &Workflow, stage: Stage) -> AppFuture<Vec<u64>> {
    one_of_several_fails(stage).submit(workflow)
}

#[chiltepin::test]
async fn a_failing_child_fails_its_join(workflow: Workflow) {
    let stage = Stage::new();
    let outer = of_a_join(stage).submit(&workflow);
    let after = sum(&outer).submit(&workflow);
    let error = outer.await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::JoinFailed { .. }));
    assert_eq!((error.task(), error.root().task()), ("of_a_join", "fail"));
    assert_eq!(error.downcast_ref::<String>().unwrap(), "the second");
    assert_eq!(after.await.unwrap_err().root().task(), "fail");
    // Its other children go on.
    stage.until_entered(1);
    assert_eq!(stage.inside(), 1);
    stage.open();
}

#[join_task(retries = 2)]
async fn fails_twice(context: &TaskContext, workflow: &Workflow) -> Result<AppFuture<u64>, String> {
    match context.attempt() {
        1 => Err("the body".to_owned()),
        2 => Ok(fail("a child").submit(workflow)),
        attempt => Ok(double(u64::from(attempt)).submit(workflow)),
    }
}

#[chiltepin::test]
async fn a_join_is_repeated_as_any_call(workflow: Workflow) -> chiltepin::Result<()> {
    assert_eq!(fails_twice().submit(&workflow).await?, 6);
    let error = fails_twice()
        .retries(1)
        .submit(&workflow)
        .await
        .unwrap_err();
    assert_eq!(error.downcast_ref::<String>().unwrap(), "a child");
    assert_eq!(error.attempt(), 2);
    Ok(())
}

#[join_task]
async fn fibonacci(workflow: &Workflow, n: u64) -> AppFuture<u64> {
    if n < 2 {
        return AppFuture::ready(n);
    }
    let (one, two) = (
        fibonacci(n - 1).submit(workflow),
        fibonacci(n - 2).submit(workflow),
    );
    add(one, two).submit(workflow)
}

#[join_task]
async fn descend(workflow: &Workflow, depth: u64) -> AppFuture<u64> {
    match depth {
        0 => double(21).submit(workflow),
        _ => descend(depth - 1).submit(workflow),
    }
}

#[chiltepin::test]
async fn joins_may_call_themselves(workflow: Workflow) -> chiltepin::Result<()> {
    assert_eq!(fibonacci(16).submit(&workflow).await?, 987);
    assert_eq!(descend(3_000).submit(&workflow).await?, 42);
    Ok(())
}

#[join_task]
async fn wait_for(workflow: &Workflow, begun: Stage, stage: Stage) -> u64 {
    let _entry = begun.enter();
    wait(stage).submit(workflow).await.unwrap()
}

#[chiltepin::test]
async fn thousands_of_joins_wait_at_once(workflow: Workflow) -> chiltepin::Result<()> {
    let (begun, stage) = (Stage::new(), Stage::new());
    let joins = workflow.map(0..2_000, |_| wait_for(begun, stage));
    while begun.inside() < 2_000 {
        tokio::task::yield_now().await;
    }
    assert!(joins.iter().all(|join| !join.done()));
    stage.open();
    let values = futures::future::try_join_all(joins).await?;
    assert_eq!(values, [1; 2_000]);
    Ok(())
}

#[join_task]
async fn family(workflow: &Workflow, stage: Stage) -> AppFuture<Vec<u64>> {
    // One that is returned, one that nobody looks at, and those of a join below.
    drop(wait(stage).submit(workflow));
    let below = one_level_below(stage).submit(workflow);
    drop(wait(stage).inputs(&below).submit(workflow));
    below
}

#[join_task]
fn one_level_below(workflow: &Workflow, stage: Stage) -> Vec<AppFuture<u64>> {
    workflow.map([stage; 3], wait)
}

#[chiltepin::test]
fn with_a_cancelled_join_goes_what_it_submitted(workflow: Workflow) {
    let stage = Stage::new();
    let beside = wait(stage).submit(&workflow);
    let join = family(stage).submit(&workflow);
    stage.until_entered(5);
    join.cancel();
    let error = join.result().unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Cancelled { .. }),
        "{error}"
    );
    until(|| stage.inside() == 1);
    stage.open();
    assert_eq!(beside.result().unwrap(), 1);
    workflow.close_blocking();
    assert_eq!(stage.entered(), 5);
}

#[chiltepin::test]
fn with_a_join_that_takes_too_long_goes_what_it_submitted(workflow: Workflow) {
    let stage = Stage::new();
    let join = family(stage)
        .timeout(Duration::from_millis(300))
        .submit(&workflow);
    let error = join.result().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    until(|| stage.inside() == 0);
}

#[chiltepin::test]
fn a_cancelled_child_fails_its_join(workflow: Workflow) {
    let stage = Stage::new();
    static CHILD: std::sync::Mutex<Option<AppFuture<u64>>> = std::sync::Mutex::new(None);
    #[join_task]
    fn shows_its_child(workflow: &Workflow, stage: Stage) -> AppFuture<u64> {
        let child = wait(stage).submit(workflow);
        *CHILD.lock().unwrap() = Some(child.clone());
        child
    }
    let join = shows_its_child(stage).submit(&workflow);
    stage.until_entered(1);
    let child = CHILD.lock().unwrap().take().unwrap();
    child.cancel();
    let error = join.result().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::JoinFailed { .. }));
    assert!(error.is_cancelled());
}

#[join_task]
async fn submits_late(workflow: &Workflow, stage: Stage, value: u64) -> AppFuture<u64> {
    stage.pass().await;
    let below = a_future(value).submit(workflow);
    add(below, 1).submit(workflow)
}

#[chiltepin::test]
fn a_join_may_submit_while_its_workflow_closes(workflow: Workflow) -> chiltepin::Result<()> {
    let stage = Stage::new();
    let join = submits_late(stage, 5).submit(&workflow);
    stage.until_entered(1);
    let closing = {
        let workflow = workflow.clone();
        std::thread::spawn(move || workflow.close_blocking())
    };
    // From without nothing comes in any more.
    until(|| double(1).submit(&workflow).result().is_err());
    assert!(!closing.is_finished());
    stage.open();
    assert_eq!(join.result()?, 11);
    closing.join().unwrap();
    Ok(())
}

#[chiltepin::test]
fn a_join_does_not_keep_its_workflow_open(_workflow: Workflow) -> chiltepin::Result<()> {
    let workflow = Workflow::open()?;
    let (begun, stage) = (Stage::new(), Stage::new());
    let join = wait_for(begun, stage).submit(&workflow);
    stage.until_entered(1);
    drop(workflow);
    assert!(join.result().is_err());
    assert_eq!((begun.inside(), stage.inside()), (0, 0));
    Ok(())
}
