//! Which of the tasks that are ready runs, where, and how many at once.

use chiltepin::{ErrorKind, Resources, Status, Workflow, bash_task, sh, task};

use crate::support::{Stage, on_processes, open, until};

#[task]
fn hold(stage: Stage) {
    stage.pass_blocking();
}

#[task]
async fn hold_async(stage: Stage) {
    stage.pass().await;
}

#[task]
fn note(stage: Stage, text: String) {
    stage.note(text);
}

/// Is on the stage for a moment, long enough that others meet it there.
#[task]
fn visit(stage: Stage) {
    let _entry = stage.enter();
    std::thread::sleep(std::time::Duration::from_millis(2));
}

#[task]
async fn visit_async(stage: Stage) {
    let _entry = stage.enter();
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
}

#[bash_task]
fn command(folder: std::path::PathBuf) -> String {
    sh!("touch {folder}/ran; false")
}

const ONE: &str = "[one]\nprovider = 'threads'\nmax_threads = 1\nmax_async = 1";

fn all(futures: Vec<chiltepin::AppFuture<()>>) {
    futures.iter().for_each(|future| future.result().unwrap());
}

#[chiltepin::test]
fn a_higher_priority_goes_first(_workflow: Workflow) {
    let workflow = open(ONE);
    let stage = Stage::new();
    let holder = hold(stage).on("one").submit(&workflow);
    stage.until_entered(1);
    let priorities = [0, 5, -1, 5, i32::MAX, i32::MIN, 0];
    let calls = (0..).zip(priorities);
    let noted = workflow.map(calls, |(place, priority)| {
        note(stage, format!("{priority}/{place}"))
            .on("one")
            .priority(priority)
    });
    stage.open();
    all(noted);
    holder.result().unwrap();
    let expected = [
        "2147483647/4",
        "5/1",
        "5/3",
        "0/0",
        "0/6",
        "-1/2",
        "-2147483648/5",
    ];
    assert_eq!(stage.notes(), expected);
}

#[chiltepin::test]
fn no_more_bodies_run_than_there_are_threads(_workflow: Workflow) {
    let workflow = open("[three]\nprovider = 'threads'\nmax_threads = 3\nmax_async = 2");
    let stage = Stage::new();
    all(workflow.map(0..60, |_| visit(stage).on("three")));
    assert_eq!((stage.most(), stage.entered()), (3, 60));
    let stage = Stage::new();
    all(workflow.map(0..60, |_| visit_async(stage).on("three")));
    // Each of the three workers bounds its own, and is bounded to one.
    let most = if on_processes() { 3 } else { 2 };
    assert_eq!((stage.most(), stage.entered()), (most, 60));
}

#[chiltepin::test]
fn commands_count_as_bodies(_workflow: Workflow) -> chiltepin::Result<()> {
    let workflow = open(ONE);
    let stage = Stage::new();
    let holder = hold(stage).on("one").submit(&workflow);
    stage.until_entered(1);
    let folder = tempfile::tempdir()?;
    let queued = command(folder.path()).on("one").submit(&workflow);
    // An async body has a place of its own, and shows that the queue was looked at.
    let beside = hold_async(stage).on("one").submit(&workflow);
    stage.until_entered(2);
    assert!(matches!(queued.status(), Status::Queued { .. }));
    assert_eq!(std::fs::read_dir(&folder)?.count(), 0);
    stage.open();
    assert!(queued.result().is_err());
    all(vec![holder, beside]);
    Ok(())
}

#[chiltepin::test]
fn no_more_tasks_with_a_label_run_than_may(_workflow: Workflow) {
    let workflow = open(
        "[workflow]\nlimits = { two = 2, one = 1 }\n[local]\nprovider = 'threads'\nmax_threads = 8",
    );
    let (two, one, both, free) = (Stage::new(), Stage::new(), Stage::new(), Stage::new());
    let mut futures = workflow.map(0..40, |_| visit(two).label("two"));
    futures.extend(workflow.map(0..20, |_| visit_async(one).label(["one", "no limit"])));
    futures.extend(workflow.map(0..20, |_| visit(both).label("one").label("two")));
    futures.extend(workflow.map(0..40, |_| visit(free).label("no limit")));
    all(futures);
    assert_eq!((two.most(), one.most(), both.most()), (2, 1, 1));
    assert!(free.most() > 2, "{}", free.most());
    assert_eq!(two.entered() + one.entered() + both.entered(), 80);
}

#[chiltepin::test]
fn all_limits_of_a_task_apply(_workflow: Workflow) {
    let workflow = open("[workflow]\nlimits = { two = 2, one = 1 }");
    let (stage, other) = (Stage::new(), Stage::new());
    let with_one = hold_async(stage).label("one").submit(&workflow);
    stage.until_entered(1);
    let with_both = hold_async(other).label(["two", "one"]).submit(&workflow);
    let label = "one".to_owned();
    assert_eq!(with_both.status(), Status::Limited { label });
    // What waits takes nothing of its other label.
    let with_two = workflow.map(0..2, |_| hold_async(stage).label("two"));
    stage.until_entered(3);
    assert_eq!(other.entered(), 0);
    stage.open();
    other.open();
    all(with_two);
    all(vec![with_one, with_both]);
}

#[task(label = "one")]
async fn labelled(stage: Stage) {
    stage.pass().await;
}

#[chiltepin::test]
fn a_label_of_the_attribute_counts_beside_those_of_the_call(_workflow: Workflow) {
    let workflow = open("[workflow]\nlimits = { two = 2, one = 1 }");
    let stage = Stage::new();
    let futures = workflow.map(0..2, |_| labelled(stage).label("two"));
    stage.until_entered(1);
    until(|| matches!(futures[1].status(), Status::Limited { .. }));
    let beside = hold_async(stage).label("two").submit(&workflow);
    stage.until_entered(2);
    stage.open();
    all(futures);
    all(vec![beside]);
}

#[chiltepin::test]
fn an_ended_task_gives_its_label_back_however_it_ended(_workflow: Workflow) {
    let workflow = open("[workflow]\nlimits = { one = 1 }");
    let stage = Stage::new();
    for _ in 0..3 {
        let before = stage.entered();
        let cancelled = hold_async(stage).label("one").submit(&workflow);
        let waiting = hold_async(stage).label("one").submit(&workflow);
        stage.until_entered(before + 1);
        waiting.cancel();
        cancelled.cancel();
        assert!(cancelled.result().is_err() && waiting.result().is_err());
    }
    stage.open();
    hold_async(stage)
        .label("one")
        .submit(&workflow)
        .result()
        .unwrap();
}

fn cores(cores: u32) -> Resources {
    Resources {
        cores,
        ..Resources::default()
    }
}

const FOUR: &str =
    "[four]\nprovider = 'threads'\nmax_threads = 4\nmemory = '4GiB'\ngpus = 2\nmax_async = 9";

#[chiltepin::test]
fn tasks_share_the_cores(_workflow: Workflow) {
    let workflow = open(FOUR);
    let stage = Stage::new();
    all(workflow.map(0..30, |_| visit(stage).on("four").resources(cores(2))));
    assert_eq!(stage.most(), 2);
    let (big, small) = (Stage::new(), Stage::new());
    let three = hold(big).on("four").resources(cores(3)).submit(&workflow);
    big.until_entered(1);
    let one = hold(small).on("four").submit(&workflow);
    small.until_entered(1);
    let next = hold(small).on("four").submit(&workflow);
    // After calls so short, a worker is sent one ahead.
    let is_queued = matches!(next.status(), Status::Queued { .. });
    assert!(is_queued || on_processes());
    assert_eq!(small.entered(), 1);
    big.open();
    small.until_entered(2);
    small.open();
    all(vec![three, one, next]);
}

#[chiltepin::test]
fn tasks_share_memory_and_gpus(_workflow: Workflow) {
    let workflow = open(FOUR);
    let memory = Resources {
        memory: 3 << 30,
        ..Resources::default()
    };
    let gpus = Resources {
        gpus: 1,
        ..Resources::default()
    };
    let (by_memory, by_gpu) = (Stage::new(), Stage::new());
    all(workflow.map(0..10, |_| {
        visit_async(by_memory).on("four").resources(memory)
    }));
    assert_eq!(by_memory.most(), 1);
    all(workflow.map(0..20, |_| visit_async(by_gpu).on("four").resources(gpus)));
    assert_eq!(by_gpu.most(), 2);
}

#[chiltepin::test]
fn what_fits_nowhere_is_refused(_workflow: Workflow) {
    let workflow = open(FOUR);
    let stage = Stage::new();
    stage.open();
    for asked in [
        cores(5),
        Resources {
            memory: 5 << 30,
            ..Resources::default()
        },
        Resources {
            gpus: 3,
            ..Resources::default()
        },
    ] {
        let error = hold(stage).on("four").resources(asked).submit(&workflow);
        let error = error.result().unwrap_err();
        let ErrorKind::ImpossibleResources { reason } = error.kind() else {
            panic!("{error}");
        };
        assert!(
            reason.contains("`four` has 4 cores, 4 GiB memory, 2 GPUs"),
            "{reason}"
        );
    }
    // Of two it goes to the one where it fits.
    let workflow = open(&format!("{FOUR}\n{ONE}"));
    let future = hold(stage)
        .on(["one", "four"])
        .resources(cores(4))
        .submit(&workflow);
    future.result().unwrap();
    assert_eq!(future.executor().as_deref(), Some("four"));
    assert_eq!(stage.entered(), 1);
}

#[chiltepin::test]
fn a_big_task_is_not_passed_over_for_ever(_workflow: Workflow) {
    let workflow = open(FOUR);
    let (stage, big) = (Stage::new(), Stage::new());
    let first = workflow.map(0..4, |_| visit(stage).on("four"));
    let whole = visit(big).on("four").resources(cores(4)).submit(&workflow);
    let mut futures = first;
    while !whole.done() {
        futures.extend(workflow.map(0..20, |_| visit(stage).on("four")));
        let oldest = futures.len() - 20;
        futures[oldest].result().unwrap();
        assert!(stage.entered() < 20_000, "the big task starves");
    }
    all(futures);
}

#[chiltepin::test]
fn a_busy_executor_holds_no_task_that_another_could_run(_workflow: Workflow) {
    let config = |name| format!("[{name}]\nprovider = 'threads'\nmax_threads = 1\n");
    let workflow = open(&format!("{}{}", config("busy"), config("free")));
    let (holding, stage) = (Stage::new(), Stage::new());
    let holder = hold(holding).on("busy").submit(&workflow);
    holding.until_entered(1);
    let futures = workflow.map(0..50, |_| visit(stage).on(["busy", "free"]));
    all(futures.clone());
    for future in &futures {
        assert_eq!(future.executor().as_deref(), Some("free"));
    }
    assert!(!holder.done());
    // Both have room again, and both are used.
    holding.open();
    holder.result().unwrap();
    let both = workflow.map(0..50, |_| visit(stage).on(["busy", "free"]));
    all(both.clone());
    assert!(
        both.iter()
            .any(|future| future.executor().as_deref() == Some("busy"))
    );
    assert!(
        both.iter()
            .any(|future| future.executor().as_deref() == Some("free"))
    );
}

#[chiltepin::test]
fn what_only_one_executor_may_run_does_not_block_the_others(_workflow: Workflow) {
    let config = |name| format!("[{name}]\nprovider = 'threads'\nmax_threads = 1\n");
    let workflow = open(&format!("{}{}", config("busy"), config("free")));
    let (holding, stage) = (Stage::new(), Stage::new());
    let holder = hold(holding).on("busy").submit(&workflow);
    holding.until_entered(1);
    let stuck = workflow.map(0..10, |_| visit(stage).on("busy").priority(9));
    all(workflow.map(0..10, |_| visit(stage).on(["busy", "free"])));
    assert!(stuck.iter().all(|future| !future.done()));
    holding.open();
    all(stuck);
    holder.result().unwrap();
}

#[chiltepin::test]
fn an_abandoned_body_keeps_its_thread_until_it_returns(_workflow: Workflow) {
    let workflow = open(ONE);
    let (first, second) = (Stage::new(), Stage::new());
    let abandoned = hold(first).on("one").submit(&workflow);
    first.until_entered(1);
    abandoned.cancel();
    assert!(abandoned.result().is_err());
    let next = hold(second).on("one").submit(&workflow);
    if !on_processes() {
        assert!(matches!(next.status(), Status::Queued { .. }));
        assert_eq!(second.entered(), 0);
        first.open();
    }
    second.until_entered(1);
    second.open();
    next.result().unwrap();
}
