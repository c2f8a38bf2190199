//! Graphs of tasks: random ones, and ones so large that recursion or a square would show.

use std::collections::HashMap;

use chiltepin::{AppFuture, ErrorKind, Status, TaskError, Workflow, join_task, task};
use proptest::prelude::*;

use crate::support::{LIMIT, Stage};

/// What the body of a node does.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
enum Deed {
    Succeed,
    Fail,
    Panic,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Function,
    AsyncFunction,
    Join,
}

#[derive(Clone, Debug)]
struct Node {
    kind: Kind,
    deed: Deed,
    retries: u32,
    priority: i32,
    /// Nodes before this one whose values it takes.
    takes: Vec<usize>,
    /// Nodes before this one that it only waits for.
    waits_for: Vec<usize>,
    is_cancelled: bool,
    /// Whether its dependencies live in another workflow.
    is_elsewhere: bool,
}

/// Says that it ran, then does its deed.
fn body(stage: Stage, number: usize, deed: Deed, values: &[u64]) -> Result<u64, String> {
    stage.note(number.to_string());
    match deed {
        Deed::Succeed => Ok(1 + values.iter().sum::<u64>()),
        Deed::Fail => Err(format!("node {number}")),
        Deed::Panic => panic!("node {number}"),
    }
}

#[task]
fn function(stage: Stage, number: usize, deed: Deed, values: Vec<u64>) -> Result<u64, String> {
    body(stage, number, deed, &values)
}

#[task]
async fn later(stage: Stage, number: usize, deed: Deed, values: Vec<u64>) -> Result<u64, String> {
    if number.is_multiple_of(2) {
        tokio::task::yield_now().await;
    }
    body(stage, number, deed, &values)
}

#[join_task]
async fn join(
    workflow: &Workflow,
    stage: Stage,
    number: usize,
    deed: Deed,
    values: Vec<u64>,
) -> AppFuture<u64> {
    function(stage, number, deed, values).submit(workflow)
}

#[task]
async fn gate(stage: Stage) {
    stage.pass().await;
}

fn node() -> impl Strategy<Value = (Node, Vec<prop::sample::Index>, Vec<prop::sample::Index>)> {
    let kind = prop_oneof![
        4 => Just(Kind::Function),
        4 => Just(Kind::AsyncFunction),
        1 => Just(Kind::Join)
    ];
    let deed = prop_oneof![
        20 => Just(Deed::Succeed),
        1 => Just(Deed::Fail),
        1 => Just(Deed::Panic)
    ];
    let some = || prop::collection::vec(any::<prop::sample::Index>(), 0..4);
    let rare = prop::bool::weighted(0.03);
    let shape = (
        kind,
        deed,
        prop::bool::weighted(0.1),
        -2..3,
        rare,
        prop::bool::weighted(0.1),
    );
    (
        shape,
        some(),
        prop::collection::vec(any::<prop::sample::Index>(), 0..2),
    )
        .prop_map(
            |((kind, deed, is_repeated, priority, is_cancelled, is_elsewhere), takes, waits)| {
                let node = Node {
                    kind,
                    deed,
                    retries: u32::from(is_repeated),
                    priority,
                    takes: Vec::new(),
                    waits_for: Vec::new(),
                    is_cancelled,
                    is_elsewhere,
                };
                (node, takes, waits)
            },
        )
}

fn graph() -> impl Strategy<Value = Vec<Node>> {
    prop::collection::vec(node(), 1..80).prop_map(|nodes| {
        let nodes = nodes.into_iter().enumerate();
        let nodes = nodes.map(|(place, (mut node, takes, waits))| {
            if place > 0 {
                node.takes = takes.iter().map(|index| index.index(place)).collect();
                node.waits_for = waits.iter().map(|index| index.index(place)).collect();
            }
            node
        });
        nodes.collect()
    })
}

/// Submits a graph behind a closed gate, so that all of it is there before any of it runs.
fn submit(
    graph: &[Node],
    gates: [&AppFuture<()>; 2],
    stage: Stage,
    workflows: [&Workflow; 2],
) -> Vec<AppFuture<u64>> {
    let mut futures: Vec<AppFuture<u64>> = Vec::new();
    for (number, node) in graph.iter().enumerate() {
        let Node {
            deed,
            retries,
            priority,
            ..
        } = *node;
        let side = usize::from(node.is_elsewhere);
        let workflow = workflows[side];
        let values: Vec<_> = node
            .takes
            .iter()
            .map(|&taken| futures[taken].clone())
            .collect();
        let inputs: Vec<_> = node
            .waits_for
            .iter()
            .map(|&waited| &futures[waited])
            .collect();
        macro_rules! submit {
            ($task:ident) => {
                $task(stage, number, deed, values)
                    .inputs(inputs)
                    .inputs(gates[side])
                    .retries(retries)
                    .priority(priority)
                    .submit(workflow)
            };
        }
        futures.push(match node.kind {
            Kind::Function => submit!(function),
            Kind::AsyncFunction => submit!(later),
            Kind::Join => submit!(join),
        });
    }
    futures
}

/// Checks how a node ended against how those before it did.
fn check(
    number: usize,
    node: &Node,
    results: &[Result<u64, TaskError>],
    runs: usize,
) -> Result<(), TestCaseError> {
    let before = || {
        node.takes
            .iter()
            .chain(&node.waits_for)
            .map(|&index| &results[index])
    };
    let result = &results[number];
    if let Err(error) = result
        && node.is_cancelled
        && matches!(error.kind(), ErrorKind::Cancelled { .. })
    {
        prop_assert!(runs <= 1 + node.retries as usize);
        return Ok(());
    }
    let roots: Vec<_> = before()
        .filter_map(|result| result.as_ref().err())
        .map(TaskError::root)
        .collect();
    if !roots.is_empty() {
        let Err(error) = result else {
            return Err(TestCaseError::fail(format!(
                "node {number} succeeded after a failure"
            )));
        };
        prop_assert!(
            matches!(error.kind(), ErrorKind::DependencyFailed { .. }),
            "{}",
            error
        );
        let root = error.root().to_string();
        prop_assert!(
            roots.iter().any(|known| known.to_string() == root),
            "{}",
            root
        );
        prop_assert_eq!(runs, 0, "node {} ran after a failure", number);
        return Ok(());
    }
    let values = node
        .takes
        .iter()
        .map(|&taken| results[taken].as_ref().unwrap());
    match (node.deed, result) {
        (Deed::Succeed, result) => {
            prop_assert_eq!(result.as_ref().ok(), Some(&(1 + values.sum::<u64>())));
            prop_assert_eq!(runs, 1);
        }
        (_, Ok(_)) => prop_assert!(false, "node {} should have failed", number),
        (deed, Err(error)) => {
            let kind = error.root().kind();
            prop_assert!(
                match deed {
                    Deed::Fail => matches!(kind, ErrorKind::Failed(_)),
                    _ => matches!(kind, ErrorKind::Panicked(_)),
                },
                "{}",
                error
            );
            prop_assert_eq!(error.attempt(), 1 + node.retries);
            prop_assert_eq!(runs, 1 + node.retries as usize);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[chiltepin::test]
    fn each_node_of_a_random_graph_ends_as_it_must(graph in graph()) {
        let (here, elsewhere) = (Workflow::open().unwrap(), Workflow::open().unwrap());
        let (stage, closed) = (Stage::new(), Stage::new());
        let gates = [gate(closed).submit(&here), gate(closed).submit(&elsewhere)];
        let futures = submit(&graph, [&gates[0], &gates[1]], stage, [&here, &elsewhere]);
        closed.open();
        for (node, future) in graph.iter().zip(&futures) {
            if node.is_cancelled {
                future.cancel();
            }
        }
        let results: Vec<_> = futures
            .iter()
            .map(|future| future.result_timeout(LIMIT))
            .collect::<Option<_>>()
            .ok_or_else(|| TestCaseError::fail("it hangs"))?;
        here.close_blocking();
        elsewhere.close_blocking();
        let mut runs: HashMap<String, usize> = HashMap::new();
        for note in stage.notes() {
            *runs.entry(note).or_default() += 1;
        }
        for (number, node) in graph.iter().enumerate() {
            let runs = runs.get(&number.to_string()).copied().unwrap_or_default();
            check(number, node, &results, runs)?;
            // What has ended stays as it is.
            let again = futures[number].result().map_err(|error| error.to_string());
            prop_assert_eq!(again, results[number].clone().map_err(|error| error.to_string()));
        }
    }

    #[chiltepin::test]
    fn each_future_ends_when_its_workflow_is_dropped(graph in graph(), runs_on in any::<bool>()) {
        let (here, elsewhere) = (Workflow::open().unwrap(), Workflow::open().unwrap());
        let (stage, closed) = (Stage::new(), Stage::new());
        let gates = [gate(closed).submit(&here), gate(closed).submit(&elsewhere)];
        let futures = submit(&graph, [&gates[0], &gates[1]], stage, [&here, &elsewhere]);
        if runs_on {
            closed.open();
        }
        drop((here, elsewhere));
        for future in &futures {
            prop_assert!(future.result_timeout(LIMIT).is_some(), "it hangs");
        }
        if !runs_on {
            prop_assert_eq!(stage.notes().len(), 0);
        }
    }
}

const MANY: usize = 100_000;

#[task]
async fn start(stage: Stage, deed: Deed) -> Result<u64, String> {
    stage.pass().await;
    body(stage, 0, deed, &[])
}

#[task]
async fn next(value: u64) -> u64 {
    value + 1
}

#[task]
fn next_on_thread(value: u64) -> u64 {
    value + 1
}

#[task]
async fn sum(values: Vec<u64>) -> u64 {
    values.iter().sum()
}

/// The last of a chain, of which nobody keeps the others.
fn chain(first: AppFuture<u64>, workflow: &Workflow) -> AppFuture<u64> {
    (0..MANY).fold(first, |last, _| next(last).submit(workflow))
}

fn fan(first: &AppFuture<u64>, workflow: &Workflow) -> AppFuture<u64> {
    sum(workflow.map(0..MANY, |_| next(first))).submit(workflow)
}

#[chiltepin::test]
fn a_long_chain_ends(workflow: Workflow) -> chiltepin::Result<()> {
    let stage = Stage::new();
    let last = chain(start(stage, Deed::Succeed).submit(&workflow), &workflow);
    stage.open();
    assert_eq!(last.result()?, MANY as u64 + 1);
    let last = (0..10_000).fold(AppFuture::ready(0), |last, _| {
        next_on_thread(last).submit(&workflow)
    });
    assert_eq!(last.result()?, 10_000);
    Ok(())
}

#[chiltepin::test]
fn a_long_chain_fails_and_is_cancelled_as_one(workflow: Workflow) {
    let stage = Stage::new();
    let first = start(stage, Deed::Fail).submit(&workflow);
    let last = chain(first.clone(), &workflow);
    stage.open();
    let error = last.result().unwrap_err();
    assert_eq!((error.root().id(), error.attempt()), (first.id(), 0));
    assert_eq!(error.downcast_ref::<String>().unwrap(), "node 0");

    let stage = Stage::new();
    let first = start(stage, Deed::Succeed).submit(&workflow);
    let last = chain(first.clone(), &workflow);
    first.cancel();
    assert!(last.result().unwrap_err().is_cancelled());
    assert_eq!(last.status(), Status::Cancelled);
    // One that begins with a failure is refused link by link.
    let last = chain(first, &workflow);
    assert!(last.result().unwrap_err().is_cancelled());
}

#[chiltepin::test]
fn handles_of_a_long_chain_are_dropped_in_any_order(workflow: Workflow) {
    let stage = Stage::new();
    let mut handles = vec![start(stage, Deed::Succeed).submit(&workflow)];
    for number in 0..MANY {
        let last = next(&handles[number]).submit(&workflow);
        handles.push(last);
    }
    let last = handles.pop().unwrap();
    handles.reverse();
    drop(handles);
    stage.open();
    assert_eq!(last.result().unwrap(), MANY as u64 + 1);
    drop(last);
}

#[chiltepin::test]
fn a_long_chain_ends_with_its_workflow(_workflow: Workflow) -> chiltepin::Result<()> {
    let workflow = Workflow::open()?;
    let last = chain(
        start(Stage::new(), Deed::Succeed).submit(&workflow),
        &workflow,
    );
    drop(workflow);
    assert!(last.result().is_err());
    Ok(())
}

#[chiltepin::test]
fn a_wide_fan_ends(workflow: Workflow) -> chiltepin::Result<()> {
    let stage = Stage::new();
    let first = start(stage, Deed::Succeed).submit(&workflow);
    let last = fan(&first, &workflow);
    assert_eq!(last.status(), Status::Waiting { dependencies: MANY });
    stage.open();
    assert_eq!(last.result()?, 2 * MANY as u64);
    Ok(())
}

#[chiltepin::test]
fn a_wide_fan_fails_and_is_cancelled_as_one(workflow: Workflow) {
    let stage = Stage::new();
    let first = start(stage, Deed::Panic).submit(&workflow);
    let last = fan(&first, &workflow);
    stage.open();
    let error = last.result().unwrap_err();
    assert_eq!(error.root().id(), first.id());
    let first = start(Stage::new(), Deed::Succeed).submit(&workflow);
    let last = fan(&first, &workflow);
    first.cancel();
    assert!(last.result().unwrap_err().is_cancelled());
    assert!(fan(&first, &workflow).result().unwrap_err().is_cancelled());
}

#[chiltepin::test]
fn many_views_of_views(workflow: Workflow) -> chiltepin::Result<()> {
    let first = start(Stage::new(), Deed::Succeed).submit(&workflow);
    let last = (0..1_000).fold(first.clone(), |last, _| last.map(|value| value + 1));
    first.cancel();
    assert!(last.result().is_err());
    let last = (0..1_000).fold(AppFuture::ready(0), |last, _| last.map(|value| value + 1));
    assert_eq!(last.result()?, 1_000);
    Ok(())
}
