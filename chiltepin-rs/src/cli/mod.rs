//! The `chiltepin` program.
//!
//! ```text
//!   arguments ──clap──► a subcommand ──run(out, errors)──► Exit ──► exit code
//! ```

mod cache;
mod check;
mod clean;
mod exit;
mod explain;
mod export;
mod jobs;
mod list;
mod record;
mod render;
mod rerun;
mod runs;
mod show;
mod status;
mod trace;

use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use exit::{EXITS, Exit};

use crate::config::DEFAULT_FILE;
use crate::environment::VARIABLES;

/// Typed tasks for scientific and HPC workflows.
#[derive(Debug, Parser)]
#[command(name = "chiltepin", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Check),
    Status(status::Status),
    Clean(clean::Clean),
    Runs(list::List),
    Show(show::Show),
    Explain(explain::Explain),
    Export(export::Export),
    Rerun(rerun::Rerun),
    Cache(cache::Cache),
    /// Prints the commented configuration file with every key and its default
    Defaults,
}

/// Runs the program with the arguments it was started with.
#[must_use]
pub fn main() -> ExitCode {
    let command = Arguments::command().after_help(more_help());
    let parsed = command
        .try_get_matches()
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    let arguments = match parsed {
        Ok(arguments) => arguments,
        Err(message) => {
            // Help and version come this way too. Nobody is left to tell if printing fails.
            let _ = message.print();
            let exit = if message.use_stderr() {
                Exit::Usage
            } else {
                Exit::Success
            };
            return exit.into();
        }
    };
    match run(
        arguments.command,
        &mut io::stdout().lock(),
        &mut io::stderr().lock(),
    ) {
        Ok(exit) => exit.into(),
        // Whoever read the output has enough of it, as `head` has.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Success.into(),
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: cannot write the output: {error}");
            Exit::Failure.into()
        }
    }
}

fn run(command: Command, out: &mut dyn Write, errors: &mut dyn Write) -> io::Result<Exit> {
    let exit = match command {
        Command::Check(check) => check.run(out, errors)?,
        Command::Status(status) => status.run(out, errors)?,
        Command::Clean(clean) => clean.run(out, errors)?,
        Command::Runs(list) => list.run(out, errors)?,
        Command::Show(show) => show.run(out, errors)?,
        Command::Explain(explain) => explain.run(out, errors)?,
        Command::Export(export) => export.run(out, errors)?,
        Command::Rerun(rerun) => rerun.run(out, errors)?,
        Command::Cache(cache) => cache.run(out, errors)?,
        Command::Defaults => {
            out.write_all(DEFAULT_FILE.as_bytes())?;
            Exit::Success
        }
    };
    out.flush()?;
    Ok(exit)
}

/// The environment variables and the exit codes, from the lists that are documented.
fn more_help() -> String {
    let mut help = String::from("Environment variables:\n");
    for variable in VARIABLES {
        let _ = writeln!(help, "  {:<17} {}", variable.name, variable.meaning);
    }
    help.push_str("\nExit codes:\n");
    for (_, code, meaning) in EXITS {
        let _ = writeln!(help, "  {code:<17} {meaning}");
    }
    help
}
