use chiltepin::{AppFuture, Workflow, join_task, task};

#[join_task]
async fn forgotten(_values: Vec<i64>) -> AppFuture<i64> {
    todo!()
}

#[join_task]
async fn by_value(_workflow: Workflow) -> i64 {
    1
}

#[join_task(executor = "compute")]
async fn placed(_workflow: &Workflow) -> i64 {
    1
}

#[task]
fn no_join(_workflow: &Workflow, _x: i64) -> i64 {
    1
}

fn main() {}
