//! The smallest program: a function becomes a task, its call is submitted, its value awaited.
//!
//! Prints
//!
//! ```text
//! hello, world
//! ```

use chiltepin::{Workflow, task};

#[task]
fn greet(name: String) -> String {
    format!("hello, {name}")
}

#[chiltepin::main]
async fn main(workflow: Workflow) -> chiltepin::Result<()> {
    println!("{}", greet("world").submit(&workflow).await?);
    Ok(())
}
