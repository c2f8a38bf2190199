use chiltepin::{AppFuture, Workflow, join_task, task};

#[task(on_loss = "retry")]
fn send(x: u8) -> u8 {
    x
}

#[task(on_loss)]
fn pay(x: u8) -> u8 {
    x
}

#[join_task(on_loss = "fail")]
fn sent(workflow: &Workflow, x: u8) -> AppFuture<u8> {
    send(x).submit(workflow)
}

fn main() {}
