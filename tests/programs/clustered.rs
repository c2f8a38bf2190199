//! Programs that run on the blocks of a cluster, while their test does things to it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use chiltepin::{AppFuture, TaskGeometry, Workflow, bash_task, sh, task};

/// Takes its time, and leaves a line for each time that it is run.
#[task]
fn slow(number: u64, milliseconds: u64, runs: PathBuf) -> u64 {
    use std::io::Write as _;
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(runs);
    if let Ok(mut file) = file {
        // At once, lest lines of several processes mix.
        let _ = file.write_all(format!("{number}\n").as_bytes());
    }
    thread::sleep(Duration::from_millis(milliseconds));
    number
}

/// An application that leaves the times of its begin and end, and the node of each of its ranks.
#[bash_task]
fn application(name: String) -> String {
    sh!(
        "date +%s.%N > {name}.begun; $CHILTEPIN_MPI_PREFIX printenv SLURMD_NODENAME > {name}.hosts; sleep 2; \
         date +%s.%N > {name}.ended"
    )
}

pub(crate) fn run(name: &str, arguments: &[&str]) -> ExitCode {
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse().ok());
    let ended = match name {
        "tasks" => tasks(number(0).unwrap_or(1), number(1).unwrap_or(0)),
        "applications" => applications(),
        "waits" => waits(number(0).unwrap_or(0)),
        _ => return super::unknown(),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error:?}");
            ExitCode::FAILURE
        }
    }
}

/// Runs so many tasks, says when the first has ended and what they come to, and then waits until
/// no block is left.
fn tasks(count: u64, milliseconds: u64) -> chiltepin::Result<()> {
    let workflow = Workflow::builder().handle_signals().open()?;
    let futures: Vec<AppFuture<u64>> = (0..count)
        .map(|number| {
            slow(number, milliseconds, "runs.txt")
                .on("block")
                .submit(&workflow)
        })
        .collect();
    let mut sum = 0;
    for (index, future) in futures.iter().enumerate() {
        sum += future.result()?;
        if index == 0 {
            println!("begun");
        }
    }
    println!("sum {sum}");
    println!("blocks {}", blocks(&workflow, |_| true));
    while blocks(&workflow, |phase| phase != "over") > 0 {
        thread::sleep(Duration::from_millis(50));
    }
    println!("none left");
    workflow.close_blocking();
    Ok(())
}

/// The blocks in such a phase.
fn blocks(workflow: &Workflow, is_such: impl Fn(&str) -> bool) -> usize {
    let status = workflow.status();
    let blocks = status
        .executors
        .iter()
        .filter_map(|executor| executor.blocks.as_ref());
    blocks
        .flat_map(|blocks| &blocks.blocks)
        .filter(|block| is_such(&block.phase))
        .count()
}

/// Runs two applications at once.
fn applications() -> chiltepin::Result<()> {
    let workflow = Workflow::open()?;
    let geometries = [("two", 2), ("one", 1)];
    let futures = geometries.map(|(name, nodes)| {
        application(name)
            .on("block")
            .geometry(TaskGeometry::nodes(nodes).ranks_per_node(2))
            .submit(&workflow)
    });
    for future in futures {
        future.result()?;
    }
    println!("done");
    workflow.close_blocking();
    Ok(())
}

/// Submits a task and says how its wait ends; the status is printed when it is asked to.
fn waits(milliseconds: u64) -> chiltepin::Result<()> {
    let workflow = Workflow::builder().handle_signals().open()?;
    let future = slow(7, milliseconds, "runs.txt")
        .on("block")
        .submit(&workflow);
    println!("submitted");
    let mut shown = String::new();
    while !future.done() {
        let status = workflow.status().to_string();
        if status != shown {
            println!("{status}");
            shown = status;
        }
        thread::sleep(Duration::from_millis(100));
    }
    println!("{:?}", future.result());
    workflow.close_blocking();
    Ok(())
}
