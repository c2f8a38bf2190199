use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::exit::Exit;
use super::{record, trace};
use crate::report::{self, AttemptRecord, Ending, How, Name, RunRecord, TaskRecord};

/// Prints the record of a run for other programs
#[derive(Debug, clap::Args)]
pub(super) struct Export {
    /// The run's number below `run_dir`, as 7; `latest`; or its folder
    run: PathBuf,
    /// What to print; all times are in microseconds since the run began
    #[arg(long)]
    format: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// A line for each attempt, and for each task without one
    Csv,
    /// All that is known, as one object
    Json,
    /// Events for Perfetto and `chrome://tracing`
    Trace,
    /// Makes an SQLite file, `run.db`, in the run's folder, and prints where it is
    Database,
}

impl Export {
    pub(super) fn run(self, out: &mut dyn Write, errors: &mut dyn Write) -> std::io::Result<Exit> {
        let told = match record::tell(Some(&self.run), errors)? {
            Ok(told) => told,
            Err(exit) => return Ok(exit),
        };
        match self.format {
            Format::Csv => csv(out, &told.record)?,
            Format::Json => {
                let mut value = whole(&told.record);
                value["damages"] = json!(told.damages);
                record::print_json(out, &value)?;
            }
            Format::Database => {
                let state = report::state(&told.record, told.is_open);
                let bytes = told.journal_bytes;
                match report::database(&told.folder, &told.record, state, bytes) {
                    Ok(file) => writeln!(out, "{}", file.display())?,
                    Err(error) => {
                        writeln!(errors, "error: {error}")?;
                        return Ok(Exit::Failure);
                    }
                }
            }
            Format::Trace => record::print_json(out, &trace::trace(&told.record))?,
        }
        Ok(told.exit())
    }
}

const COLUMNS: &str = "task,name,function,state,submitted,ready,ended,attempt,executor,started,\
                       begun,finished,node,worker,run,user,system,peak_memory,error";

/// A line for each attempt, as RFC 4180 has it.
fn csv(out: &mut dyn Write, record: &RunRecord) -> std::io::Result<()> {
    writeln!(out, "{COLUMNS}")?;
    let none = AttemptRecord::default();
    for (number, task) in &record.tasks {
        let attempts = match &task.attempts[..] {
            [] => std::slice::from_ref(&none),
            attempts => attempts,
        };
        for attempt in attempts {
            let cells = cells(record, *number, task, attempt);
            writeln!(out, "{}", cells.map(quoted).join(","))?;
        }
    }
    Ok(())
}

fn cells(
    record: &RunRecord,
    number: u64,
    task: &TaskRecord,
    attempt: &AttemptRecord,
) -> [String; 19] {
    let figure = |figure: Option<u64>| figure.map(|figure| figure.to_string()).unwrap_or_default();
    let account = attempt.account.as_ref();
    let executor = attempt.executor.map(|executor| record.executor(executor));
    let worker = account.and_then(|account| account.worker.as_deref());
    [
        number.to_string(),
        task.shown_name().to_owned(),
        task.function.as_deref().unwrap_or_default().to_owned(),
        task.state().word().to_owned(),
        figure(task.submitted),
        figure(record.ready(task)),
        figure(task.ended.as_ref().map(|(at, _)| *at)),
        figure((attempt.attempt > 0).then_some(u64::from(attempt.attempt))),
        executor.unwrap_or_default().to_owned(),
        figure(attempt.started),
        figure(attempt.began()),
        figure(attempt.finished.as_ref().map(|(at, _)| *at)),
        account
            .map(|account| account.node.to_string())
            .unwrap_or_default(),
        worker.unwrap_or_default().to_owned(),
        figure(attempt.run_time()),
        figure(account.map(|account| account.user)),
        figure(account.map(|account| account.system)),
        figure(account.and_then(|account| account.peak_memory)),
        error(task, attempt).unwrap_or_default(),
    ]
}

/// What went wrong with an attempt, or with a task that has none.
fn error(task: &TaskRecord, attempt: &AttemptRecord) -> Option<String> {
    match &attempt.finished {
        Some((_, How::Failed(trouble))) => return Some(trouble.message.to_string()),
        Some((_, How::Returned { reason })) => return Some(reason.to_string()),
        _ => {}
    }
    match &task.ended.as_ref()?.1 {
        Ending::Failed(trouble) if task.attempts.is_empty() => Some(trouble.message.to_string()),
        _ => None,
    }
}

/// In quotes where it must be.
fn quoted(cell: String) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

/// A text of the journal in a form that JSON takes.
fn text(name: &Name) -> String {
    name.to_string()
}

/// All that is known of a run.
fn whole(record: &RunRecord) -> Value {
    let tasks = record.tasks.iter();
    let blocks = record.blocks.iter();
    json!({
        "run": record.started,
        "last": record.last,
        "outcome": record.ended.map(|(_, outcome)| outcome),
        "missed_events": record.missed,
        "tasks": tasks.map(|(number, task)| task_value(record, *number, task)).collect::<Vec<_>>(),
        "blocks": blocks
            .map(|(at, change)| json!({"at": at, "block": change.map(&mut text)}))
            .collect::<Vec<_>>(),
    })
}

fn task_value(record: &RunRecord, number: u64, task: &TaskRecord) -> Value {
    let attempt = |attempt: &AttemptRecord| {
        json!({
            "attempt": attempt.attempt,
            "executor": attempt.executor.map(|executor| record.executor(executor)),
            "offer": attempt.offer,
            "started": attempt.started,
            "begun": attempt.began(),
            "nodes": attempt.nodes,
            "stopping": attempt.stopping,
            "finished": attempt.finished.as_ref().map(|(at, _)| at),
            "how": attempt.finished.as_ref().map(|(_, how)| how.map(&mut text)),
            "account": attempt.account.as_ref().map(|account| account.map(&mut text)),
        })
    };
    json!({
        "task": number,
        "name": task.shown_name(),
        "function": task.function.as_deref(),
        "state": task.state().word(),
        "submitted": task.submitted,
        "ready": record.ready(task),
        "executors": record.executors(task.executors),
        "priority": task.priority,
        "kind": task.needs.kind,
        "needs": task.needs.room,
        "nodes": task.needs.nodes,
        "labels": task.labels.iter().map(|label| &**label).collect::<Vec<_>>(),
        "dependencies": task.dependencies,
        "looked": task.looked.map(|(at, is_there)| json!({"at": at, "is_there": is_there})),
        "attempts": task.attempts.iter().map(attempt).collect::<Vec<_>>(),
        "ended": task.ended.as_ref().map(|(at, _)| at),
        "ending": task.ended.as_ref().map(|(_, ending)| ending.map(&mut text)),
    })
}
