//! Programs that say how they are configured.

use std::process::ExitCode;

use chiltepin::config::LogLevel;
use chiltepin::{Workflow, bash_task};

#[bash_task(retries = 1)]
fn flaky() -> String {
    "touch ran; [ $CHILTEPIN_ATTEMPT = 2 ]".to_owned()
}

pub(crate) fn run(name: &str) -> ExitCode {
    match name {
        "main" => main(),
        "main_with_file" => with_file::main(),
        "level" => level(),
        _ => super::unknown(),
    }
}

/// Says its executors and its task's end.
#[chiltepin::main]
async fn main(workflow: Workflow) -> chiltepin::Result<()> {
    println!("{}", workflow.executors().join(" "));
    println!("{}", flaky().submit(&workflow).await?);
    Ok(())
}

mod with_file {
    use super::*;

    #[chiltepin::main(config = "own.yaml")]
    pub(crate) fn main(workflow: Workflow) {
        println!("{}", workflow.executors().join(" "));
    }
}

/// Asks for a level of its own.
fn level() -> ExitCode {
    let run = || -> chiltepin::Result<()> {
        let workflow = Workflow::builder().log_level(LogLevel::Error).open()?;
        flaky().submit(&workflow).result()?;
        Ok(())
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error:?}");
            ExitCode::FAILURE
        }
    }
}
