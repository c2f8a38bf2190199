use std::io::Write;
use std::path::{Path, PathBuf};

use super::exit::Exit;
use super::{record, runs};
use crate::report::{self, RunRecord};

/// Lists the runs below `run_dir`, the newest last
#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// The folder of runs [default: `run_dir` of the configuration]
    folder: Option<PathBuf>,
    /// Prints JSON, with times in microseconds
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) fn run(self, out: &mut dyn Write, errors: &mut dyn Write) -> std::io::Result<Exit> {
        let runs = match runs::all(self.folder) {
            Ok(runs) => runs,
            Err(error) => {
                writeln!(errors, "error: {error}")?;
                return Ok(Exit::Usage);
            }
        };
        let mut list = Vec::new();
        let mut exit = Exit::Success;
        for folder in runs {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            match report::read(&folder) {
                Ok(read) => {
                    for damage in &read.damages {
                        exit = Exit::Failure;
                        writeln!(
                            errors,
                            "warning: the journal of {name} is not whole: {damage}"
                        )?;
                    }
                    let record = RunRecord::of(read.events);
                    list.push(line(&name, &record, read.is_open));
                }
                // Those of other programs, and those that keep none.
                Err(report::ReadError::None) => list.push(Line::unknown(&name)),
                Err(error) => {
                    exit = Exit::Failure;
                    writeln!(errors, "error: {name}: {error}")?;
                    list.push(Line::unknown(&name));
                }
            }
        }
        if self.json {
            record::print_json(out, &serde_json::json!(list))?;
        } else {
            print(out, &list)?;
        }
        Ok(exit)
    }
}

/// A run in a line.
#[derive(Debug, serde::Serialize)]
struct Line {
    name: String,
    state: &'static str,
    program: Option<String>,
    /// Microseconds since the Unix epoch.
    started: u64,
    duration: u64,
    tasks: report::Counts,
}

impl Line {
    fn unknown(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            state: "no journal",
            program: None,
            started: 0,
            duration: 0,
            tasks: report::Counts::default(),
        }
    }
}

fn line(name: &str, record: &RunRecord, is_open: bool) -> Line {
    let started = record.started.as_ref();
    let program = started.and_then(|started| Path::new(&started.program).file_name());
    Line {
        name: name.to_owned(),
        state: report::state(record, is_open),
        program: program.map(|program| program.to_string_lossy().into_owned()),
        started: started.map_or(0, |started| started.unix_time),
        duration: record.last,
        tasks: report::counts(record),
    }
}

fn print(out: &mut dyn Write, list: &[Line]) -> std::io::Result<()> {
    let longest = list.iter().filter_map(|line| line.program.as_deref());
    let width = longest.map(|name| name.chars().count()).max();
    let width = width.unwrap_or_default();
    for line in list {
        let Some(program) = &line.program else {
            writeln!(out, "{}  {}", line.name, line.state)?;
            continue;
        };
        writeln!(
            out,
            "{}  {}  {program:<width$}  {:<9}  {:>10}  {}",
            line.name,
            report::date(line.started),
            line.state,
            report::time(line.duration),
            line.tasks
        )?;
    }
    Ok(())
}
