//! A join: a task that submits others, as many as its arguments ask for, and whose value is that
//! of the future it returns. It runs in the driver and holds no thread while it waits.
//!
//! Prints
//!
//! ```text
//! 12
//! ```

use chiltepin::{AppFuture, Workflow, join_task, task};

#[task]
fn multiply(x: i64, factor: i64) -> i64 {
    x * factor
}

#[task]
fn add_values(values: Vec<i64>) -> i64 {
    values.iter().sum()
}

#[join_task]
async fn process_list(workflow: &Workflow, values: Vec<i64>, factor: i64) -> AppFuture<i64> {
    let products = workflow.map(values, |value| multiply(value, factor));
    add_values(products).submit(workflow)
}

#[chiltepin::main]
async fn main(workflow: Workflow) -> chiltepin::Result<()> {
    println!(
        "{}",
        process_list(vec![1, 2, 3], 2).submit(&workflow).await?
    );
    Ok(())
}
