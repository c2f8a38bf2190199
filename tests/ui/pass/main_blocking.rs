//! `#[main]` on a function that is not async.

use chiltepin::Workflow;

#[chiltepin::main]
fn main(workflow: Workflow) -> Result<(), std::fmt::Error> {
    let _ = workflow;
    Ok(())
}
