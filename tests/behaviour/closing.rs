//! Closing, cancelling and dropping workflows: every future ends.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use chiltepin::{AppFuture, ErrorKind, Status, TaskContext, TaskError, Workflow, join_task, task};
use futures::future::join_all;

use crate::place::{Place, shell, until};
use crate::support::on_processes;

#[task]
async fn wait_for(path: PathBuf) -> u32 {
    while !path.exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    1
}

#[task]
fn add(x: u32, y: u32) -> u32 {
    x + y
}

#[task]
fn sum(values: Vec<u32>) -> u32 {
    values.iter().sum()
}

/// Waits, and only then submits `children` sums, the last of them from a join within.
#[join_task]
async fn late(
    workflow: &Workflow,
    go: PathBuf,
    children: u32,
) -> Result<AppFuture<u32>, TaskError> {
    wait_for(go.clone()).submit(workflow).await?;
    let mut sums = workflow.map(0..children, |number| add(number, 0));
    if children > 0 {
        sums.push(late(go, 0).submit(workflow));
    }
    Ok(sum(sums).submit(workflow))
}

fn is_closed(error: &TaskError) -> bool {
    matches!(error.kind(), ErrorKind::WorkflowClosed)
}

/// Closes on a thread of its own, so that a test can look meanwhile.
fn closing(workflow: &Workflow) -> std::thread::JoinHandle<()> {
    let workflow = workflow.clone();
    std::thread::spawn(move || workflow.close_blocking())
}

#[chiltepin::test]
fn close_runs_everything_to_its_end_and_what_joins_submit_meanwhile() {
    let place = Place::new();
    let workflow = place.workflow();
    let go = place.path("go");
    let join = late(&go, 5).submit(&workflow);
    let after = add(&join, 100).submit(&workflow);
    let command = shell("echo done > done").directory(place.root());
    let command = command.inputs(&after).submit(&workflow);
    let closing = closing(&workflow);
    until("the workflow to take no more calls", || {
        let late = add(1, 1).submit(&workflow);
        matches!(late.result_timeout(Duration::from_secs(40)), Some(Err(error)) if is_closed(&error))
    });
    assert!(!closing.is_finished() && !join.done() && !after.done());
    place.write("go", "");
    closing.join().unwrap();
    assert!(join.done() && after.done() && command.done());
    assert_eq!(join.result().unwrap(), 10);
    assert_eq!(after.result().unwrap(), 110);
    assert_eq!(command.result().unwrap(), 0);
    assert_eq!(place.text("done"), "done\n");
}

#[chiltepin::test]
fn close_waits_for_repeated_attempts() {
    let place = Place::new();
    let workflow = place.workflow();
    let flaky = shell("[ $CHILTEPIN_ATTEMPT = 3 ]")
        .retries(2)
        .submit(&workflow);
    workflow.close_blocking();
    assert!(flaky.done());
    assert_eq!(flaky.result().unwrap(), 0);
}

#[chiltepin::test]
fn a_call_after_the_close_says_so() {
    let place = Place::new();
    let workflow = place.workflow();
    let before = add(1, 2).submit(&workflow);
    workflow.close_blocking();
    let errors = [
        add(1, 2).submit(&workflow).result().unwrap_err(),
        add(&before, 2).submit(&workflow).result().unwrap_err(),
        shell("true").submit(&workflow).result().unwrap_err(),
        late(place.path("go"), 1)
            .submit(&workflow)
            .result()
            .unwrap_err(),
    ];
    for error in errors {
        assert!(is_closed(&error), "{error}");
        assert!(
            error.to_string().ends_with("the workflow is closed"),
            "{error}"
        );
    }
    let batch = workflow.map(0..3, |number| add(number, 0));
    assert!(
        batch
            .iter()
            .all(|late| is_closed(&late.result().unwrap_err()))
    );
    assert_eq!(before.result().unwrap(), 3);
}

#[chiltepin::test]
fn close_may_be_called_again_and_from_several_places() {
    let place = Place::new();
    let workflow = place.workflow();
    let waiting = wait_for(place.path("go")).submit(&workflow);
    let closings = [closing(&workflow), closing(&workflow)];
    place.write("go", "");
    for closing in closings {
        closing.join().unwrap();
        assert!(waiting.done());
    }
    workflow.close_blocking();
    workflow.clone().close_blocking();
    futures::executor::block_on(workflow.close());
    futures::executor::block_on(workflow.cancel());
}

#[chiltepin::test]
fn an_empty_workflow_closes() {
    let place = Place::new();
    place.workflow().close_blocking();
    futures::executor::block_on(place.workflow().cancel());
    drop(place.workflow());
}

#[task]
fn patient(context: &TaskContext, begun: PathBuf) -> bool {
    std::fs::write(begun, "").unwrap();
    until("the body to be cancelled", || context.is_cancelled());
    true
}

/// One task in each stand; the command has ignored TERM by the time this returns.
fn one_of_each(place: &Place, workflow: &Workflow) -> Vec<AppFuture<u32>> {
    let never = place.path("never");
    let script = "trap '' TERM; setsid sleep 1000 & echo $! > left
        echo $$ > shell; while :; do sleep 0.05; done";
    let command = shell(script).directory(place.root()).submit(workflow);
    let synchronous = patient(place.path("begun")).submit(workflow);
    let flaky = shell("exit 1").on("one").retries(1000).submit(workflow);
    let waiting = wait_for(&never).submit(workflow);
    let queued = shell(format!("touch {}", place.path("ran").display())).submit(workflow);
    let exit = |exit: &AppFuture<i32>| exit.map(|_| 0);
    let mut all = vec![
        exit(&command),
        synchronous.map(|_| 0),
        exit(&flaky),
        exit(&queued),
        add(&waiting, 1).submit(workflow),
        late(&never, 1).submit(workflow),
        waiting.map(|value| value + 1),
        waiting,
    ];
    all.push(sum(all.clone()).submit(workflow));
    until("the function to run", || place.path("begun").exists());
    all
}

const TWO_THREADS: &str = "
    [local]
    provider = \"threads\"
    max_threads = 2
    [one]
    provider = \"threads\"
    max_threads = 1
    [workflow]
    executors = [\"local\"]";

#[chiltepin::test]
fn dropping_the_last_handle_ends_everything_at_once() {
    let place = Place::new();
    let workflow = place.configured(TWO_THREADS);
    let all = one_of_each(&place, &workflow);
    let processes = [place.process("shell"), place.process("left")];
    let other = workflow.clone();
    drop(workflow);
    assert!(processes.iter().all(|process| process.runs()));
    assert!(all.iter().all(|future| !future.done()));
    let begun = Instant::now();
    drop(other);
    // The command would have 10 seconds to comply with TERM, which it ignores.
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    assert!(processes.iter().all(|process| !process.runs()));
    for future in &all {
        assert!(future.done(), "{future:?}");
        let error = future.result().unwrap_err();
        assert!(is_closed(error.root()), "{error}");
    }
    assert!(!place.path("ran").exists());
}

#[chiltepin::test]
fn who_waits_for_a_future_learns_of_the_drop() {
    let place = Place::new();
    let workflow = place.workflow();
    let waiting = wait_for(place.path("never")).submit(&workflow);
    let blocked = {
        let waiting = waiting.clone();
        std::thread::spawn(move || waiting.result())
    };
    drop(workflow);
    assert!(is_closed(&blocked.join().unwrap().unwrap_err()));
    assert!(is_closed(
        &futures::executor::block_on(waiting).unwrap_err()
    ));
}

#[chiltepin::test]
fn cancel_ends_everything_within_the_grace() {
    let place = Place::new();
    let workflow = place.configured(TWO_THREADS);
    let script = "trap 'sleep 0.2; echo cleaned > cleaned; exit 0' TERM
        echo $$ > shell; while :; do sleep 0.05; done";
    let command = shell(script).directory(place.root()).submit(&workflow);
    let process = place.process("shell");
    let after = add(command.map(|_| 1), 1).submit(&workflow);
    let waiting = late(place.path("never"), 2).submit(&workflow);
    futures::executor::block_on(workflow.cancel());
    assert!(command.done() && after.done() && waiting.done());
    assert!(is_closed(&command.result().unwrap_err()));
    assert!(is_closed(after.result().unwrap_err().root()));
    assert!(is_closed(waiting.result().unwrap_err().root()));
    assert!(!process.runs());
    assert_eq!(
        place.text("cleaned"),
        "cleaned\n",
        "it was given time to clean up"
    );
    assert!(is_closed(
        &add(1, 1).submit(&workflow).result().unwrap_err()
    ));
}

#[chiltepin::test]
fn cancel_hurries_a_close() {
    let place = Place::new();
    let workflow = place.workflow();
    let waiting = wait_for(place.path("never")).submit(&workflow);
    let closing = closing(&workflow);
    until("the close to begin", || {
        add(1, 1).submit(&workflow).result().is_err()
    });
    futures::executor::block_on(workflow.cancel());
    closing.join().unwrap();
    assert!(is_closed(&waiting.result().unwrap_err()));
}

#[chiltepin::test]
fn futures_outlive_their_workflow() {
    let place = Place::new();
    let workflow = place.workflow();
    let three = add(1, 2).submit(&workflow);
    let failed = shell("exit 1").submit(&workflow);
    workflow.close_blocking();
    drop(workflow);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    assert_eq!(runtime.block_on(three.clone()).unwrap(), 3);
    assert_eq!(runtime.block_on(three.map(|value| value * 2)).unwrap(), 6);
    assert_eq!(three.result().unwrap(), 3);
    assert_eq!(
        (three.name(), three.executor().as_deref()),
        ("add", Some("local"))
    );
    three.cancel();
    assert_eq!(three.result().unwrap(), 3);
    assert!(failed.result().is_err());

    let other = place.workflow();
    assert_eq!(add(three, 4).submit(&other).result().unwrap(), 7);
    assert!(add(failed.map(|_| 1), 4).submit(&other).result().is_err());
}

#[chiltepin::test]
fn two_workflows_live_side_by_side() {
    let place = Place::new();
    let (one, other) = (place.workflow(), place.workflow());
    let first = wait_for(place.path("go")).submit(&one);
    let second = add(&first, 1).submit(&other);
    let third = add(&second, 1).submit(&one);
    let endless = wait_for(place.path("never")).submit(&one);
    let hopeless = add(&endless, 1).submit(&other);
    let own = wait_for(place.path("go")).submit(&other);
    place.write("go", "");
    assert_eq!(third.result().unwrap(), 3);
    drop(one);
    let error = hopeless.result().unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::DependencyFailed { .. }),
        "{error}"
    );
    assert!(is_closed(error.root()), "{error}");
    assert_eq!(own.result().unwrap(), 1);
    assert_eq!(add(1, 1).submit(&other).result().unwrap(), 2);
    other.close_blocking();
}

#[chiltepin::test]
fn many_workflows_close_while_they_are_fed() {
    let place = Place::new();
    for _ in 0..20 {
        let workflow = place.workflow();
        let feeder = {
            let workflow = workflow.clone();
            std::thread::spawn(move || {
                let futures: Vec<_> = (0..2000)
                    .map(|number| add(number, 0).submit(&workflow))
                    .collect();
                drop(workflow);
                futures::executor::block_on(join_all(futures))
            })
        };
        workflow.close_blocking();
        drop(workflow);
        let ended = feeder.join().unwrap();
        let ran = ended.iter().take_while(|result| result.is_ok()).count();
        for result in &ended[ran..] {
            assert!(is_closed(result.as_ref().unwrap_err()), "{result:?}");
        }
    }
}

/// Holds a thread of the runtime, as no async body should.
#[task]
async fn rude(begun: PathBuf, go: PathBuf) -> u32 {
    std::fs::write(begun, "").unwrap();
    until("the test to end", || go.exists());
    1
}

#[chiltepin::test]
fn bodies_that_hold_the_runtime_keep_no_future_from_ending() {
    let place = Place::new();
    let workflow = place.workflow();
    let threads = std::thread::available_parallelism().unwrap().get();
    let waiting = wait_for(place.path("never")).submit(&workflow);
    let after = add(&waiting, 1).submit(&workflow);
    until("a body to wait", || {
        matches!(waiting.status(), Status::Running { .. })
    });
    let begun: Vec<_> = (0..threads)
        .map(|number| place.path(&format!("begun{number}")))
        .collect();
    let rude = workflow.map(&begun, |begun| rude(begun.clone(), place.path("go")));
    // A worker runs async bodies on as many threads as it has cores, which here is one.
    let held = if on_processes() { 1 } else { threads };
    until("all threads to be held", || {
        begun.iter().filter(|begun| begun.exists()).count() >= held
    });
    let late = wait_for(place.path("never")).submit(&workflow);
    drop(workflow);
    for future in rude.iter().chain([&waiting, &after, &late]) {
        let ended = future.result_timeout(Duration::from_secs(20));
        let error = ended.expect("the future ends").unwrap_err();
        assert!(is_closed(error.root()), "{error}");
    }
    place.write("go", "");
}
