//! A run as trace events, the form of Chrome's tracing that Perfetto reads too.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::report::{AttemptRecord, How, RunRecord, TaskRecord};

/// An attempt on the screen: one bar.
struct Bar<'a> {
    begin: u64,
    end: u64,
    number: u64,
    task: &'a TaskRecord,
    attempt: &'a AttemptRecord,
}

/// The events: each executor is a process, and its attempts lie in as many rows as ran at once.
pub(super) fn trace(record: &RunRecord) -> Value {
    let mut executors: BTreeMap<u8, Vec<Bar<'_>>> = BTreeMap::new();
    for (number, task) in &record.tasks {
        for attempt in &task.attempts {
            let (Some(executor), Some(begin)) = (attempt.executor, attempt.began()) else {
                continue;
            };
            let finished = attempt.finished.as_ref().map(|(at, _)| *at);
            let ran = attempt
                .account
                .as_ref()
                .map(|account| begin.saturating_add(account.run));
            let end = ran.or(finished).unwrap_or(record.last);
            executors.entry(executor).or_default().push(Bar {
                begin,
                end: end.max(begin),
                number: *number,
                task,
                attempt,
            });
        }
    }
    let mut events = Vec::new();
    for (executor, mut bars) in executors {
        let process = u32::from(executor) + 1;
        let name = record.executor(executor);
        events.push(json!({
            "ph": "M", "name": "process_name", "pid": process, "args": { "name": name },
        }));
        bars.sort_by_key(|bar| (bar.begin, bar.number));
        let mut rows = Vec::new();
        for bar in &bars {
            let row = row(&mut rows, bar);
            events.push(event(bar, process, row));
        }
    }
    json!({ "displayTimeUnit": "ms", "traceEvents": events })
}

/// The first row where the bar has place; `rows` are the ends of what lies there.
fn row(rows: &mut Vec<u64>, bar: &Bar<'_>) -> usize {
    match rows.iter().position(|end| *end <= bar.begin) {
        Some(row) => {
            rows[row] = bar.end;
            row
        }
        None => {
            rows.push(bar.end);
            rows.len() - 1
        }
    }
}

fn event(bar: &Bar<'_>, process: u32, row: usize) -> Value {
    let Bar { task, attempt, .. } = bar;
    let how = match &attempt.finished {
        None => "running",
        Some((_, How::Succeeded)) => "succeeded",
        Some((_, How::Failed(_))) => "failed",
        Some((_, How::Stopped)) => "stopped",
        Some((_, How::Returned { .. })) => "returned",
        Some((_, How::Abandoned)) => "abandoned",
    };
    json!({
        "ph": "X",
        "name": task.shown_name(),
        "cat": task.function.as_deref().unwrap_or_default(),
        "pid": process,
        "tid": row + 1,
        "ts": bar.begin,
        "dur": bar.end - bar.begin,
        "args": {
            "task": bar.number,
            "attempt": attempt.attempt,
            "end": how,
            "node": attempt.account.as_ref().map(|account| &*account.node),
            "worker": attempt.account.as_ref().and_then(|account| account.worker.as_deref()),
        },
    })
}
