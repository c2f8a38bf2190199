//! Every kind of task, as a function: values, results, async, contexts, commands, joins.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chiltepin::__private::{Registration, TaskInfo, TaskKind, inventory};
use chiltepin::{AppFuture, Call, TaskContext, Workflow, bash_task, join_task, kind, sh, task};

type ShortResult<T> = Result<T, std::num::ParseIntError>;

#[task]
fn multiply(x: i64, factor: i64) -> i64 {
    x * factor
}

#[task]
fn nothing() {}

#[task]
fn mutable(mut values: Vec<i64>, _ignored: bool) -> Vec<i64> {
    values.push(1);
    values
}

#[task]
fn parse(text: String) -> Result<i64, std::num::ParseIntError> {
    text.parse()
}

#[task]
fn parse_by_alias(text: String) -> ShortResult<i64> {
    text.parse()
}

#[task]
fn parse_on_the_ground(text: String) -> Result<i64, &'static str> {
    text.parse().map_err(|_| "no number")
}

#[task]
fn read(path: PathBuf) -> std::io::Result<String> {
    std::fs::read_to_string(path)
}

#[task(fallible)]
fn hidden(text: String) -> Hidden {
    text.parse()
}

type Hidden = Result<i64, std::num::ParseIntError>;

#[task(infallible)]
fn kept(text: String) -> Result<i64, String> {
    text.parse().map_err(|_| text)
}

#[task(retries = 2, timeout = "10m", executor = ["a", "b"], label = "gpu", name = "later", priority = -1)]
async fn later(context: &TaskContext, text: String) -> Result<u32, std::num::ParseIntError> {
    std::future::ready(context).await;
    text.parse()
}

#[task]
fn with_context(x: u32, context: &TaskContext, y: u32) -> u32 {
    let _: TaskContext = context.clone();
    x + y
}

#[task]
fn gather(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, j: u8, k: u8, l: u8) -> u32 {
    [a, b, c, d, e, f, g, h, i, j, k, l].into_iter().map(u32::from).sum()
}

#[task]
fn bounded(values: BTreeMap<String, f64>) -> usize
where
    BTreeMap<String, f64>: Clone,
{
    values.len()
}

#[task]
fn again(n: u64) -> u64 {
    if n == 0 { 0 } else { n + again(n - 1).run_blocking().unwrap() }
}

#[bash_task]
fn copy(from: PathBuf, to: PathBuf) -> String {
    sh!("[ {from} = 'a b' ] && [ {to} = c ]")
}

#[bash_task]
fn copy_or_not(from: Option<PathBuf>) -> Result<String, String> {
    let from = from.ok_or("nothing to copy")?;
    Ok(sh!("[ {from} = a ]"))
}

#[join_task]
async fn all(workflow: &Workflow, values: Vec<i64>, factor: i64) -> AppFuture<Vec<i64>> {
    let products: Vec<_> =
        values.into_iter().map(|value| multiply(value, factor).submit(workflow)).collect();
    mutable(products, false).submit(workflow)
}

#[join_task]
async fn fallible_all(values: Vec<i64>, workflow: &Workflow) -> Result<AppFuture<i64>, String> {
    let value = values.first().ok_or("no value")?;
    Ok(multiply(*value, 2).submit(workflow))
}

#[join_task]
fn list(workflow: &Workflow, values: Vec<i64>) -> Vec<AppFuture<i64>> {
    values.into_iter().map(|value| multiply(value, 2).submit(workflow)).collect()
}

#[join_task]
async fn list_by_alias(workflow: &Workflow) -> ShortResult<Vec<AppFuture<i64>>> {
    Ok(vec![multiply(1, 2).submit(workflow)])
}

#[join_task]
async fn plain(workflow: &Workflow, _context: &TaskContext) -> i64 {
    let _ = workflow;
    4
}

#[join_task]
async fn plain_by_alias(_workflow: &Workflow) -> ShortResult<i64> {
    "4".parse()
}

fn info(function: &str) -> &'static TaskInfo {
    let mut tasks = inventory::iter::<Registration>.into_iter().map(|registration| registration.0);
    tasks.find(|task| task.function == function).unwrap()
}

#[chiltepin::main]
fn main(workflow: Workflow) {
    let call: Call<i64> = multiply(2, 3);
    let product = call.submit(&workflow);
    assert_eq!(multiply(&product, 2).submit(&workflow).result().unwrap(), 12);
    nothing().run_blocking().unwrap();
    assert_eq!(mutable(vec![0], true).run_blocking().unwrap(), [0, 1]);
    assert_eq!(parse("3").run_blocking().unwrap(), 3);
    assert!(parse("three").run_blocking().is_err());
    assert_eq!(parse_by_alias("3").run_blocking().unwrap(), 3);
    assert!(parse_on_the_ground("three").run_blocking().is_err());
    assert!(read("no such file").run_blocking().is_err());
    assert_eq!(hidden("3").run_blocking().unwrap(), 3);
    assert_eq!(kept("3").run_blocking().unwrap(), Ok(3));
    assert_eq!(later("3").on("local").submit(&workflow).result().unwrap(), 3);
    assert_eq!(with_context(1, 2).submit(&workflow).result().unwrap(), 3);
    assert_eq!(gather(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1).run_blocking().unwrap(), 12);
    assert_eq!(bounded(BTreeMap::from([("x".to_owned(), 1.0)])).run_blocking().unwrap(), 1);
    assert_eq!(again(3).run_blocking().unwrap(), 6);

    let command: Call<i32, kind::Command> = copy("a b", "c");
    assert_eq!(command.submit(&workflow).result().unwrap(), 0);
    assert_eq!(copy_or_not(Some(PathBuf::from("a"))).submit(&workflow).result().unwrap(), 0);

    let join: Call<Vec<i64>, kind::Join> = all(vec![1, 2], 2);
    assert_eq!(join.submit(&workflow).result().unwrap(), [2, 4, 1]);
    assert_eq!(fallible_all(vec![1]).submit(&workflow).result().unwrap(), 2);
    assert_eq!(list(vec![1, 2]).submit(&workflow).result().unwrap(), [2, 4]);
    assert_eq!(list_by_alias().submit(&workflow).result().unwrap(), [2]);
    assert_eq!(plain().submit(&workflow).result().unwrap(), 4);
    assert_eq!(plain_by_alias().submit(&workflow).result().unwrap(), 4);

    assert_eq!(info("multiply").path(), concat!(module_path!(), "::multiply"));
    assert_eq!(info("multiply").kind, TaskKind::Function);
    assert_eq!(info("later").kind, TaskKind::AsyncFunction);
    assert_eq!(info("copy").kind, TaskKind::Command);
    assert_eq!(info("list").kind, TaskKind::Join);
    assert_eq!(info("multiply").location.line + 5, info("nothing").location.line);
    assert_eq!(info("multiply").location.column, 4);
    assert!(info("multiply").location.file.ends_with("kinds.rs"));

    let defaults = info("later").defaults;
    assert_eq!(info("later").name, Some("later"));
    assert_eq!(defaults.executors, ["a", "b"]);
    assert_eq!(defaults.labels, ["gpu"]);
    assert_eq!(defaults.retries, Some(2));
    assert_eq!(defaults.timeout, Some(std::time::Duration::from_secs(600)));
    assert_eq!(defaults.priority, -1);
}
