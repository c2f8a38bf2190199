//! Programs to be interrupted; the argument says what they are doing then.

use std::future::pending;
use std::process::ExitCode;
use std::time::Duration;

use chiltepin::{AppFuture, TaskError, Workflow, bash_task, task};

/// Ends when it is let go; told to stop, it takes a moment to clean up.
#[bash_task]
fn gentle() -> String {
    "trap 'sleep 0.1; touch cleaned; exit 1' TERM
     echo $$ > shell; while [ ! -e go ]; do sleep 0.02; done"
        .to_owned()
}

/// Wants to be killed, and has a child that left its group.
#[bash_task]
fn stubborn() -> String {
    "trap '' TERM INT; setsid sleep 1000 & echo $! > left
     echo $$ > shell; while :; do sleep 0.05; done"
        .to_owned()
}

#[task]
async fn after(exit: i32) -> i32 {
    exit
}

/// Holds a thread of the runtime for good, as no async body should.
#[task]
async fn rude() -> i32 {
    let _ = std::fs::write("shell", format!("{}\n", std::process::id()));
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

fn say(name: &str, ended: Result<i32, TaskError>) {
    match ended {
        Ok(value) => println!("{name}: {value}"),
        Err(error) => println!("{name}: {error}"),
    }
}

fn submit(workflow: &Workflow, doing: &str) -> [(&'static str, AppFuture<i32>); 2] {
    let running = match doing {
        "stubborn" => stubborn().submit(workflow),
        "rude" => rude().submit(workflow),
        "deaf" => {
            drop(workflow.map(0..64, |_| rude()));
            rude().submit(workflow)
        }
        _ => gentle().submit(workflow),
    };
    let waiting = after(&running).submit(workflow);
    [("running", running), ("waiting", waiting)]
}

async fn run(workflow: Workflow, doing: &str) -> chiltepin::Result<()> {
    if doing == "idle" {
        let _ = std::fs::write("shell", format!("{}\n", std::process::id()));
        return pending().await;
    }
    let submitted = submit(&workflow, doing);
    if doing == "fallible" {
        submitted[1].1.clone().await?;
    }
    for (name, future) in submitted {
        say(name, future.await);
    }
    say("late", after(1).submit(&workflow).await);
    match doing {
        "endless" => pending().await,
        "cleanup" => tokio::time::sleep(Duration::from_millis(700)).await,
        _ => {}
    }
    println!("last words");
    Ok(())
}

fn run_blocking(workflow: &Workflow, doing: &str) {
    for (name, future) in submit(workflow, doing) {
        say(name, future.result());
    }
    say("late", after(1).submit(workflow).result());
    println!("last words");
}

mod blocking {
    #[chiltepin::main(config = "chiltepin.toml")]
    pub(crate) fn main(workflow: chiltepin::Workflow) {
        super::run_blocking(&workflow, &super::doing());
    }
}

mod asynchronous {
    #[chiltepin::main(config = "chiltepin.toml")]
    pub(crate) async fn main(workflow: chiltepin::Workflow) -> chiltepin::Result<()> {
        super::run(workflow, &super::doing()).await
    }
}

fn doing() -> String {
    std::env::args().nth(2).unwrap_or_default()
}

pub(crate) fn start(is_blocking: bool) -> ExitCode {
    if is_blocking {
        blocking::main()
    } else {
        asynchronous::main()
    }
}

/// A program that opens its workflow itself.
pub(crate) fn open() -> ExitCode {
    let builder = Workflow::builder().config("chiltepin.toml");
    match builder.handle_signals().open() {
        Ok(workflow) => {
            run_blocking(&workflow, &doing());
            ExitCode::from(7)
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
