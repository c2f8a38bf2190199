use chiltepin::{Workflow, task};

#[task]
fn add(values: Vec<i64>) -> i64 {
    values.iter().sum()
}

#[task]
fn square(x: i64) -> i64 {
    x * x
}

#[chiltepin::main]
fn main(workflow: Workflow) {
    let _sum = add(vec![]).submit(&workflow);
    let _square = square("3".parse().unwrap()).submit(&workflow);
    let _collected = add((1..3).collect()).submit(&workflow);
    let _default = square(Default::default()).submit(&workflow);
}
