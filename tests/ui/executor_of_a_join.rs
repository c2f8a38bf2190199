use chiltepin::{AppFuture, TaskGeometry, Workflow, join_task, task};

#[task]
fn square(x: i64) -> i64 {
    x * x
}

#[join_task]
async fn squared(workflow: &Workflow, x: i64) -> AppFuture<i64> {
    square(x).submit(workflow)
}

#[chiltepin::main]
async fn main(workflow: Workflow) {
    let _on = squared(1).on("local").submit(&workflow);
    let _geometry = squared(1).geometry(TaskGeometry::nodes(1)).submit(&workflow);
    let _run = squared(1).run().await;
}
