//! What can be done with the future of a call.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use chiltepin::{
    AppFuture, ErrorKind, Status, TaskError, Workflow, bash_task, join_task, sh, task,
};
use futures::StreamExt;
use futures::future::{join_all, select, try_join_all};
use futures::stream::FuturesUnordered;

use crate::support::{LIMIT, Stage, on_processes, open, until};

#[task]
async fn wait(stage: Stage, value: u32) -> u32 {
    stage.pass().await;
    value
}

#[task]
fn wait_on_thread(stage: Stage) -> u32 {
    stage.pass_blocking();
    1
}

#[task]
async fn double(value: u32) -> u32 {
    2 * value
}

#[task]
async fn fail() -> Result<u32, String> {
    Err("it fails".to_owned())
}

#[chiltepin::test]
async fn clones_and_repeated_awaits_give_the_same(workflow: Workflow) -> chiltepin::Result<()> {
    let stage = Stage::new();
    let mut future = wait(stage, 3).submit(&workflow);
    let clone = future.clone();
    let waiting = tokio::spawn(clone.clone());
    stage.open();
    assert_eq!((&mut future).await?, 3);
    assert_eq!((&mut future).await?, 3);
    assert_eq!(future.await?, 3);
    assert_eq!(clone.await?, 3);
    assert_eq!(waiting.await.unwrap()?, 3);

    let failed = fail().submit(&workflow);
    assert_eq!(failed.clone().await.unwrap_err().task(), "fail");
    assert_eq!(failed.await.unwrap_err().task(), "fail");
    Ok(())
}

#[chiltepin::test]
async fn combinators_of_the_futures_crate(workflow: Workflow) -> chiltepin::Result<()> {
    let submit = |n: u32| double(n).submit(&workflow);
    let values: Result<Vec<_>, TaskError> =
        join_all((0..50).map(submit)).await.into_iter().collect();
    assert_eq!(values?, (0..50).map(|n| 2 * n).collect::<Vec<_>>());
    let (one, text) = futures::try_join!(submit(1), submit(2).map(u32::to_string))?;
    assert_eq!((one, &*text), (2, "4"));
    let error = try_join_all([submit(1), fail().submit(&workflow), submit(2)]).await;
    assert_eq!(
        error.unwrap_err().downcast_ref::<String>().unwrap(),
        "it fails"
    );

    let mut unordered: FuturesUnordered<_> = (0..50).map(submit).collect();
    let mut sum = 0;
    while let Some(value) = unordered.next().await {
        sum += value?;
    }
    assert_eq!(sum, 2 * (0..50).sum::<u32>());
    Ok(())
}

#[chiltepin::test]
async fn the_first_of_several_ends_a_select(workflow: Workflow) -> chiltepin::Result<()> {
    let (never, stage) = (Stage::new(), Stage::new());
    let slow = wait(never, 1).submit(&workflow);
    let quick = wait(stage, 2).submit(&workflow);
    stage.open();
    tokio::select! {
        _ = slow.clone() => panic!("the slow one came first"),
        value = quick.clone() => assert_eq!(value?, 2),
    }
    let first = select(slow.clone(), quick).await;
    assert!(matches!(first, futures::future::Either::Right((Ok(2), _))));
    let elapsed = tokio::time::timeout(Duration::from_millis(5), slow.clone()).await;
    assert!(elapsed.is_err());
    // Whoever gave up waiting has not stopped the task.
    never.open();
    assert_eq!(tokio::time::timeout(LIMIT, slow).await.unwrap()?, 1);
    Ok(())
}

#[chiltepin::test]
fn blocking_code_waits_for_a_result(workflow: Workflow) -> chiltepin::Result<()> {
    let stage = Stage::new();
    let future = wait(stage, 5).submit(&workflow);
    assert!(future.result_timeout(Duration::from_millis(5)).is_none());
    assert!(future.result_timeout(Duration::ZERO).is_none());
    assert!(!future.done());
    stage.open();
    assert_eq!(future.result_timeout(LIMIT).unwrap()?, 5);
    assert_eq!(future.result()?, 5);
    assert!(future.done());
    assert_eq!(future.result_timeout(Duration::ZERO).unwrap()?, 5);
    // A limit beyond what the clock can say is none.
    assert_eq!(future.result_timeout(Duration::MAX).unwrap()?, 5);
    assert_eq!(
        fail().submit(&workflow).result().unwrap_err().task(),
        "fail"
    );
    Ok(())
}

#[chiltepin::test]
fn a_future_knows_its_task(workflow: Workflow) -> chiltepin::Result<()> {
    let stage = Stage::new();
    let first = wait(stage, 1).submit(&workflow);
    let second = double(&first).name("second").submit(&workflow);
    assert_eq!((first.name(), second.name()), ("wait", "second"));
    let numbers = [&first, &second].map(|future| future.id().unwrap().number());
    assert_eq!(numbers, [1, 2]);
    assert_eq!(second.executor(), None);
    stage.open();
    second.result()?;
    assert_eq!(second.executor().as_deref(), Some("local"));
    let view = second.map(|value| value + 1);
    assert_eq!((view.id(), view.name()), (second.id(), "second"));
    assert_eq!((second.stdout(), second.stderr()), (None, None));

    let ready = AppFuture::ready(1);
    assert_eq!(
        (ready.id(), ready.name(), ready.executor()),
        (None, "ready", None)
    );
    assert_eq!((ready.status(), ready.done()), (Status::Succeeded, true));
    ready.cancel();
    assert_eq!(ready.result()?, 1);
    let shown = format!("{second:?}");
    assert!(
        shown.contains("second") && shown.contains("Succeeded"),
        "{shown}"
    );
    Ok(())
}

#[chiltepin::test]
fn a_dropped_future_neither_cancels_nor_loses_its_task(workflow: Workflow) {
    let stage = Stage::new();
    drop(wait(stage, 1).submit(&workflow));
    drop(double(wait(stage, 1).submit(&workflow)).submit(&workflow));
    stage.until_entered(2);
    assert_eq!(stage.inside(), 2);
    stage.open();
    workflow.close_blocking();
    assert_eq!((stage.inside(), stage.entered()), (0, 2));
}

#[chiltepin::test]
fn a_cancel_ends_the_task_and_who_depends_on_it(workflow: Workflow) -> chiltepin::Result<()> {
    let stage = Stage::new();
    let future = wait(stage, 1).submit(&workflow);
    let beside = wait(stage, 9).submit(&workflow);
    let next = double(&future).submit(&workflow);
    let last = double(&next).submit(&workflow);
    stage.until_entered(2);
    future.cancel();
    let error = future.result().unwrap_err();
    assert!(matches!(
        error.kind(),
        ErrorKind::Cancelled { abandoned: false }
    ));
    for dependent in [&next, &last] {
        let error = dependent.result().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::DependencyFailed { .. }));
        assert!(error.is_cancelled());
        assert_eq!(error.root().id(), future.id());
        assert_eq!(dependent.status(), Status::Cancelled);
    }
    // The body was dropped, and the one beside it was not.
    until(|| stage.inside() == 1);
    stage.open();
    assert_eq!(beside.result()?, 9);
    // What has ended stays as it is.
    beside.cancel();
    assert_eq!((beside.result()?, beside.status()), (9, Status::Succeeded));
    Ok(())
}

#[chiltepin::test]
fn a_cancelled_body_on_a_thread_is_abandoned_and_in_a_worker_stopped(workflow: Workflow) {
    let stage = Stage::new();
    let future = wait_on_thread(stage).submit(&workflow);
    stage.until_entered(1);
    future.cancel();
    let error = future.result().unwrap_err();
    let ErrorKind::Cancelled { abandoned } = error.kind() else {
        panic!("{error}");
    };
    assert_eq!(*abandoned, !on_processes());
    assert_eq!(stage.inside(), usize::from(!on_processes()));
    stage.open();
}

#[bash_task]
fn stops_slowly(started: std::path::PathBuf, may_end: std::path::PathBuf) -> String {
    sh!("may_end={may_end}
         trap 'while [ ! -e \"$may_end\" ]; do sleep 0.01; done; exit 0' TERM
         touch {started}
         while :; do sleep 0.01; done")
}

#[chiltepin::test]
fn each_status_is_told(_workflow: Workflow) -> chiltepin::Result<()> {
    let workflow =
        open("[workflow]\nlimits = { rare = 1 }\n[one]\nprovider = 'threads'\nmax_threads = 1");
    let folder = tempfile::tempdir()?;
    let stage = Stage::new();
    let mut told = Vec::new();
    let mut tell = |status: Status| {
        told.push(status.to_string());
        status
    };

    let running = wait_on_thread(stage).on("one").submit(&workflow);
    stage.until_entered(1);
    let status = tell(running.status());
    let executor = "one".to_owned();
    assert_eq!(
        status,
        Status::Running {
            executor,
            attempt: 1
        }
    );
    let queued = wait_on_thread(stage).on("one").submit(&workflow);
    let executors = vec!["one".to_owned()];
    assert_eq!(tell(queued.status()), Status::Queued { executors });
    let after_one = double(&queued).submit(&workflow);
    assert_eq!(
        tell(after_one.status()),
        Status::Waiting { dependencies: 1 }
    );
    let after_two = double(&running).inputs(&queued).submit(&workflow);
    assert_eq!(
        tell(after_two.status()),
        Status::Waiting { dependencies: 2 }
    );

    let holder = wait(stage, 1).label("rare").submit(&workflow);
    stage.until_entered(2);
    let limited = wait(stage, 1).label("rare").submit(&workflow);
    let label = "rare".to_owned();
    assert_eq!(tell(limited.status()), Status::Limited { label });

    let delayed = fail().retries(20).submit(&workflow);
    until(
        || matches!(delayed.status(), Status::Delayed { pause } if pause > Duration::from_millis(150)),
    );
    delayed.cancel();
    assert_eq!(tell(delayed.status()), Status::Cancelled);

    let (started, may_end) = (folder.path().join("started"), folder.path().join("may_end"));
    let stopping = stops_slowly(&started, &may_end)
        .on("local")
        .submit(&workflow);
    until(|| started.exists());
    stopping.cancel();
    let executor = "local".to_owned();
    assert_eq!(
        tell(stopping.status()),
        Status::Stopping {
            executor,
            attempt: 1
        }
    );
    std::fs::write(&may_end, "")?;
    assert!(stopping.result().unwrap_err().is_cancelled());

    stage.open();
    holder.result()?;
    after_two.result()?;
    assert_eq!(tell(after_two.status()), Status::Succeeded);
    let failed = fail().submit(&workflow);
    failed.result().unwrap_err();
    assert_eq!(tell(failed.status()), Status::Failed);
    let pause = Duration::from_millis(250);
    tell(Status::Delayed { pause });
    insta::assert_snapshot!("statuses", told.join("\n"));
    Ok(())
}

#[chiltepin::test]
fn a_status_never_goes_back(workflow: Workflow) {
    for _ in 0..2_000 {
        let future = double(1).submit(&workflow);
        while !future.done() {
            let status = future.status();
            let impossible = matches!(status, Status::Waiting { .. });
            assert!(!impossible, "it depends on nothing and {status}");
        }
    }
}

/// A waker that is seen to be dropped, since its count goes down.
struct Seen;

impl Wake for Seen {
    fn wake(self: Arc<Self>) {}
}

#[chiltepin::test]
fn who_stops_waiting_leaves_nothing_behind(workflow: Workflow) -> chiltepin::Result<()> {
    let stage = Stage::new();
    let future = wait(stage, 1).submit(&workflow);
    let view = future.map(|value| value + 1);
    let seen = Arc::new(Seen);
    let waker = Waker::from(Arc::clone(&seen));
    let mut context = Context::from_waker(&waker);
    for _ in 0..100_000 {
        assert!(pin!(future.clone()).poll(&mut context).is_pending());
        assert!(pin!(view.clone()).poll(&mut context).is_pending());
        assert!(Arc::strong_count(&seen) <= 3);
    }
    // One that polls again and again is woken once.
    let mut polled = future.clone();
    for _ in 0..1000 {
        assert!(pin!(&mut polled).poll(&mut context).is_pending());
        assert_eq!(Arc::strong_count(&seen), 3);
    }
    let others: Vec<_> = (0..10)
        .map(|_| {
            let mut other = future.clone();
            assert!(pin!(&mut other).poll(&mut context).is_pending());
            other
        })
        .collect();
    assert_eq!(Arc::strong_count(&seen), 13);
    drop(others);
    assert_eq!(Arc::strong_count(&seen), 3);
    stage.open();
    assert_eq!(future.result()?, 1);
    until(|| Arc::strong_count(&seen) == 2);
    assert!(matches!(
        pin!(&mut polled).poll(&mut context),
        Poll::Ready(Ok(1))
    ));
    Ok(())
}

#[chiltepin::test]
async fn a_timeout_around_each_of_many_waits(workflow: Workflow) -> chiltepin::Result<()> {
    let stage = Stage::new();
    let future = wait(stage, 1).submit(&workflow);
    for _ in 0..200 {
        let waited = tokio::time::timeout(Duration::ZERO, future.clone()).await;
        assert!(waited.is_err());
    }
    stage.open();
    assert_eq!(future.await?, 1);
    Ok(())
}

#[join_task]
async fn block_in_join(workflow: &Workflow, depth: u32) -> u32 {
    match depth {
        0 => double(1).submit(workflow).result().unwrap(),
        _ => block_in_join(depth - 1).submit(workflow).result().unwrap(),
    }
}

#[chiltepin::test]
async fn a_blocking_wait_holds_nobody_up(workflow: Workflow) -> chiltepin::Result<()> {
    let (stage, blocked) = (Stage::new(), Stage::new());
    let future = wait(stage, 3).submit(&workflow);
    let block = || {
        let future = future.clone();
        tokio::spawn(async move {
            let _entry = blocked.enter();
            future.result()
        })
    };
    let waiting: Vec<_> = (0..600).map(|_| block()).collect();
    while blocked.inside() < 600 {
        tokio::task::yield_now().await;
    }
    assert_eq!(double(1).submit(&workflow).await?, 2);
    stage.open();
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap()?, 3);
    }
    Ok(())
}

#[chiltepin::test]
async fn joins_may_block_for_what_they_submit(workflow: Workflow) -> chiltepin::Result<()> {
    assert_eq!(block_in_join(20).submit(&workflow).await?, 2);
    let joins = workflow.map(0..600, |_| block_in_join(1));
    assert_eq!(try_join_all(joins).await?, [2; 600]);
    Ok(())
}
