//! A summary and a story as people read them.

use std::fmt::{self, Display, Write as _};

use super::hours::NodeTime;
use super::story::Step;
use super::summary::{Counts, Part, Percentiles, Summary};

/// A time in microseconds, in three digits or so.
pub(crate) fn time(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{} ms", decimal(micros, 1_000)),
        1_000_000..60_000_000 => format!("{} s", decimal(micros, 1_000_000)),
        60_000_000..3_600_000_000 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// With one decimal below ten.
fn decimal(amount: u64, unit: u64) -> String {
    match amount / unit {
        whole @ 0..10 => format!("{whole}.{}", amount % unit * 10 / unit),
        whole => whole.to_string(),
    }
}

/// Bytes, in the largest unit of which there is one.
pub(crate) fn memory(bytes: u64) -> String {
    match bytes {
        0..0x400 => format!("{bytes} B"),
        0x400..0x10_0000 => format!("{} KiB", decimal(bytes, 1 << 10)),
        0x10_0000..0x4000_0000 => format!("{} MiB", decimal(bytes, 1 << 20)),
        _ => format!("{} GiB", decimal(bytes, 1 << 30)),
    }
}

/// When something was, in UTC.
pub(crate) fn date(unix_micros: u64) -> String {
    let micros = i64::try_from(unix_micros).unwrap_or(i64::MAX);
    match jiff::Timestamp::from_microsecond(micros) {
        Ok(time) if unix_micros > 0 => time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        _ => "unknown".to_owned(),
    }
}

impl Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} submitted", self.submitted)?;
        let more = [
            (self.succeeded, "succeeded"),
            (self.cached, "from the cache"),
            (self.failed, "failed"),
            (self.not_run, "not run"),
            (self.cancelled, "cancelled"),
            (self.running, "running"),
            (self.waiting, "waiting"),
        ];
        for (count, word) in more {
            if count > 0 {
                write!(formatter, ", {count} {word}")?;
            }
        }
        Ok(())
    }
}

impl Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut command = self.program.clone();
        for argument in &self.arguments {
            let _ = write!(command, " {argument}");
        }
        writeln!(formatter, "{command}")?;
        let place = format!("process {} on {}", self.process, self.host);
        let started = date(self.started);
        writeln!(formatter, "started {started}, {place}, id {}", self.id)?;
        writeln!(formatter, "{} after {}", self.state, time(self.duration))?;
        writeln!(formatter, "\ntasks: {}", self.tasks)?;
        if self.retries > 0 {
            writeln!(formatter, "retries: {}", self.retries)?;
        }
        if self.lost_workers > 0 {
            writeln!(formatter, "workers lost under tasks: {}", self.lost_workers)?;
        }
        if self.missed_events > 0 {
            writeln!(
                formatter,
                "{} events are not in the journal: they came faster than the disk took them",
                self.missed_events
            )?;
        }
        table(formatter, "function", &self.functions)?;
        table(formatter, "executor", &self.executors)?;
        node_hours(formatter, &self.node_times)?;
        if !self.failures.is_empty() {
            writeln!(formatter, "\nfailures:")?;
        }
        for failures in &self.failures {
            let place = failures.place.as_ref();
            let place = place.map_or_else(String::new, |place| format!(" ({place})"));
            let tasks: Vec<_> = failures.tasks.iter().map(ToString::to_string).collect();
            let rest = if failures.count > tasks.len() as u64 {
                ", .."
            } else {
                ""
            };
            writeln!(
                formatter,
                "  {} × `{}` {}{place}\n      task {}{rest}",
                failures.count,
                failures.function,
                failures.message,
                tasks.join(", ")
            )?;
        }
        Ok(())
    }
}

/// The parts of a run, a line for each.
fn table(formatter: &mut fmt::Formatter<'_>, title: &str, parts: &[Part]) -> fmt::Result {
    let titles = [
        title,
        "tasks",
        "ok",
        "cached",
        "failed",
        "other",
        "retries",
        "queued 50%",
        "90%",
        "ran 50%",
        "90%",
        "longest",
        "cpu",
        "peak",
    ];
    columns(formatter, &titles, parts.iter().map(row).collect())
}

/// What the nodes were good for, a line for each executor.
fn node_hours(formatter: &mut fmt::Formatter<'_>, times: &[NodeTime]) -> fmt::Result {
    let titles = ["node-hours", "account", "allocated", "used", "idle", "lost"];
    let rows = times.iter().map(|time| {
        let account = time.account.as_deref().unwrap_or("(none)");
        let part = |part: u64, whole: u64| format!("{} ({})", hours(part), share(part, whole));
        vec![
            time.executor.clone(),
            account.to_owned(),
            hours(time.allocated),
            part(time.used, time.allocated),
            part(time.idle, time.allocated),
            part(time.lost, time.used),
        ]
    });
    columns(formatter, &titles, rows.collect())
}

/// A time in microseconds, in hours: with three digits or so, however few they are.
fn hours(micros: u64) -> String {
    let hours = micros as f64 / 3.6e9;
    match hours {
        0.0 => "0".to_owned(),
        ..0.0001 => "< 0.0001".to_owned(),
        ..0.1 => format!("{hours:.4}"),
        ..10.0 => format!("{hours:.2}"),
        _ => format!("{hours:.1}"),
    }
}

/// A part of a whole, in percent.
fn share(part: u64, whole: u64) -> String {
    format!("{:.0}%", part as f64 / whole.max(1) as f64 * 100.0)
}

/// Rows below titles, the first column to the left and all others to the right; nothing where there
/// are no rows.
fn columns(
    formatter: &mut fmt::Formatter<'_>,
    titles: &[&str],
    mut rows: Vec<Vec<String>>,
) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    rows.insert(0, titles.iter().map(|title| (*title).to_owned()).collect());
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..titles.len()).map(width).collect();
    writeln!(formatter)?;
    for row in &rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let _ = match column {
                0 => write!(line, "{cell:<width$}"),
                _ => write!(line, "  {cell:>width$}"),
            };
        }
        writeln!(formatter, "{}", line.trim_end())?;
    }
    Ok(())
}

fn row(part: &Part) -> Vec<String> {
    let counts = &part.tasks;
    let other = counts.not_run + counts.cancelled + counts.running + counts.waiting;
    let figures = |times: Option<Percentiles>, figure: fn(Percentiles) -> u64| {
        times.map_or_else(|| "-".to_owned(), |times| time(figure(times)))
    };
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    vec![
        part.name.clone(),
        counts.submitted.to_string(),
        counts.succeeded.to_string(),
        counts.cached.to_string(),
        counts.failed.to_string(),
        other.to_string(),
        part.retries.to_string(),
        figures(part.queue, |times| times.median),
        figures(part.queue, |times| times.ninety),
        figures(part.run, |times| times.median),
        figures(part.run, |times| times.ninety),
        figures(part.run, |times| times.longest),
        or_dash(
            part.cpu_efficiency
                .map(|share| format!("{:.0}%", share * 100.0)),
        ),
        or_dash(part.peak_memory.map(memory)),
    ]
}

/// The steps of a task, a line for each, with the time since the run began.
pub(crate) fn steps(steps: &[Step]) -> String {
    let mut text = String::new();
    for Step { at, what } in steps {
        let seconds = format!("{}.{:06}", at / 1_000_000, at % 1_000_000);
        // The words of an error may go over many lines.
        let what = what.replace('\n', "\n                  ");
        let _ = writeln!(text, "{seconds:>14} s  {what}");
    }
    text
}
