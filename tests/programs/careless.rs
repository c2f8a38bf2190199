//! A program that does not let its worker processes in: apart from the others, whose `main` does.

use std::process::ExitCode;

use chiltepin::{Workflow, task};

#[task]
fn seven() -> u32 {
    7
}

fn main() -> ExitCode {
    // A worker is started without arguments, and so never comes to where it would be let in.
    if std::env::args().nth(1).as_deref() == Some("late") {
        chiltepin::init();
    }
    let workflow = match Workflow::builder().config("chiltepin.toml").open() {
        Ok(workflow) => workflow,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    for future in workflow.map(0..4, |_| seven()) {
        match future.result() {
            Ok(value) => println!("{value}"),
            Err(error) => println!("{error}"),
        }
    }
    workflow.close_blocking();
    ExitCode::SUCCESS
}
