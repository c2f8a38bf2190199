//! Commands: scripts with quoted words, captured output, exit codes, promised files.
//!
//! Prints
//!
//! ```text
//! captured: 3 lines in `three lines.txt`
//! added to it: 2 runs
//! where it went: true
//! an exit code that is a value: 1
//! an error: exited with code 3; the end of its stderr:
//!     cannot open the valve
//! a promise not kept: true
//! ```

use std::fs;
use std::path::PathBuf;

use chiltepin::{Capture, ErrorKind, Workflow, bash_task, sh};

#[bash_task]
fn count_lines(file: PathBuf) -> String {
    sh!("printf '%s lines in `%s`' $(wc -l < {file}) {file}")
}

#[bash_task]
fn echo(words: Vec<String>) -> String {
    sh!("echo {words}")
}

#[bash_task]
fn search(word: String, file: PathBuf) -> String {
    sh!("grep -q -- {word} {file}")
}

/// `{{` and `}}` are the braces of the shell.
#[bash_task]
fn open_valve(code: i32) -> String {
    sh!("echo \"cannot open ${{VALVE:-the valve}}\" >&2; exit {code}")
}

#[bash_task]
fn plot() -> String {
    sh!("true")
}

#[chiltepin::main]
async fn main(workflow: Workflow) -> chiltepin::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("three lines.txt");
    fs::write(&file, "one\ntwo\nthree\n")?;

    // A name without a folder is within the directory that the command works in.
    let out = folder.path().join("logs/count.out");
    count_lines("three lines.txt")
        .directory(folder.path())
        .stdout(&out)
        .submit(&workflow)
        .await?;
    println!("captured: {}", fs::read_to_string(&out)?);

    let log = folder.path().join("runs.log");
    let first = echo(vec!["run one".to_owned()]).stdout(Capture::append(&log));
    let first = first.submit(&workflow);
    let second = echo(vec!["run two".to_owned()]).stdout(Capture::append(&log));
    second.inputs([&first]).submit(&workflow).await?;
    println!(
        "added to it: {} runs",
        fs::read_to_string(&log)?.lines().count()
    );
    let output = first.stdout();
    println!(
        "where it went: {}",
        output.is_some_and(|output| output.path() == log)
    );

    let found = search("four", &file)
        .allow_exit_codes([1])
        .submit(&workflow);
    println!("an exit code that is a value: {}", found.await?);

    if let Err(error) = open_valve(3).submit(&workflow).await {
        println!("an error: {}", error.kind());
    }

    let plot = plot()
        .directory(folder.path())
        .outputs(["plot.png"])
        .submit(&workflow);
    if let Err(error) = plot.await
        && let ErrorKind::MissingOutput { path } = error.kind()
    {
        println!("a promise not kept: {}", path.ends_with("plot.png"));
    }
    Ok(())
}
