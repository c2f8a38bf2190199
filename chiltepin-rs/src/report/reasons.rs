//! Why a task is not running yet, as people read it.

use super::lack::{Amounts, Lack};
use super::show::{memory, time};
use super::waiting::{Awaited, BlockNow, Place, Why};

/// Lines that tell it, those that belong to the one before indented.
pub(crate) fn reasons(why: &Why, now: u64) -> Vec<String> {
    let long = |since: u64| format!("for {} now", time(now.saturating_sub(since)));
    match why {
        Why::Dependencies { tasks, count } => awaited(tasks, *count, now),
        Why::Pause { until } => {
            let left = until.saturating_sub(now);
            vec![format!("it is tried again in {}", time(left))]
        }
        Why::Looked { since } => {
            let long = long(*since);
            vec![format!(
                "its result is being looked for in the cache, {long}"
            )]
        }
        Why::Kept { since } => {
            let long = long(*since);
            vec![format!("it has run, and its result is being kept, {long}")]
        }
        Why::Room {
            since,
            outside,
            labels,
            executors,
        } => {
            let mut lines = vec![format!("it is ready, {}", long(*since))];
            if *outside > 0 {
                lines.push(format!(
                    "it depends on {} of other workflows, and whether they are done this journal \
                     does not tell",
                    counted(*outside as usize, "future")
                ));
            }
            lines.extend(labels.iter().map(|label| {
                format!(
                    "`limits` allows {} labelled `{}` at once, and so many run",
                    counted(label.limit as usize, "task"),
                    label.label
                )
            }));
            for executor in executors {
                place(executor, now, &mut lines);
            }
            lines
        }
        Why::Nodes {
            since,
            nodes,
            executor,
        } => {
            let mut lines = vec![format!(
                "`{}` has it, {}, and is to start it once {} free: {} there, {} first",
                executor.executor,
                long(*since),
                if *nodes == 1 {
                    "a node is".to_owned()
                } else {
                    format!("{nodes} nodes are")
                },
                acting(executor.running, "other runs", "others run"),
                acting(executor.ahead, "goes", "go"),
            )];
            blocks(executor, now, &mut lines);
            lines
        }
    }
}

fn awaited(tasks: &[Awaited], count: usize, now: u64) -> Vec<String> {
    let mut lines = vec![format!("it waits for {}:", counted(count, "task"))];
    lines.extend(tasks.iter().map(|task| {
        let state = match task.running_since {
            Some(since) => format!("running for {}", time(now.saturating_sub(since))),
            None => task.state.to_owned(),
        };
        format!("  `{}` ({}), {state}", task.name, task.task)
    }));
    if count > tasks.len() {
        lines.push(format!("  and {} more", count - tasks.len()));
    }
    lines
}

fn place(place: &Place, now: u64, lines: &mut Vec<String>) {
    let name = &place.executor;
    if let Some(reason) = &place.unavailable {
        lines.push(format!("`{name}` is not available: {reason}"));
        return;
    }
    let running = acting(place.running, "task runs", "tasks run");
    let ahead = acting(place.ahead, "other goes", "others go");
    let lack = lack(place.lack.as_ref());
    lines.push(format!("`{name}`: {running} there, {ahead} first; {lack}"));
    blocks(place, now, lines);
}

fn lack(lack: Option<&Lack>) -> String {
    match lack {
        None => "it has room for the task".to_owned(),
        Some(Lack::Everything) => "it has no room yet".to_owned(),
        Some(Lack::Together) => "no place there has all that the task needs at once".to_owned(),
        Some(Lack::TooSmall(amounts)) => {
            let (needed, most) = (
                amount(amounts, amounts.needed),
                amount(amounts, amounts.most),
            );
            format!("the task needs {needed}, and no place there has more than {most}")
        }
        Some(Lack::Taken(amounts)) if amounts.free == 0 && amounts.needed == 1 => {
            format!("all its {} are taken", amounts.what)
        }
        Some(Lack::Taken(amounts)) if amounts.free == 0 => {
            let needed = amount(amounts, amounts.needed);
            format!("the task needs {needed}, and all are taken")
        }
        Some(Lack::Taken(amounts)) => {
            let (needed, free) = (
                amount(amounts, amounts.needed),
                amount(amounts, amounts.free),
            );
            format!("the task needs {needed}, and no place there has more than {free} free")
        }
    }
}

/// As `8 cores`, `1 core`, `2.0 GiB memory`.
fn amount(amounts: &Amounts, amount: u64) -> String {
    match amounts.what {
        "memory" => format!("{} memory", memory(amount)),
        what if amount == 1 => format!("1 {}", singular(what)),
        what => format!("{amount} {what}"),
    }
}

fn singular(what: &str) -> &str {
    match what {
        "async bodies" => "async body",
        what => what.trim_end_matches('s'),
    }
}

fn blocks(place: &Place, now: u64, lines: &mut Vec<String>) {
    if let Some(reason) = &place.hindered {
        lines.push(format!("  no block is asked for: {}", indented(reason)));
    }
    lines.extend(place.blocks.iter().map(|block| {
        let BlockNow {
            block,
            job,
            state,
            reason,
            since,
        } = block;
        let job = job
            .as_ref()
            .map_or_else(String::new, |job| format!(" (job {job})"));
        let reason = reason.as_deref().map(indented);
        let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        let long = time(now.saturating_sub(*since));
        format!("  block {block}{job} is {state}{reason} (for {long})")
    }));
}

/// Reasons of a batch system and of agents may have many lines.
fn indented(text: &str) -> String {
    text.replace('\n', "\n      ")
}

/// As `1 task`, `2 tasks`.
fn counted(count: usize, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}

/// As `1 task runs`, `2 tasks run`, `no tasks run`.
fn acting(count: usize, one: &str, many: &str) -> String {
    match count {
        0 => format!("no {many}"),
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    }
}
