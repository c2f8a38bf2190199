//! A program that prints what its worker processes find.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use chiltepin::{Workflow, bash_task, task};

const VARIABLES: [&str; 5] = [
    "CHILTEPIN_WORKER_ID",
    "OMP_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES",
    "TOOL",
    "CHILTEPIN_LOG",
];

/// Says what it finds, once so many workers do.
#[task]
fn facts(number: u32, count: u32) -> String {
    let _ = std::fs::write(format!("here-{number}"), "");
    let is_here = |number: u32| Path::new(&format!("here-{number}")).exists();
    while !(0..count).all(is_here) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut words: Vec<_> = VARIABLES
        .iter()
        .filter_map(|name| Some(format!("{name}={}", std::env::var(name).ok()?)))
        .collect();
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let cpus = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    words.push(format!("cpus={}", cpus.unwrap_or_default().trim()));
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let files = files.and_then(|line| line.split_whitespace().next().map(ToOwned::to_owned));
    words.push(format!("files={}", files.unwrap_or_default()));
    words.join(" ")
}

#[bash_task]
fn facts_of_command() -> String {
    r#"echo "TOOL=$TOOL CUDA=$CUDA_VISIBLE_DEVICES files=$(ulimit -n) $(type -t tool)" > command"#
        .to_owned()
}

pub(crate) fn run(count: u32) -> ExitCode {
    let workflow = match Workflow::builder().config("chiltepin.toml").open() {
        Ok(workflow) => workflow,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    for future in workflow.map(0..count, |number| facts(number, count)) {
        match future.result() {
            Ok(facts) => println!("{facts}"),
            Err(error) => println!("error: {error}"),
        }
    }
    if let Err(error) = facts_of_command().submit(&workflow).result() {
        println!("error: {error}");
    }
    workflow.close_blocking();
    ExitCode::SUCCESS
}
