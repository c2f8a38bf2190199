//! What may stand for an argument, and who gets the value.

#![expect(
    clippy::needless_borrows_for_generic_args,
    reason = "that a reference will do is what is tested"
)]

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use chiltepin::{AppFuture, ErrorKind, Status, Workflow, task};

use crate::support::{Counted, Stage, clones, on_processes, until};

#[task]
fn add(x: i64, y: i64) -> i64 {
    x + y
}

#[task]
fn sum(values: Vec<i64>) -> i64 {
    values.iter().sum()
}

#[task]
fn words(text: String, path: PathBuf) -> String {
    format!("{text} at {}", path.display())
}

#[task]
fn by_name(values: HashMap<String, i64>, sorted: BTreeMap<u8, i64>) -> (i64, Vec<(u8, i64)>) {
    (values.values().sum(), sorted.into_iter().collect())
}

#[task]
fn pair(pair: (i64, String)) -> String {
    format!("{} {}", pair.0, pair.1)
}

#[task]
fn six(values: (u8, u16, u32, u64, i8, String)) -> String {
    format!("{values:?}")
}

#[task]
fn fail(message: String) -> Result<i64, String> {
    Err(message)
}

#[task]
async fn wait(stage: Stage) -> i64 {
    stage.pass().await;
    7
}

#[task]
fn list(length: i64) -> Vec<i64> {
    (0..length).collect()
}

#[chiltepin::test]
fn values_and_references_to_them(workflow: Workflow) -> chiltepin::Result<()> {
    let (x, text, path) = (3, "text".to_owned(), PathBuf::from("a/b"));
    assert_eq!(add(x, &x).submit(&workflow).result()?, 6);
    for call in [
        words("text", "a/b"),
        words(&text, &path),
        words(&*text, &*path),
        words(text.clone(), path.clone()),
        words(text, Path::new("a/b")),
    ] {
        assert_eq!(call.submit(&workflow).result()?, "text at a/b");
    }
    assert_eq!(sum(&vec![1, 2]).submit(&workflow).result()?, 3);
    Ok(())
}

#[chiltepin::test]
async fn futures_and_references_to_them(workflow: Workflow) -> chiltepin::Result<()> {
    let two = add(1, 1).submit(&workflow);
    let five = add(&two, 3).submit(&workflow);
    let ten = add(&five, &five).submit(&workflow);
    let twelve = add(ten, two).submit(&workflow);
    assert_eq!(twelve.await?, 12);
    assert_eq!(five.await?, 5);
    let both = add(AppFuture::ready(1), &AppFuture::ready(2)).submit(&workflow);
    assert_eq!(both.await?, 3);
    Ok(())
}

#[chiltepin::test]
async fn lists_of_futures(workflow: Workflow) -> chiltepin::Result<()> {
    let numbers: Vec<_> = (1..=4).map(|n| add(n, 0).submit(&workflow)).collect();
    assert_eq!(sum(&numbers).submit(&workflow).await?, 10);
    assert_eq!(sum(&numbers[1..]).submit(&workflow).await?, 9);
    let array = [numbers[0].clone(), AppFuture::ready(20)];
    assert_eq!(sum(&array).submit(&workflow).await?, 21);
    assert_eq!(sum(array).submit(&workflow).await?, 21);
    assert_eq!(sum(numbers).submit(&workflow).await?, 10);
    assert_eq!(
        sum(Vec::<AppFuture<i64>>::new()).submit(&workflow).await?,
        0
    );
    Ok(())
}

#[chiltepin::test]
async fn maps_and_tuples_of_futures(workflow: Workflow) -> chiltepin::Result<()> {
    let number = |n: i64| add(n, 0).submit(&workflow);
    let named: HashMap<_, _> = [("a".to_owned(), number(1)), ("b".to_owned(), number(2))].into();
    let sorted: BTreeMap<u8, _> = [(9, number(3)), (1, number(4))].into();
    let result = by_name(named, sorted).submit(&workflow).await?;
    assert_eq!(result, (3, vec![(1, 4), (9, 3)]));
    let plain = by_name(
        HashMap::from([("a".to_owned(), 5)]),
        BTreeMap::from([(1, 6)]),
    );
    assert_eq!(plain.submit(&workflow).await?, (5, vec![(1, 6)]));

    let text = words("text", "p").submit(&workflow);
    assert_eq!(
        pair((number(1), text)).submit(&workflow).await?,
        "1 text at p"
    );
    assert_eq!(
        pair((2, "two".to_owned())).submit(&workflow).await?,
        "2 two"
    );
    let futures = (
        AppFuture::ready(1),
        AppFuture::ready(2),
        AppFuture::ready(3),
        AppFuture::ready(4),
        AppFuture::ready(-5),
        words("six", "p").submit(&workflow),
    );
    assert_eq!(
        six(futures).submit(&workflow).await?,
        "(1, 2, 3, 4, -5, \"six at p\")"
    );
    Ok(())
}

#[chiltepin::test]
fn one_failure_in_a_collection_fails_the_call(workflow: Workflow) {
    let good = add(1, 1).submit(&workflow);
    let bad = fail("bad").submit(&workflow);
    let error = sum([good, bad]).submit(&workflow).result().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::DependencyFailed { .. }));
    assert_eq!(error.downcast_ref::<String>().unwrap(), "bad");
    assert_eq!((error.root().task(), error.attempt()), ("fail", 0));
}

#[task]
fn make(stage: Stage) -> Counted {
    Counted(stage)
}

#[task]
fn consume(value: Counted) -> usize {
    value.0.entered()
}

#[task]
fn consume_all(values: Vec<Counted>) -> usize {
    values.len()
}

#[task(retries = 1)]
fn consume_at_second_attempt(
    context: &chiltepin::TaskContext,
    value: Counted,
) -> Result<usize, String> {
    match context.attempt() {
        1 => Err("once more".to_owned()),
        _ => Ok(value.0.entered()),
    }
}

#[chiltepin::test]
fn the_last_consumer_takes_the_value(workflow: Workflow) -> chiltepin::Result<()> {
    let stage = Stage::new();
    let made = make(stage).submit(&workflow);
    let first = consume(&made).submit(&workflow);
    let second = consume(&made).inputs(&first).submit(&workflow);
    let third = consume(made).inputs(&second).submit(&workflow);
    assert_eq!(
        (first.result()?, second.result()?, third.result()?),
        (clones(1), clones(2), clones(2))
    );
    Ok(())
}

#[chiltepin::test]
fn a_list_by_value_takes_its_values(workflow: Workflow) -> chiltepin::Result<()> {
    let stage = Stage::new();
    let made = workflow.map([stage; 5], make);
    assert_eq!(consume_all(made).submit(&workflow).result()?, 5);
    assert_eq!(stage.entered(), 0);
    let made = workflow.map([stage; 5], make);
    assert_eq!(consume_all(&made).submit(&workflow).result()?, 5);
    assert_eq!(stage.entered(), clones(5));
    Ok(())
}

#[chiltepin::test]
fn a_value_is_cloned_for_each_attempt_but_the_last(workflow: Workflow) -> chiltepin::Result<()> {
    let stage = Stage::new();
    let plain = consume_at_second_attempt(Counted(stage)).submit(&workflow);
    assert_eq!(plain.result()?, clones(1));
    let stage = Stage::new();
    let made = make(stage).submit(&workflow);
    assert_eq!(
        consume_at_second_attempt(made).submit(&workflow).result()?,
        clones(1)
    );
    let stage = Stage::new();
    assert_eq!(consume(Counted(stage)).submit(&workflow).result()?, 0);
    Ok(())
}

#[chiltepin::test]
fn awaiting_leaves_the_value_for_others(workflow: Workflow) -> chiltepin::Result<()> {
    let stage = Stage::new();
    let made = make(stage).submit(&workflow);
    made.result()?;
    made.result()?;
    // Who asks first of a value that another process gave decodes one of his own.
    let copies = if on_processes() { 1 } else { 2 };
    assert_eq!(stage.entered(), copies);
    assert_eq!(consume(made).submit(&workflow).result()?, copies);
    Ok(())
}

/// Submits a call with inputs that wait, and sees that it waits for so many.
macro_rules! inputs_wait {
    ($workflow:expr, $count:expr, |$a:ident, $b:ident| $inputs:expr) => {{
        let stage = Stage::new();
        let $a = wait(stage).submit($workflow);
        let $b = text(&$a).submit($workflow);
        let call = add(1, 1).inputs($inputs).submit($workflow);
        assert_eq!(
            call.status(),
            Status::Waiting {
                dependencies: $count
            }
        );
        stage.open();
        assert_eq!(call.result().unwrap(), 2);
        let _unused_in_some = (&$a, &$b);
    }};
}

#[task]
fn text(number: i64) -> String {
    number.to_string()
}

#[chiltepin::test]
fn inputs_are_waited_for_in_every_form(workflow: Workflow) {
    let workflow = &workflow;
    inputs_wait!(workflow, 1, |a, b| &a);
    inputs_wait!(workflow, 1, |a, b| b.clone());
    inputs_wait!(workflow, 2, |a, b| (&a, &b));
    inputs_wait!(workflow, 2, |a, b| (a.clone(), [b.clone()]));
    inputs_wait!(workflow, 2, |a, b| [&a, &a.clone()]);
    inputs_wait!(workflow, 2, |a, b| &[b.clone(), b.clone()]);
    inputs_wait!(workflow, 3, |a, b| vec![a.clone(), a.clone(), a.clone()]);
    inputs_wait!(workflow, 2, |a, b| &vec![b.clone(), b.clone()]);
    inputs_wait!(workflow, 1, |a, b| &[b.clone(), b.clone()][..1]);
}

#[chiltepin::test]
fn inputs_add_up_and_their_failure_fails_the_call(workflow: Workflow) {
    let stage = Stage::new();
    let first = wait(stage).submit(&workflow);
    let call = add(1, 1)
        .inputs(&first)
        .inputs(AppFuture::ready(()))
        .inputs([&first]);
    let call = call.submit(&workflow);
    assert_eq!(call.status(), Status::Waiting { dependencies: 2 });
    stage.open();
    assert_eq!(call.result().unwrap(), 2);

    let bad = fail("bad").submit(&workflow);
    let error = add(1, 1)
        .inputs([bad])
        .submit(&workflow)
        .result()
        .unwrap_err();
    assert_eq!(error.downcast_ref::<String>().unwrap(), "bad");
}

#[chiltepin::test]
fn an_input_keeps_no_value_from_its_consumer(workflow: Workflow) -> chiltepin::Result<()> {
    let stage = Stage::new();
    let made = make(stage).submit(&workflow);
    let after = add(1, 1).inputs(&made).submit(&workflow);
    assert_eq!(consume(made).inputs(&after).submit(&workflow).result()?, 0);
    Ok(())
}

#[chiltepin::test]
fn futures_of_another_workflow(workflow: Workflow) -> chiltepin::Result<()> {
    let other = Workflow::open()?;
    let stage = Stage::new();
    let theirs = wait(stage).submit(&other);
    let ours = add(&theirs, &theirs.map(|seven| seven * 10)).submit(&workflow);
    let chained = add(&ours, 1).submit(&workflow);
    assert_eq!(ours.status(), Status::Waiting { dependencies: 2 });
    stage.open();
    assert_eq!(chained.result()?, 78);
    // One that has ended long ago counts as well.
    assert_eq!(add(&theirs, &theirs).submit(&workflow).result()?, 14);
    Ok(())
}

#[chiltepin::test]
fn failures_of_another_workflow(workflow: Workflow) -> chiltepin::Result<()> {
    let other = Workflow::open()?;
    let stage = Stage::new();
    let gate = wait(stage).submit(&other);
    let bad = fail("theirs").inputs(&gate).submit(&other);
    let ours = add(&bad, 1).submit(&workflow);
    let next = add(&ours, 1).submit(&workflow);
    stage.open();
    let error = next.result().unwrap_err();
    assert_eq!(error.downcast_ref::<String>().unwrap(), "theirs");
    assert_eq!(error.root().id(), bad.id());
    let late = add(&bad, 1).submit(&workflow).result().unwrap_err();
    assert_eq!(late.downcast_ref::<String>().unwrap(), "theirs");
    Ok(())
}

#[chiltepin::test]
fn cancels_and_the_end_of_another_workflow(workflow: Workflow) -> chiltepin::Result<()> {
    let other = Workflow::open()?;
    let stage = Stage::new();
    let theirs = wait(stage).submit(&other);
    let ours = add(&theirs, 1).submit(&workflow);
    theirs.cancel();
    assert!(ours.result().unwrap_err().is_cancelled());
    assert_eq!(ours.status(), Status::Cancelled);

    // A cancel on this side leaves the other one alone.
    let theirs = wait(stage).submit(&other);
    let ours = add(&theirs, 1).submit(&workflow);
    ours.cancel();
    assert!(ours.result().unwrap_err().is_cancelled());
    assert!(!theirs.done());

    let ours = add(&theirs, 1).submit(&workflow);
    drop(other);
    let error = ours.result().unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::DependencyFailed { .. }),
        "{error}"
    );
    until(|| stage.inside() == 0);
    Ok(())
}

#[chiltepin::test]
async fn parts_of_values_as_arguments(workflow: Workflow) -> chiltepin::Result<()> {
    let numbers = list(5).submit(&workflow);
    let whole = by_name(
        HashMap::from([("a".to_owned(), 5)]),
        BTreeMap::from([(1, 6)]),
    );
    let whole = whole.submit(&workflow);
    let parts = [
        numbers.index(4),
        numbers.map(|list| list.len() as i64),
        whole.field(|whole| &whole.0),
        whole.map(|whole| whole.1[0].1),
    ];
    assert_eq!(sum(&parts).submit(&workflow).await?, 4 + 5 + 5 + 6);
    let map = AppFuture::ready(HashMap::from([("key".to_owned(), 8_i64)]));
    let sorted = AppFuture::ready(BTreeMap::from([(3_u8, 9_i64)]));
    let both = add(map.get("key".to_owned()), sorted.get(3)).inputs(&parts[0]);
    assert_eq!(both.submit(&workflow).await?, 17);
    let twice = numbers
        .map(|list| list[1..].to_vec())
        .index(0)
        .map(|x| x + 1);
    assert_eq!(add(twice, 0).submit(&workflow).await?, 2);
    Ok(())
}

#[chiltepin::test]
fn a_map_runs_once_for_all_who_use_it(workflow: Workflow) -> chiltepin::Result<()> {
    let stage = Stage::new();
    let mapped = list(3).submit(&workflow).map(move |list| {
        drop(stage.enter());
        list.len() as i64
    });
    let clones = vec![mapped.clone(); 10];
    assert_eq!(sum(clones).submit(&workflow).result()?, 30);
    assert_eq!(mapped.result()?, 3);
    assert_eq!(stage.entered(), 1);
    // One that nobody asks for does not run.
    let unused = list(3).submit(&workflow).map(move |list| {
        drop(stage.enter());
        list.len()
    });
    drop(unused.map(|length| *length));
    workflow.close_blocking();
    assert_eq!(stage.entered(), 1);
    Ok(())
}

#[chiltepin::test]
fn a_part_that_is_not_there_fails_who_uses_it(workflow: Workflow) {
    let numbers = list(2).name("numbers").submit(&workflow);
    let missing = numbers.index(2);
    let error = add(&missing, 1).submit(&workflow).result().unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::DependencyFailed { .. }),
        "{error:?}"
    );
    assert!(matches!(
        error.root().kind(),
        ErrorKind::NoSuchElement { .. }
    ));
    assert_eq!(error.root().task(), "numbers");
    assert!(matches!(
        missing.result().unwrap_err().kind(),
        ErrorKind::NoSuchElement { .. }
    ));
    // The list itself is well, and so are its other parts.
    assert_eq!(numbers.index(1).result().unwrap(), 1);
    let map = AppFuture::ready(BTreeMap::from([(1, 2)]));
    let error = map.get(5).result().unwrap_err();
    let ErrorKind::NoSuchElement { element, available } = error.kind() else {
        panic!("{error}");
    };
    assert_eq!((&**element, &**available), ("5", "a map of 1"));
}

#[chiltepin::test]
fn a_map_that_panics_fails_who_uses_it(workflow: Workflow) {
    let numbers = list(2).submit(&workflow);
    let mapped: AppFuture<i64> = numbers.map(|_| panic!("in a map"));
    let next = add(&mapped, 1).submit(&workflow);
    let after = add(&next, 1).submit(&workflow);
    for error in [next.result().unwrap_err(), after.result().unwrap_err()] {
        let ErrorKind::Panicked(report) = error.root().kind() else {
            panic!("{error}");
        };
        assert_eq!(report.message, "in a map");
        assert_eq!(report.file.as_deref(), Some(file!()));
    }
    assert!(matches!(
        mapped.result().unwrap_err().kind(),
        ErrorKind::Panicked(_)
    ));
    assert_eq!(numbers.result().unwrap(), [0, 1]);
}

#[chiltepin::test]
fn a_part_of_a_failed_value_fails_alike(workflow: Workflow) {
    let bad = fail("bad").submit(&workflow);
    let mapped = bad.map(|_| 1_i64);
    let error = add(mapped.clone(), 1)
        .submit(&workflow)
        .result()
        .unwrap_err();
    assert_eq!(error.downcast_ref::<String>().unwrap(), "bad");
    assert_eq!(
        mapped
            .result()
            .unwrap_err()
            .downcast_ref::<String>()
            .unwrap(),
        "bad"
    );
    assert_eq!((mapped.status(), mapped.name()), (Status::Failed, "fail"));
}
