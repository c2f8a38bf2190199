//! What goes wrong, and how a program learns of it: errors with their types, retries, panics,
//! timeouts, failed dependencies, executors that are not there.
//!
//! Prints
//!
//! ```text
//! typed: 1.5 is not within 0..1
//! in one sentence: task `check` (1) on `local`, attempt 1, failed: 1.5 is not within 0..1
//! what depends on it: task `double` (2) was not run: it depends on task `check` (1), which failed
//! where it began: `check`
//! tried again: the value of attempt 3
//! a panic: index out of bounds: the len is 3 but the index is 7
//! others are unharmed: 3
//! a timeout: true
//! no such executor: asks for executor `lokal`, which is not configured; did you mean `local`? (configured: `local`)
//! ```

use chiltepin::{ErrorKind, TaskContext, Workflow, task};
use serde::{Deserialize, Serialize};

/// An error that can be serialised comes back as what it is, from other nodes too; of any other
/// the message and the causes come back.
#[derive(Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{value} is not within 0..1")]
struct OutOfRange {
    value: f64,
}

#[task]
fn check(value: f64) -> Result<f64, OutOfRange> {
    if (0.0..1.0).contains(&value) {
        Ok(value)
    } else {
        Err(OutOfRange { value })
    }
}

#[task]
fn double(value: f64) -> f64 {
    2.0 * value
}

#[task(retries = 2)]
fn third_time_lucky(context: &TaskContext) -> Result<String, String> {
    match context.attempt() {
        attempt @ 3.. => Ok(format!("the value of attempt {attempt}")),
        attempt => Err(format!("attempt {attempt} was not lucky")),
    }
}

#[task]
fn element(list: Vec<u32>, index: usize) -> u32 {
    list[index]
}

#[task(timeout = "50ms")]
async fn forever() {
    std::future::pending().await
}

#[chiltepin::main]
async fn main(workflow: Workflow) -> chiltepin::Result<()> {
    let checked = check(1.5).submit(&workflow);
    let doubled = double(&checked).submit(&workflow);
    if let Err(error) = checked.await {
        if let Some(OutOfRange { value }) = error.downcast_ref() {
            println!("typed: {value} is not within 0..1");
        }
        println!("in one sentence: {error}");
    }
    if let Err(error) = doubled.await {
        println!("what depends on it: {error}");
        println!("where it began: `{}`", error.root().task());
    }

    println!(
        "tried again: {}",
        third_time_lucky().submit(&workflow).await?
    );

    let outside = element(vec![1, 2, 3], 7).submit(&workflow);
    let inside = element(vec![1, 2, 3], 2).submit(&workflow);
    if let Err(error) = outside.await
        && let ErrorKind::Panicked(report) = error.kind()
    {
        println!("a panic: {}", report.message);
    }
    println!("others are unharmed: {}", inside.await?);

    if let Err(error) = forever().submit(&workflow).await {
        println!("a timeout: {}", error.is_timeout());
    }

    if let Err(error) = double(1.0).on("lokal").submit(&workflow).await {
        println!("no such executor: {}", error.kind());
    }
    Ok(())
}
