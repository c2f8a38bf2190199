//! The story of one task: each step it took, in order. Pure.

use serde::Serialize;

use super::event::{Ending, How};
use super::record::{AttemptRecord, RunRecord, TaskRecord};
use super::show::{memory, time};

/// One step; the time in microseconds since the run began.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Step {
    pub(crate) at: u64,
    pub(crate) what: String,
}

/// The steps of a task, in order of time.
pub(crate) fn story(record: &RunRecord, number: u64, task: &TaskRecord) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut step = |at: u64, what: String| steps.push(Step { at, what });
    if let Some(at) = task.submitted {
        let executors = record.executors(task.executors);
        let mut what = match &executors[..] {
            [] => "submitted, and refused".to_owned(),
            executors => format!("submitted for {}", quoted(executors)),
        };
        if task.priority != 0 {
            what.push_str(&format!(", with priority {}", task.priority));
        }
        if !task.labels.is_empty() {
            let labels: Vec<_> = task.labels.iter().map(|label| &**label).collect();
            what.push_str(&format!(", labelled {}", quoted(&labels)));
        }
        step(at, what);
    }
    for on in &task.dependencies {
        let Some(other) = record.tasks.get(on) else {
            continue;
        };
        let what = format!("`{}` ({on}), which it depends on,", other.shown_name());
        match &other.ended {
            Some((at, ending)) => {
                let at = (*at).max(task.submitted.unwrap_or_default());
                step(at, format!("{what} {}", ended(record, ending)));
            }
            None => step(record.last, format!("{what} has not ended")),
        }
    }
    if let Some((at, is_there)) = task.looked {
        let answer = if is_there { "is there" } else { "is not there" };
        step(
            at,
            format!("its result was looked for in the cache, and {answer}"),
        );
    }
    for attempt in &task.attempts {
        attempt_steps(record, attempt, &mut step);
    }
    match &task.ended {
        Some((at, ending)) => step(*at, format!("the task {}", ended(record, ending))),
        None => step(
            record.last,
            format!("the record ends with task {number} {}", task.state().word()),
        ),
    }
    steps.sort_by_key(|step| step.at);
    steps
}

fn attempt_steps(record: &RunRecord, attempt: &AttemptRecord, step: &mut impl FnMut(u64, String)) {
    let name = format!("attempt {}", attempt.attempt);
    if let (Some(at), Some(executor)) = (attempt.started, attempt.executor) {
        let executor = record.executor(executor);
        step(at, format!("{name} handed to `{executor}`"));
    }
    match (&attempt.account, attempt.begun) {
        (Some(account), _) => {
            let worker = account.worker.as_ref();
            let worker = worker.map_or_else(String::new, |worker| format!(" in worker `{worker}`"));
            let place = format!("{worker} on node `{}`", account.node);
            step(
                account.begun,
                format!("{name} began{place}, process {}", account.process),
            );
        }
        (None, Some(at)) => step(at, format!("{name} began")),
        (None, None) => {}
    }
    for (at, losses) in &attempt.losses {
        step(
            *at,
            format!(
                "{name} lost its worker, the {} of the task",
                ordinal(*losses)
            ),
        );
    }
    if let Some(at) = attempt.stopping {
        step(at, format!("{name} told to stop"));
    }
    if let Some((at, how)) = &attempt.finished {
        let mut what = match how {
            How::Succeeded => format!("{name} succeeded"),
            How::Failed(trouble) => format!("{name} {}", trouble.message),
            How::Stopped => format!("{name} stopped"),
            How::Returned { reason } => {
                format!("{name} was given back and does not count: {reason}")
            }
            How::Abandoned => format!("{name} could not be stopped, and was given up"),
        };
        if let Some(account) = &attempt.account {
            let processor = time(account.user.saturating_add(account.system));
            what.push_str(&format!(
                " (ran {}, processor {processor}",
                time(account.run)
            ));
            if let Some(peak) = account.peak_memory {
                what.push_str(&format!(", peak memory {}", memory(peak)));
            }
            what.push(')');
        }
        step(*at, what);
    }
    if let Some((at, pause, error)) = &attempt.retrying {
        let why = if error.is_some() {
            ""
        } else {
            " after its timeout"
        };
        step(
            *at,
            format!("the next attempt follows{why} in {}", time(*pause)),
        );
    }
}

fn ended(record: &RunRecord, ending: &Ending<super::record::Name>) -> String {
    match ending {
        Ending::Succeeded => "succeeded".to_owned(),
        Ending::Failed(trouble) => format!("ended: it {}", trouble.message),
        Ending::DependencyFailed { root } => {
            let root = root.and_then(|root| Some((root, record.tasks.get(&root)?)));
            let root = root.map_or_else(String::new, |(number, root)| {
                format!(": `{}` ({number})", root.shown_name())
            });
            format!("was not run, because what it depends on failed{root}")
        }
        Ending::TimedOut { is_abandoned } => {
            format!("took longer than its timeout{}", given_up(*is_abandoned))
        }
        Ending::Cancelled { is_abandoned } => {
            format!("was cancelled{}", given_up(*is_abandoned))
        }
        Ending::Closed => "ended because the workflow was closed".to_owned(),
    }
}

const fn given_up(is_abandoned: bool) -> &'static str {
    if is_abandoned {
        ", and its body went on"
    } else {
        ""
    }
}

fn quoted(names: &[&str]) -> String {
    format!("`{}`", names.join("`, `"))
}

/// As `1st`, `2nd`, `3rd` and `4th`.
fn ordinal(number: u32) -> String {
    let ending = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}
