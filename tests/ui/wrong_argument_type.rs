use chiltepin::{Workflow, task};

#[task]
fn multiply(x: i64, factor: i64) -> i64 {
    x * factor
}

#[chiltepin::main]
fn main(workflow: Workflow) {
    let _text = multiply("2", 3).submit(&workflow);
    let _real = multiply(2, 3.0).submit(&workflow);
    let _missing = multiply(2).submit(&workflow);
}
