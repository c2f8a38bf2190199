//! What may be an argument, and the kinds of tasks: synchronous, async, fallible, with a context,
//! a command.
//!
//! Prints
//!
//! ```text
//! values: 6
//! references to values: Cargo.toml
//! texts and paths: no extension
//! a future, and a reference to one: 7 14
//! a future beside values in a list: 106
//! an async body: 21
//! a body that may fail: 42
//! a body that knows its task: `attempt_of` is at attempt 1
//! a command's exit code: 0
//! ```

use std::num::ParseIntError;
use std::path::{Path, PathBuf};

use chiltepin::{AppFuture, TaskContext, Workflow, bash_task, sh, task};

#[task]
fn multiply(x: i64, factor: i64) -> i64 {
    x * factor
}

#[task]
fn add(values: Vec<i64>) -> i64 {
    values.iter().sum()
}

#[task]
fn extension_or_name(path: PathBuf, fallback: String) -> String {
    match path.extension() {
        Some(_) => path.display().to_string(),
        None => fallback,
    }
}

/// An async body holds no thread while it waits.
#[task]
async fn triple(x: i64) -> i64 {
    std::future::ready(3 * x).await
}

/// The return type is named like a `Result`, so an `Err` is the task's failure.
#[task]
fn parse(text: String) -> Result<i64, ParseIntError> {
    text.trim().parse()
}

/// The context comes from the framework and is no argument of the call.
#[task]
fn attempt_of(context: &TaskContext) -> String {
    format!("`{}` is at attempt {}", context.name(), context.attempt())
}

/// The body writes a script; `sh!` quotes what is put in.
#[bash_task]
fn is_file(path: PathBuf) -> String {
    sh!("test -f {path}")
}

#[chiltepin::main]
async fn main(workflow: Workflow) -> chiltepin::Result<()> {
    println!("values: {}", multiply(3, 2).submit(&workflow).await?);

    let path = PathBuf::from("Cargo.toml");
    let fallback = "nothing".to_owned();
    let by_reference = extension_or_name(&path, &fallback).submit(&workflow);
    println!("references to values: {}", by_reference.await?);

    let literals = extension_or_name(Path::new("Makefile"), "no extension").submit(&workflow);
    println!("texts and paths: {}", literals.await?);

    // Passed by reference a future can be used again; passed by value its value is moved on.
    let seven = multiply(7, 1).submit(&workflow);
    let fourteen = multiply(&seven, 2).submit(&workflow);
    println!(
        "a future, and a reference to one: {} {}",
        seven.clone().await?,
        fourteen.await?
    );

    // The elements of a list are of one type: a value becomes a future that is ready.
    let list = vec![multiply(2, 3).submit(&workflow), AppFuture::ready(100)];
    println!(
        "a future beside values in a list: {}",
        add(list).submit(&workflow).await?
    );

    println!("an async body: {}", triple(seven).submit(&workflow).await?);
    println!(
        "a body that may fail: {}",
        parse(" 42\n").submit(&workflow).await?
    );
    println!(
        "a body that knows its task: {}",
        attempt_of().submit(&workflow).await?
    );

    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    println!(
        "a command's exit code: {}",
        is_file(manifest).submit(&workflow).await?
    );
    Ok(())
}
