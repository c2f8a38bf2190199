use chiltepin::{TaskContext, bash_task, task, tasks};
use serde::{Deserialize, Serialize};

#[task(cache, ignore(progres, colour))]
fn near(x: i64, progress: bool) -> i64 {
    if progress { x } else { 0 }
}

#[task(cache, ignore(progress, progress))]
fn twice(x: i64, progress: bool) -> i64 {
    if progress { x } else { 0 }
}

#[task(cache, ignore = "progress")]
fn text(x: i64, progress: bool) -> i64 {
    if progress { x } else { 0 }
}

#[bash_task(cache, ignore())]
fn nothing(x: i64) -> String {
    format!("echo {x}")
}

#[task(cache, ignore(context))]
fn given(context: &TaskContext) {
    let _ = context;
}

#[derive(Clone, Serialize, Deserialize)]
struct Table;

#[tasks]
impl Table {
    #[task(cache, ignore(this))]
    fn rows(&self) -> usize {
        1
    }
}

fn main() {}
