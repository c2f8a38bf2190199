//! A program that is watched while its tasks wait for the file `go`.

use std::path::Path;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use chiltepin::config::{Config, Progress};
use chiltepin::{Workflow, task};

#[task]
fn wait() {
    while !Path::new("go").exists() {
        sleep(Duration::from_millis(5));
    }
}

#[task]
fn count(ended: Vec<()>) -> usize {
    ended.len()
}

pub(crate) fn run(progress: &str) -> ExitCode {
    let progress = match progress {
        "auto" => Progress::Auto,
        "lines" => Progress::Lines,
        _ => Progress::Off,
    };
    match watched(progress) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error:?}");
            ExitCode::FAILURE
        }
    }
}

fn watched(progress: Progress) -> chiltepin::Result<()> {
    let config = Config::from_toml("[two]\nprovider = 'threads'\nmax_threads = 2")?;
    let workflow = Workflow::builder()
        .config_value(config)
        .progress(progress)
        .open()?;
    println!("begun");
    let waits: Vec<_> = (0..6).map(|_| wait().on("two").submit(&workflow)).collect();
    // Whoever waits for the last one learns of its end after everybody else.
    let count = count(waits).on("two").submit(&workflow).result()?;
    for number in 0..count / 2 {
        println!("result {number}");
    }
    workflow.close_blocking();
    Ok(())
}
