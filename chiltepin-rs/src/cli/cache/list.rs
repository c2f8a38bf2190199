use super::super::exit::Exit;
use super::Desk;
use super::amounts;
use super::select::Select;
use super::told::{Line, short};
use crate::cache::Summary;

/// Lists the results, the oldest first
#[derive(Debug, clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    select: Select,
    /// Prints one JSON array, with whole keys
    #[arg(long)]
    json: bool,
}

const HEADINGS: [&str; 7] = ["KEY", "FUNCTION", "TASK", "MADE", "TOOK", "SIZE", "USED"];

impl List {
    pub(super) fn run(self, mut desk: Desk<'_>) -> std::io::Result<Exit> {
        let results = self.select.results(&desk);
        if self.json {
            let lines: Vec<_> = results.iter().map(Line::of).collect();
            serde_json::to_writer_pretty(&mut *desk.out, &lines)?;
            writeln!(desk.out)?;
            return Ok(Exit::Success);
        }
        if !results.is_empty() {
            table(&desk, &results)
                .iter()
                .try_for_each(|row| writeln!(desk.out, "{row}"))?;
        }
        writeln!(desk.out, "{}", total(&results))?;
        if results.is_empty() {
            self.select.hint(&mut desk)?;
        }
        Ok(Exit::Success)
    }
}

/// So many results, and what they take.
pub(super) fn total(results: &[Summary]) -> String {
    let counted = amounts::results(results.len());
    if results.is_empty() {
        return counted;
    }
    let size = results
        .iter()
        .fold(0_u64, |sum, result| sum.saturating_add(result.size));
    format!("{counted}, {}", amounts::size(size))
}

/// The headings and a row for each result, in columns.
fn table(desk: &Desk<'_>, results: &[Summary]) -> Vec<String> {
    let rows = results.iter().map(|result| {
        [
            short(&result.key),
            result.function.clone(),
            result.task.clone(),
            format!("{} ago", amounts::age(desk.now, result.made)),
            amounts::took(result.took),
            amounts::size(result.size),
            format!("{} ago", amounts::age(desk.now, result.used)),
        ]
    });
    let rows: Vec<_> = std::iter::once(HEADINGS.map(str::to_owned))
        .chain(rows)
        .collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths: [usize; HEADINGS.len()] = std::array::from_fn(width);
    let line = |row: &[String; HEADINGS.len()]| {
        let cells = row.iter().zip(widths);
        let cells: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
