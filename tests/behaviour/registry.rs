//! The names of tasks.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;

use chiltepin::{AppFuture, TaskContext, TaskDescription, Workflow, join_task, task};
use serde::{Deserialize, Serialize};

#[chiltepin::test]
fn two_tasks_of_one_name_are_refused_before_main_with_both_places() {
    let output = Command::new(env!("CARGO_BIN_EXE_duplicates"))
        .env_remove("CHILTEPIN_CONFIG")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr), @r#"error: two tasks are named `twice`: one at tests/programs/duplicates.rs:7:19, one at tests/programs/duplicates.rs:14:19; rename one of them, or give it another name with `name = "..."`"#);
}

fn of_one_function(workflow: &Workflow) -> u8 {
    #[task]
    fn local() -> u8 {
        1
    }
    local().submit(workflow).result().unwrap()
}

fn of_another_function(workflow: &Workflow) -> u8 {
    #[task]
    fn local() -> u8 {
        2
    }
    local().submit(workflow).result().unwrap()
}

#[task]
fn local() -> u8 {
    3
}

#[chiltepin::test]
fn functions_of_one_name_are_told_apart_by_where_they_are(workflow: Workflow) {
    assert_eq!(of_one_function(&workflow), 1);
    assert_eq!(of_another_function(&workflow), 2);
    assert_eq!(local().submit(&workflow).result().unwrap(), 3);
}

#[derive(Clone, Serialize, Deserialize)]
struct Grid<T> {
    cells: Vec<T>,
}

#[chiltepin::tasks]
impl Grid<f64> {
    #[task]
    async fn scaled(
        &self,
        r#by: f64,
        places: HashMap<String, Vec<(u8, i64)>>,
    ) -> Result<Self, String> {
        let _ = places;
        let cells = self.cells.iter().map(|cell| cell * r#by).collect();
        Ok(Self { cells })
    }

    #[bash_task(name = "draw a grid")]
    fn draw(context: &TaskContext, out: PathBuf) -> String {
        let _ = context;
        chiltepin::sh!("touch {out}")
    }
}

#[join_task]
fn twice(workflow: &Workflow, x: u8) -> AppFuture<u8> {
    let _ = x;
    local().submit(workflow)
}

#[test]
fn the_registry_lists_tasks_by_name_with_their_signatures() {
    let tasks = chiltepin::registry();
    let names: Vec<_> = tasks.iter().map(TaskDescription::name).collect();
    assert!(names.is_sorted(), "{names:?}");
    let ours = tasks
        .iter()
        .filter(|task| task.location().file == file!())
        .map(|task| format!("{} {:?}: {}", task.name(), task.kind(), task.signature()));
    insta::assert_snapshot!(ours.collect::<Vec<_>>().join("\n"), @"
    behaviour::registry::Grid<f64>::scaled AsyncFunction: fn(self: Grid<f64>, by: f64, places: HashMap<String, Vec<(u8, i64)>>) -> Result<Self, String>
    behaviour::registry::local Function: fn() -> u8
    behaviour::registry::of_another_function::local Function: fn() -> u8
    behaviour::registry::of_one_function::local Function: fn() -> u8
    behaviour::registry::twice Join: fn(x: u8) -> AppFuture<u8>
    draw a grid Command: fn(out: PathBuf) -> String
    ");
    let first = tasks
        .iter()
        .find(|task| task.name().ends_with("registry::twice"));
    let line = first.unwrap().location().line;
    let source = include_str!("registry.rs").lines().nth(line as usize - 1);
    assert!(source.unwrap().starts_with("fn twice"));
}
