use std::io::Write;
use std::path::PathBuf;
use std::time::SystemTime;

use super::exit::Exit;
use super::record::{self, Told};
use crate::config::nearest::nearest;
use crate::report::{self, RunRecord, TaskRecord};

/// Tells every step that a task of a run took and when, and why it is not running yet
#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// The run's number below `run_dir`, as 7; `latest`; or its folder
    run: PathBuf,
    /// The task's number or name, or the name of its function where that has one call
    task: String,
    /// Prints JSON, with times in microseconds
    #[arg(long)]
    json: bool,
}

impl Explain {
    pub(super) fn run(self, out: &mut dyn Write, errors: &mut dyn Write) -> std::io::Result<Exit> {
        let told = match record::tell(Some(&self.run), errors)? {
            Ok(told) => told,
            Err(exit) => return Ok(exit),
        };
        let (number, task) = match find(&told.record, &self.task) {
            Ok(found) => found,
            Err(reason) => {
                writeln!(errors, "error: {reason}")?;
                return Ok(Exit::Usage);
            }
        };
        let steps = report::story(&told.record, number, task);
        let now = now(&told);
        // Of a run that is over nothing waits.
        let why = told
            .is_open
            .then(|| report::why(&told.record, number, task, now));
        let why = why.flatten();
        if self.json {
            let value = serde_json::json!({
                "task": number,
                "name": task.shown_name(),
                "function": task.function.as_deref(),
                "state": task.state().word(),
                "steps": steps,
                "waits_for": why,
                "damages": told.damages,
            });
            record::print_json(out, &value)?;
        } else {
            let function = task.function.as_deref().unwrap_or("an unknown function");
            let state = task.state().word();
            writeln!(
                out,
                "task {number} `{}`, {function}: {state}",
                task.shown_name()
            )?;
            out.write_all(report::steps(&steps).as_bytes())?;
            if let Some(why) = why {
                writeln!(out, "\nwhy it is not running yet:")?;
                for line in report::reasons(&why, now) {
                    writeln!(out, "  {line}")?;
                }
            }
        }
        Ok(told.exit())
    }
}

/// The time since the run began: nothing may have happened for long. A clock here that is behind
/// the run's does not tell of a time before the last event.
fn now(told: &Told) -> u64 {
    let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let clock = clock.unwrap_or_default().as_micros();
    let began = told.record.started.as_ref().map_or(0, |run| run.unix_time);
    let since = clock.saturating_sub(began.into());
    u64::try_from(since)
        .unwrap_or(u64::MAX)
        .max(told.record.last)
}

/// So many numbers are listed where a name means many tasks.
const LISTED: usize = 10;

/// The task that is meant, or why there is none.
pub(super) fn find<'a>(
    record: &'a RunRecord,
    meant: &str,
) -> Result<(u64, &'a TaskRecord), String> {
    if let Ok(number) = meant.parse() {
        let task = record.tasks.get(&number);
        let most = record.tasks.keys().last().copied().unwrap_or_default();
        return task.map(|task| (number, task)).ok_or_else(|| {
            format!("the journal has no task {number}; the last one of the run is {most}")
        });
    }
    let is_meant = |task: &TaskRecord| {
        [task.shown_name(), task.short_function()].contains(&meant)
            || task.function.as_deref() == Some(meant)
    };
    let tasks = record.tasks.iter();
    let mut found = tasks.filter(|(_, task)| is_meant(task));
    let Some((number, task)) = found.next() else {
        let known = record.tasks.values().map(TaskRecord::shown_name);
        let hint = nearest(meant, known);
        let hint = hint.map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
        return Err(format!("the run has no task `{meant}`{hint}"));
    };
    let others: Vec<_> = found.map(|(number, _)| number.to_string()).collect();
    if others.is_empty() {
        return Ok((*number, task));
    }
    let listed = others[..others.len().min(LISTED)].join(", ");
    let rest = if others.len() > LISTED { ", .." } else { "" };
    Err(format!(
        "{} tasks are called `{meant}`: {number}, {listed}{rest}; name one by its number",
        others.len() + 1
    ))
}
