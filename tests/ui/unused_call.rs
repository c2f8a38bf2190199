#![deny(unused_must_use)]

use chiltepin::{bash_task, task};

#[task]
#[must_use]
fn multiply(x: i64, factor: i64) -> i64 {
    x * factor
}

#[bash_task]
fn list() -> String {
    "ls".to_owned()
}

fn main() {
    multiply(2, 3);
    list().on("local");
}
