//! A program with two tasks of one name, which refuses to start.

use chiltepin::{Workflow, task};

mod first {
    #[chiltepin::task(name = "twice")]
    pub(crate) fn here() -> u8 {
        1
    }
}

mod second {
    #[chiltepin::task(name = "twice")]
    pub(crate) fn there() -> u8 {
        2
    }
}

#[task]
fn once() -> u8 {
    3
}

#[chiltepin::main]
async fn main(workflow: Workflow) -> chiltepin::Result<()> {
    println!("main runs");
    let calls = [first::here(), second::there(), once()];
    for future in workflow.map(calls, |call| call) {
        println!("{}", future.await?);
    }
    Ok(())
}
