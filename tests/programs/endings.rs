//! What becomes of tasks that nobody waits for when main returns.

use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use chiltepin::{AppFuture, Workflow, bash_task, join_task};

/// Says who it is, and ends when it is let go.
#[bash_task]
fn command() -> String {
    "echo $$ > shell; while [ ! -e go ]; do sleep 0.02; done; echo done > done".to_owned()
}

#[bash_task]
fn last() -> String {
    "echo last > last".to_owned()
}

/// Submits only once main has returned.
#[join_task]
async fn late(workflow: &Workflow, first: i32) -> AppFuture<i32> {
    tokio::time::sleep(Duration::from_millis(first.unsigned_abs().into())).await;
    last().submit(workflow)
}

/// Submits what is pending when main ends; returns once the command runs.
fn submit(workflow: &Workflow) {
    let command = command().submit(workflow);
    drop(late(command).submit(workflow));
    while !fs::read_to_string("shell").is_ok_and(|text| text.ends_with('\n')) {
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn run(name: &str) -> ExitCode {
    match name {
        "good" => good::main(),
        "good_blocking" => good_blocking::main(),
        "code" => code::main(),
        "error" => error::main(),
        "error_blocking" => error_blocking::main(),
        "error_with_handle" => error_with_handle::main(),
        "panic" => panic::main(),
        "panic_blocking" => panic_blocking::main(),
        _ => super::unknown(),
    }
}

mod good {
    use super::*;

    #[chiltepin::main]
    pub(crate) async fn main(workflow: Workflow) -> chiltepin::Result<()> {
        submit(&workflow);
        println!("main has ended");
        Ok(())
    }
}

mod good_blocking {
    use super::*;

    #[chiltepin::main]
    pub(crate) fn main(workflow: Workflow) {
        submit(&workflow);
        println!("main has ended");
    }
}

mod code {
    use super::*;

    #[chiltepin::main]
    pub(crate) async fn main(workflow: Workflow) -> ExitCode {
        submit(&workflow);
        println!("main has ended");
        ExitCode::from(3)
    }
}

mod error {
    use super::*;

    #[chiltepin::main]
    pub(crate) async fn main(workflow: Workflow) -> chiltepin::Result<()> {
        submit(&workflow);
        Err(chiltepin::Error::other("gave up"))
    }
}

mod error_blocking {
    use super::*;

    #[chiltepin::main]
    pub(crate) fn main(workflow: Workflow) -> Result<(), String> {
        submit(&workflow);
        Err("gave up".to_owned())
    }
}

/// Somebody else has a handle too, so that main's is not the last.
mod error_with_handle {
    use super::*;

    #[chiltepin::main]
    pub(crate) async fn main(workflow: Workflow) -> Result<(), String> {
        submit(&workflow);
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(Duration::from_secs(1));
                let _ = workflow.executors();
            }
        });
        Err("gave up".to_owned())
    }
}

mod panic {
    use super::*;

    #[chiltepin::main]
    #[expect(clippy::panic, reason = "what this program is for")]
    pub(crate) async fn main(workflow: Workflow) {
        submit(&workflow);
        panic!("gave up")
    }
}

mod panic_blocking {
    use super::*;

    #[chiltepin::main]
    #[expect(clippy::panic, reason = "what this program is for")]
    pub(crate) fn main(workflow: Workflow) {
        submit(&workflow);
        panic!("gave up")
    }
}
