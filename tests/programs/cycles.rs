//! Opens and closes many workflows, and fails if they leave threads or descriptors.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use chiltepin::{Workflow, bash_task, task};

#[task]
async fn wait(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

#[task]
fn double(x: u64) -> u64 {
    2 * x
}

#[bash_task]
fn sleep(seconds: u32) -> String {
    chiltepin::sh!("sleep {seconds}")
}

fn cycle(close: bool) -> chiltepin::Result<()> {
    let workflow = Workflow::open()?;
    let four = double(double(1).submit(&workflow)).submit(&workflow);
    let command = sleep(if close { 0 } else { 1000 }).submit(&workflow);
    let waiting = wait(if close { 1 } else { 1_000_000 }).submit(&workflow);
    four.result()?;
    if close {
        workflow.close_blocking();
        command.result()?;
        waiting.result()?;
    }
    Ok(())
}

fn count(folder: &str) -> usize {
    std::fs::read_dir(folder).map_or(usize::MAX, Iterator::count)
}

pub(crate) fn run(close: bool) -> ExitCode {
    let counts = || (count("/proc/self/task"), count("/proc/self/fd"));
    let mut before = (0, 0);
    for number in 0..105 {
        if number == 5 {
            // What is made once and kept is made by now.
            before = settled(counts(), counts);
        }
        if let Err(error) = cycle(close) {
            println!("cycle {number}: {error}");
            return ExitCode::FAILURE;
        }
    }
    let after = settled(before, counts);
    println!("threads and descriptors: {before:?} before, {after:?} after");
    if after.0 > before.0 || after.1 > before.1 {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Threads that were told to end take their time: waits until no more than `wanted` are left, or
/// for as long as that could take.
fn settled(wanted: (usize, usize), counts: impl Fn() -> (usize, usize)) -> (usize, usize) {
    let begun = Instant::now();
    loop {
        let now = counts();
        let is_settled = now.0 <= wanted.0.min(2) && now.1 <= wanted.1;
        if is_settled || begun.elapsed() > Duration::from_secs(20) {
            return now;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
