//! A summary and a story as people read them.

use std::fmt::{self, Display, Write as _};

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
        if self.missed_events > 0 {
            writeln!(
                formatter,
                "{} events are not in the journal: they came faster than the disk took them",
                self.missed_events
            )?;
        }
        table(formatter, "function", &self.functions)?;
        table(formatter, "executor", &self.executors)?;
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
    if parts.is_empty() {
        return Ok(());
    }
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
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(parts.iter().map(row));
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
