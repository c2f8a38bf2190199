//! The names of tasks.

use std::process::Command;

use chiltepin::{Workflow, task};

#[test]
fn two_tasks_of_one_name_are_refused_before_main_with_both_places() {
    let output = Command::new(env!("CARGO_BIN_EXE_duplicates"))
        .env_remove("CHILTEPIN_CONFIG")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr), @r#"error: two tasks are named `twice`: one at tests/programs/duplicates.rs:7:19, one at tests/programs/duplicates.rs:14:19; rename one of them, or give it another name with `name = "..."`"#);
}

fn of_one_function(workflow: &Workflow) -> u8 {
    #[task]
    fn local() -> u8 {
        1
    }
    local().submit(workflow).result().unwrap()
}

fn of_another_function(workflow: &Workflow) -> u8 {
    #[task]
    fn local() -> u8 {
        2
    }
    local().submit(workflow).result().unwrap()
}

#[task]
fn local() -> u8 {
    3
}

#[chiltepin::test]
fn functions_of_one_name_are_told_apart_by_where_they_are(workflow: Workflow) {
    assert_eq!(of_one_function(&workflow), 1);
    assert_eq!(of_another_function(&workflow), 2);
    assert_eq!(local().submit(&workflow).result().unwrap(), 3);
}
