//! A pipeline of stages: each takes the future of the one before, and nothing waits in between.
//!
//! Prints
//!
//! ```text
//! 400
//! ```

use chiltepin::{Workflow, task};

#[task]
fn double(x: i64) -> i64 {
    2 * x
}

#[task]
fn shift(x: i64) -> i64 {
    x + 10
}

#[task]
fn square(x: i64) -> i64 {
    x * x
}

#[chiltepin::main]
async fn main(workflow: Workflow) -> chiltepin::Result<()> {
    let doubled = double(5).submit(&workflow);
    let shifted = shift(doubled).submit(&workflow);
    println!("{}", square(shifted).submit(&workflow).await?);
    Ok(())
}
