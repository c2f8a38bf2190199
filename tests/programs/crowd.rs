//! Programs with tasks of every sort in worker processes, to be ended from outside.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use chiltepin::{AppFuture, Workflow, bash_task, task};

/// Adds the process's id to a file here.
fn sign(name: &str, id: u32) {
    let text = format!("{id}\n");
    let _ = std::fs::write(name, text);
}

/// Waits until it is let go, beside children that are not.
#[task]
fn parent(number: u32) -> i32 {
    let child = Command::new("sleep").arg("1000").spawn();
    let left = Command::new("setsid").args(["sleep", "1000"]).spawn();
    for (name, child) in [("child", child), ("left", left)] {
        if let Ok(child) = child {
            sign(&format!("{name}-{number}"), child.id());
        }
    }
    sign(&format!("parent-{number}"), std::process::id());
    while !Path::new("go").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    1
}

#[task]
async fn waiting(number: u32) -> i32 {
    sign(&format!("waiting-{number}"), std::process::id());
    while !Path::new("go").exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    2
}

#[bash_task]
fn command(number: u32) -> String {
    chiltepin::sh!(
        "sleep 1000 & setsid sleep 1000 &
         echo $$ > command-{number}; while [ ! -e go ]; do sleep 0.02; done; exit 0"
    )
}

#[task]
fn after(value: i32) -> i32 {
    value
}

fn submit(workflow: &Workflow) -> Vec<(String, AppFuture<i32>)> {
    let mut all = Vec::new();
    for number in 0..2 {
        all.push((format!("parent-{number}"), parent(number).submit(workflow)));
    }
    for number in 0..2 {
        all.push((
            format!("waiting-{number}"),
            waiting(number).submit(workflow),
        ));
        all.push((
            format!("command-{number}"),
            command(number).submit(workflow),
        ));
    }
    let last = after(&all[0].1).submit(workflow);
    all.push(("after".to_owned(), last));
    all
}

mod blocking {
    #[chiltepin::main(config = "chiltepin.toml")]
    pub(crate) fn main(workflow: chiltepin::Workflow) {
        for (name, future) in super::submit(&workflow) {
            match future.result() {
                Ok(value) => println!("{name}: {value}"),
                Err(error) => println!("{name}: {error}"),
            }
        }
        println!("last words");
    }
}

pub(crate) fn run() -> ExitCode {
    blocking::main()
}

/// Opens workflows one after the other, and counts what is open afterwards.
pub(crate) fn reopen() -> ExitCode {
    let mut counts = Vec::new();
    for round in 0..20 {
        let opened = Workflow::builder().config("chiltepin.toml").open();
        let Ok(workflow) = opened else {
            return ExitCode::from(3);
        };
        let values: Vec<_> = workflow.map(0..20, after);
        let commands = workflow.map(0..2, |_| say_nothing());
        let are_good = values
            .iter()
            .zip(0..)
            .all(|(value, at)| value.result().ok() == Some(at))
            && commands.iter().all(|command| command.result().is_ok());
        if !are_good {
            return ExitCode::from(4);
        }
        if round % 2 == 0 {
            workflow.close_blocking();
        }
        drop(workflow);
        counts.push(std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count));
    }
    println!("{counts:?}");
    ExitCode::SUCCESS
}

/// Ends in one way or another while the place for its first process is being made.
pub(crate) fn hasty(how: &str) -> ExitCode {
    let opened = Workflow::builder().config("chiltepin.toml").open();
    let Ok(workflow) = opened else {
        return ExitCode::from(3);
    };
    let future = after(5).submit(&workflow);
    match how {
        "close" => {
            future.cancel();
            workflow.close_blocking();
        }
        "drop" => drop(workflow),
        _ => return super::unknown(),
    }
    println!("{}", future.result().is_err());
    ExitCode::SUCCESS
}

#[bash_task]
fn say_nothing() -> String {
    "true".to_owned()
}

/// Ends its worker, if there is none yet that it has ended.
#[task]
fn end_worker() -> u32 {
    if std::fs::File::create_new("ended").is_ok() {
        std::process::abort();
    }
    7
}

/// Has a worker started before and one after its own file is replaced.
pub(crate) fn replaced() -> ExitCode {
    let opened = Workflow::builder().config("chiltepin.toml").open();
    let Ok(workflow) = opened else {
        return ExitCode::from(3);
    };
    println!("{:?}", after(5).submit(&workflow).result());
    sign("started", std::process::id());
    let go = PathBuf::from("go");
    while !go.exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    println!("{:?}", end_worker().submit(&workflow).result());
    workflow.close_blocking();
    ExitCode::SUCCESS
}
