//! `#[main]` on an async function that takes the workflow and may fail.

#[chiltepin::task]
fn double(x: u8) -> u8 {
    x * 2
}

/// The program.
#[chiltepin::main]
async fn main(workflow: chiltepin::Workflow) -> Result<(), String> {
    let doubled = double(2).submit(&workflow).await;
    if doubled.is_ok_and(|doubled| doubled == 4) { Ok(()) } else { Err("wrong".to_owned()) }
}
