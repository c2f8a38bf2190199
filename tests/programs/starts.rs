//! Workflows opened by programs of every sort.

use std::process::ExitCode;

use chiltepin::{AppFuture, TaskError, Workflow, join_task, task};

#[task]
fn square(x: u64) -> u64 {
    x * x
}

#[task]
async fn sum(values: Vec<u64>) -> u64 {
    values.iter().sum()
}

#[join_task]
async fn squares(workflow: &Workflow, count: u64) -> AppFuture<u64> {
    sum(workflow.map(1..=count, square)).submit(workflow)
}

#[task]
#[expect(clippy::panic, reason = "what this task is for")]
fn panicking() -> u64 {
    panic!("as this task does")
}

#[task]
#[expect(clippy::panic, reason = "what this task is for")]
async fn panicking_later() -> u64 {
    tokio::task::yield_now().await;
    panic!("as this task does later")
}

fn code<T>(ended: Result<T, impl Into<chiltepin::Error>>) -> ExitCode {
    match ended {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{:?}", error.into());
            ExitCode::FAILURE
        }
    }
}

pub(crate) fn run(name: &str) -> ExitCode {
    match name {
        "plain" => code(plain()),
        "tokio" => code(multi_thread::main()),
        "current_thread" => code(current_thread::main()),
        "panics" => panics::main(),
        "panics_plain" => code(panics_plain()),
        _ => super::unknown(),
    }
}

fn plain() -> chiltepin::Result<()> {
    let workflow = Workflow::open()?;
    println!("{}", squares(5).submit(&workflow).result()?);
    workflow.close_blocking();
    Ok(())
}

async fn in_tokio() -> chiltepin::Result<()> {
    let workflow = Workflow::open()?;
    let total = squares(5).submit(&workflow);
    println!("{}", total.clone().await?);
    let total = tokio::spawn(total).await.map_err(chiltepin::Error::other)?;
    assert_eq!(total?, 55);
    workflow.close().await;
    Ok(())
}

mod multi_thread {
    #[tokio::main(flavor = "multi_thread")]
    pub(crate) async fn main() -> chiltepin::Result<()> {
        super::in_tokio().await
    }
}

mod current_thread {
    #[tokio::main(flavor = "current_thread")]
    pub(crate) async fn main() -> chiltepin::Result<()> {
        super::in_tokio().await
    }
}

fn look(errors: [Result<u64, TaskError>; 2]) {
    for error in errors {
        println!(
            "{}",
            error.map_or_else(|error| error.to_string(), |value| value.to_string())
        );
    }
}

mod panics {
    use super::*;

    #[chiltepin::main]
    pub(crate) async fn main(workflow: Workflow) {
        look([
            panicking().submit(&workflow).await,
            panicking_later().submit(&workflow).await,
        ]);
    }
}

fn panics_plain() -> chiltepin::Result<()> {
    let workflow = Workflow::open()?;
    look([
        panicking().submit(&workflow).result(),
        panicking_later().submit(&workflow).result(),
    ]);
    // Panics elsewhere are printed as ever.
    #[expect(clippy::panic, reason = "what this thread is for")]
    let thread = std::thread::spawn(|| panic!("a thread of the program's own"));
    drop(thread.join());
    Ok(())
}
