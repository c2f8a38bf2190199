//! The record of a run, as the commands that tell of it get it.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::exit::Exit;
use super::runs;
use crate::report::{self, RunRecord};

/// What can be told of a run.
pub(super) struct Told {
    pub(super) folder: PathBuf,
    pub(super) record: RunRecord,
    /// The run goes on.
    pub(super) is_open: bool,
    /// How long the journal is.
    pub(super) journal_bytes: u64,
    /// What of its journal could not be read, in words.
    pub(super) damages: Vec<String>,
}

impl Told {
    /// How a command ends that told what there is: with an error where something is missing.
    pub(super) fn exit(&self) -> Exit {
        if self.damages.is_empty() {
            Exit::Success
        } else {
            Exit::Failure
        }
    }
}

/// Reads the record of the run that is named, or of the newest, and says what is missing; where
/// there is nothing to tell, it says so and gives the exit.
pub(super) fn tell(
    run: Option<&Path>,
    errors: &mut dyn Write,
) -> std::io::Result<Result<Told, Exit>> {
    let folder = match runs::folder(run) {
        Ok(folder) => folder,
        Err(error) => {
            writeln!(errors, "error: {error}")?;
            return Ok(Err(Exit::Usage));
        }
    };
    let read = match report::read(&folder) {
        Ok(read) => read,
        Err(error) => {
            writeln!(errors, "error: {error}")?;
            writeln!(errors, "  run: {}", folder.display())?;
            return Ok(Err(Exit::Failure));
        }
    };
    let damages: Vec<_> = read.damages.iter().map(ToString::to_string).collect();
    for damage in &damages {
        writeln!(errors, "warning: the journal is not whole: {damage}")?;
    }
    Ok(Ok(Told {
        folder,
        record: RunRecord::of(read.events),
        is_open: read.is_open,
        journal_bytes: read.length,
        damages,
    }))
}

/// Prints a value as JSON.
pub(super) fn print_json(out: &mut dyn Write, value: &serde_json::Value) -> std::io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}
