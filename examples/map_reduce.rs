//! Map and reduce: a call for each item, submitted at once, and one that takes all their values.
//!
//! Prints
//!
//! ```text
//! 55
//! ```

use chiltepin::{Workflow, task};

#[task]
fn square(x: u64) -> u64 {
    x * x
}

#[task]
fn sum(values: Vec<u64>) -> u64 {
    values.iter().sum()
}

#[chiltepin::main]
async fn main(workflow: Workflow) -> chiltepin::Result<()> {
    let squares = workflow.map(1..=5, square);
    println!("{}", sum(squares).submit(&workflow).await?);
    Ok(())
}
