//! What can be set on a call, and how it is run.

use std::time::{Duration, Instant};

use chiltepin::{ErrorKind, TaskContext, TaskGeometry, Workflow, bash_task, join_task, sh, task};

use crate::support::{LIMIT, Stage, on_processes, open, until};

const TWO: &str = "
    [one]
    provider = 'threads'
    max_threads = 1
    [other]
    provider = 'threads'
    max_threads = 1
    [cluster]
    endpoint = '1234'
";

#[task]
fn double(value: u32) -> u32 {
    2 * value
}

#[task]
async fn pass(stage: Stage) {
    stage.pass().await;
}

#[task]
fn pass_on_thread(stage: Stage) {
    stage.pass_blocking();
}

#[chiltepin::test]
fn a_call_goes_where_it_is_sent(_workflow: Workflow) -> chiltepin::Result<()> {
    let workflow = open(TWO);
    assert_eq!(workflow.executors(), ["local", "one", "other", "cluster"]);
    let ran_on = |call: chiltepin::Call<u32>| {
        let future = call.submit(&workflow);
        future.result().map(|_| future.executor().unwrap())
    };
    assert_eq!(ran_on(double(1).on("other"))?, "other");
    assert_eq!(ran_on(double(1).on("one".to_owned()))?, "one");
    assert_eq!(ran_on(double(1).on(["one"]))?, "one");
    // The last word counts.
    assert_eq!(ran_on(double(1).on("one").on("other"))?, "other");
    let names = vec!["one".to_owned(), "other".to_owned()];
    assert!(names.contains(&ran_on(double(1).on(&names))?));
    // Of several, those that cannot run it are left out.
    assert_eq!(ran_on(double(1).on(["cluster", "one"]))?, "one");
    // No name at all is as if nothing was said.
    ran_on(double(1).on(Vec::<String>::new()))?;
    Ok(())
}

#[chiltepin::test]
fn an_unknown_executor_is_refused_with_the_known_ones(_workflow: Workflow) {
    let workflow = open(TWO);
    for call in [double(1).on("othr"), double(1).on(["one", "othr"])] {
        let error = call.submit(&workflow).result().unwrap_err();
        let ErrorKind::UnknownExecutor {
            name,
            known,
            nearest,
        } = error.kind()
        else {
            panic!("{error}");
        };
        assert_eq!((&**name, nearest.as_deref()), ("othr", Some("other")));
        assert_eq!(*known, ["local", "one", "other", "cluster"]);
        assert_eq!((error.attempt(), error.executor()), (0, None));
    }
}

#[chiltepin::test]
fn nothing_runs_that_depends_on_a_refused_call(workflow: Workflow) {
    let stage = Stage::new();
    let refused = double(1).on("nowhere").submit(&workflow);
    stage.open();
    let next = pass(stage).inputs(&refused).submit(&workflow);
    let error = next.result().unwrap_err();
    assert!(matches!(
        error.root().kind(),
        ErrorKind::UnknownExecutor { .. }
    ));
    assert_eq!(stage.entered(), 0);
}

#[chiltepin::test]
fn an_executor_that_cannot_run_tasks_says_why(_workflow: Workflow) {
    let workflow = open(TWO);
    let error = double(1)
        .on("cluster")
        .submit(&workflow)
        .result()
        .unwrap_err();
    let ErrorKind::UnavailableExecutor { name, reason } = error.kind() else {
        panic!("{error}");
    };
    assert_eq!(name, "cluster");
    assert!(reason.contains("endpoint `1234`"), "{reason}");
}

#[chiltepin::test]
fn a_call_without_a_name_goes_where_the_configuration_says(_workflow: Workflow) {
    let workflow = open(&format!("[workflow]\nexecutors = ['other']\n{TWO}"));
    let futures = workflow.map(0..20, double);
    for future in futures {
        future.result().unwrap();
        assert_eq!(future.executor().unwrap(), "other");
    }
}

/// Fails until the attempt of this number.
#[task]
async fn succeed_at(context: &TaskContext, stage: Stage, attempt: u32) -> Result<u32, String> {
    stage.note(context.attempt().to_string());
    if context.attempt() < attempt {
        return Err(format!("attempt {}", context.attempt()));
    }
    Ok(context.attempt())
}

#[chiltepin::test]
fn a_failed_attempt_is_repeated(workflow: Workflow) -> chiltepin::Result<()> {
    let stage = Stage::new();
    let begun = Instant::now();
    assert_eq!(
        succeed_at(stage, 3).retries(5).submit(&workflow).result()?,
        3
    );
    assert_eq!(stage.notes(), ["1", "2", "3"]);
    // Half of 100 ms, half of 200 ms at least.
    assert!(
        begun.elapsed() >= Duration::from_millis(150),
        "{:?}",
        begun.elapsed()
    );

    let stage = Stage::new();
    let error = succeed_at(stage, 9)
        .retries(2)
        .submit(&workflow)
        .result()
        .unwrap_err();
    assert_eq!(error.downcast_ref::<String>().unwrap(), "attempt 3");
    assert_eq!((error.attempt(), stage.notes().len()), (3, 3));

    let stage = Stage::new();
    assert!(succeed_at(stage, 2).submit(&workflow).result().is_err());
    assert_eq!(stage.notes(), ["1"]);
    Ok(())
}

#[task]
fn panic_at_first(context: &TaskContext) -> u32 {
    assert!(context.attempt() > 1, "the first attempt panics");
    context.attempt()
}

#[bash_task]
fn exit_with_attempt() -> String {
    sh!("[ \"$CHILTEPIN_ATTEMPT\" = 2 ]")
}

#[chiltepin::test]
fn panics_and_commands_are_repeated_too(workflow: Workflow) -> chiltepin::Result<()> {
    assert_eq!(panic_at_first().retries(1).submit(&workflow).result()?, 2);
    assert_eq!(
        exit_with_attempt().retries(1).submit(&workflow).result()?,
        0
    );
    Ok(())
}

#[chiltepin::test]
fn the_configuration_says_how_often_where_the_call_does_not(_workflow: Workflow) {
    let config = "[workflow]\nretries = 1\n[stubborn]\nprovider = 'threads'\nretries = 2";
    let workflow = open(config);
    let attempts = |call: chiltepin::Call<u32>| {
        let error = call.submit(&workflow).result().unwrap_err();
        error.attempt()
    };
    assert_eq!(attempts(succeed_at(Stage::new(), 9).on("local")), 2);
    assert_eq!(attempts(succeed_at(Stage::new(), 9).on("stubborn")), 3);
    assert_eq!(
        attempts(succeed_at(Stage::new(), 9).on("stubborn").retries(0)),
        1
    );
}

#[task]
async fn slow_at_first(context: &TaskContext, stage: Stage) -> u32 {
    if context.attempt() == 1 {
        stage.pass().await;
    }
    context.attempt()
}

#[bash_task]
fn sleep() -> String {
    sh!("sleep 1000")
}

#[join_task]
async fn join_forever(workflow: &Workflow, stage: Stage) -> chiltepin::AppFuture<()> {
    pass(stage).submit(workflow)
}

#[chiltepin::test]
fn an_attempt_ends_with_its_timeout(workflow: Workflow) {
    let stage = Stage::new();
    let short = Duration::from_millis(20);
    let error = pass(stage)
        .timeout(short)
        .submit(&workflow)
        .result()
        .unwrap_err();
    let ErrorKind::TimedOut { timeout, abandoned } = error.kind() else {
        panic!("{error}");
    };
    assert_eq!((*timeout, *abandoned), (short, false));
    assert!(error.is_timeout() && !error.is_cancelled());
    assert_eq!((error.attempt(), error.executor()), (1, Some("local")));
    until(|| stage.inside() == 0);

    let future = pass_on_thread(stage).timeout(short).submit(&workflow);
    let error = future.result().unwrap_err();
    let ErrorKind::TimedOut { abandoned, .. } = error.kind() else {
        panic!("{error}");
    };
    assert_eq!(*abandoned, !on_processes());
    let error = sleep()
        .timeout(short)
        .submit(&workflow)
        .result()
        .unwrap_err();
    assert!(matches!(
        error.kind(),
        ErrorKind::TimedOut {
            abandoned: false,
            ..
        }
    ));

    let error = join_forever(stage)
        .timeout(short)
        .submit(&workflow)
        .result()
        .unwrap_err();
    assert!(error.is_timeout(), "{error}");
    // With the join ends what it has submitted, and an abandoned body is the last inside.
    until(|| stage.inside() == usize::from(!on_processes()));
    stage.open();
}

#[chiltepin::test]
fn a_timeout_is_of_one_attempt_and_can_be_repeated(workflow: Workflow) -> chiltepin::Result<()> {
    let call = slow_at_first(Stage::new()).timeout(Duration::from_millis(20));
    assert_eq!(call.retries(1).submit(&workflow).result()?, 2);
    let long = double(4).timeout(Duration::MAX).submit(&workflow);
    assert_eq!(long.result()?, 8);
    Ok(())
}

#[chiltepin::test]
fn waiting_is_not_part_of_an_attempt(_workflow: Workflow) -> chiltepin::Result<()> {
    let workflow = open(TWO);
    let stage = Stage::new();
    let holder = pass_on_thread(stage).on("one").submit(&workflow);
    stage.until_entered(1);
    let timeout = Duration::from_millis(500);
    let queued = double(1).on("one").timeout(timeout).submit(&workflow);
    let waits = double(1).inputs(&holder).timeout(timeout).submit(&workflow);
    std::thread::sleep(timeout + timeout / 5);
    assert!(!queued.done() && !waits.done());
    stage.open();
    assert_eq!((queued.result()?, waits.result()?), (2, 2));
    Ok(())
}

#[task(
    executor = "other",
    retries = 2,
    timeout = "200ms",
    label = "solver",
    name = "the solver",
    priority = 3
)]
async fn with_defaults(context: &TaskContext, stage: Stage) -> Result<String, String> {
    stage.note(context.name());
    if context.deadline().is_none() {
        return Err("no deadline".to_owned());
    }
    stage.pass().await;
    Ok(context.name().to_owned())
}

#[chiltepin::test]
fn the_attribute_sets_defaults_that_a_call_overrides(_workflow: Workflow) -> chiltepin::Result<()> {
    let workflow = open(TWO);
    let stage = Stage::new();
    let future = with_defaults(stage).submit(&workflow);
    assert_eq!(future.name(), "the solver");
    let error = future.result().unwrap_err();
    assert!(error.is_timeout());
    assert_eq!((error.attempt(), error.executor()), (3, Some("other")));
    assert_eq!(stage.notes(), ["the solver"; 3]);

    let stage = Stage::new();
    let call = with_defaults(stage)
        .on("one")
        .retries(0)
        .name("mine")
        .timeout(LIMIT);
    let future = call.submit(&workflow);
    stage.until_entered(1);
    stage.open();
    assert_eq!(future.result()?, "mine");
    assert_eq!(future.executor().as_deref(), Some("one"));
    let error = with_defaults(Stage::new())
        .retries(0)
        .submit(&workflow)
        .result()
        .unwrap_err();
    assert_eq!(error.attempt(), 1);
    Ok(())
}

#[chiltepin::test]
async fn many_calls_are_submitted_at_once(workflow: Workflow) -> chiltepin::Result<()> {
    let futures = workflow.map(0..1000, |n| double(n).name(format!("double {n}")));
    assert_eq!(futures[7].name(), "double 7");
    let ids: Vec<_> = futures
        .iter()
        .map(|future| future.id().unwrap().number())
        .collect();
    assert!(ids.is_sorted());
    for (n, future) in (0..).zip(futures) {
        assert_eq!(future.await?, 2 * n);
    }
    assert!(workflow.map(Vec::<u32>::new(), double).is_empty());
    // Calls of one batch may depend on each other and be refused.
    let mixed = workflow.map([0, 1], |n| double(n).on(["local", "nowhere"][n as usize]));
    assert_eq!(mixed[0].clone().await?, 0);
    assert!(mixed[1].clone().await.is_err());
    Ok(())
}

#[chiltepin::test]
fn a_contradicting_geometry_is_refused(workflow: Workflow) -> chiltepin::Result<()> {
    #[task]
    fn count(stage: Stage) {
        drop(stage.enter());
    }
    let stage = Stage::new();
    let wrong = TaskGeometry::nodes(2).ranks_per_node(4).num_ranks(9);
    let error = count(stage)
        .geometry(wrong)
        .submit(&workflow)
        .result()
        .unwrap_err();
    let ErrorKind::ImpossibleGeometry { reason } = error.kind() else {
        panic!("{error}");
    };
    assert!(reason.contains('9'), "{reason}");
    let ranks = TaskGeometry::nodes(2).ranks_per_node(4);
    let error = count(stage).on("local").geometry(ranks).submit(&workflow);
    let error = error.result().unwrap_err();
    let ErrorKind::ImpossibleGeometry { reason } = error.kind() else {
        panic!("{error}");
    };
    assert!(
        reason.contains("on `local` it cannot have 8 ranks") && reason.contains("mpi = true"),
        "{reason}"
    );
    assert_eq!(stage.entered(), 0);
    count(stage)
        .geometry(TaskGeometry::nodes(1).ranks_per_node(1))
        .submit(&workflow)
        .result()?;
    assert_eq!(stage.entered(), 1);
    Ok(())
}

#[chiltepin::test]
fn a_call_shows_its_task(_workflow: Workflow) {
    assert_eq!(
        format!("{:?}", double(1).name("d")),
        "Call { task: \"d\", .. }"
    );
}
