use chiltepin::Workflow;

#[chiltepin::main]
fn start(_workflow: Workflow) {}

#[chiltepin::test]
async fn borrowed(_workflow: &Workflow) {}

#[chiltepin::test]
fn two(_workflow: Workflow, _more: u8) {}

#[chiltepin::main]
fn main(_arguments: Vec<String>) {}
