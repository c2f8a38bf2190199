//! A tally as rows for a terminal. Pure.

use std::cmp::Reverse;
use std::time::Duration;

use super::tally::{Row, Tally};
use super::text;

/// How much a terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) lines: usize,
}

/// One row for each function and executor, and one of the whole run; where they are more than half
/// of the terminal holds, the busiest.
pub(super) fn rows(tally: &Tally, now: Duration, size: Size) -> Vec<String> {
    let most = (size.lines / 2).saturating_sub(1).max(1);
    let mut shown: Vec<&Row> = tally
        .rows()
        .iter()
        .filter(|row| row.counts.all() > 0)
        .collect();
    let all = shown.len();
    if all > most {
        shown = busiest(shown, most.saturating_sub(1).max(1));
    }
    let hidden = all - shown.len();
    let mut lines = table(tally, &shown, size.columns);
    if hidden > 0 {
        lines.push(format!("  … and {hidden} more"));
    }
    lines.push(format!("  {}", text::total(tally, now)));
    lines
        .into_iter()
        .map(|line| cut(&line, size.columns))
        .collect()
}

/// In the order that they have among all.
fn busiest(rows: Vec<&Row>, count: usize) -> Vec<&Row> {
    let mut numbered: Vec<_> = rows.into_iter().enumerate().collect();
    numbered.sort_by_key(|(number, row)| {
        let counts = &row.counts;
        // Among those that rest, the latest.
        Reverse((counts.running, counts.waiting, *number))
    });
    numbered.truncate(count);
    numbered.sort_by_key(|(number, _)| *number);
    numbered.into_iter().map(|(_, row)| row).collect()
}

/// Cells below each other, those left out that are empty everywhere.
fn table(tally: &Tally, rows: &[&Row], columns: usize) -> Vec<String> {
    let names = text::names(tally);
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let mut cells = vec![
                cut(&names[row.function], (columns / 3).max(8)),
                cut(
                    &text::clean(tally.executor(row.place)),
                    (columns / 5).max(6),
                ),
            ];
            let number = |count: u64, word: &str| match count {
                0 => String::new(),
                _ => format!("{count} {word}"),
            };
            let counts = row.counts.words().into_iter();
            cells.extend(counts.map(|(count, word)| number(count, word)));
            cells.push(row.pace.rate().map_or(String::new(), rate));
            cells
        })
        .collect();
    let count = cells.first().map_or(0, Vec::len);
    let width = |column: usize| cells.iter().map(|row| width(&row[column])).max();
    let widths: Vec<usize> = (0..count)
        .map(|column| width(column).unwrap_or(0))
        .collect();
    let line = |row: &Vec<String>| {
        let mut line = String::new();
        for (column, (cell, widest)) in row.iter().zip(&widths).enumerate() {
            if *widest == 0 {
                continue;
            }
            let pad = " ".repeat(widest - self::width(cell));
            // Names begin, and counts end, below each other.
            let (left, right) = if column < 2 { ("", &*pad) } else { (&*pad, "") };
            line.push_str(&format!("  {left}{cell}{right}"));
        }
        line.trim_end().to_owned()
    };
    cells.iter().map(line).collect()
}

fn rate(rate: f64) -> String {
    match rate {
        10.0.. => format!("{rate:.0}/s"),
        1.0.. => format!("{rate:.1}/s"),
        _ => format!("{:.1}/min", rate * 60.0),
    }
}

/// How many columns a letter takes, at most.
fn columns(letter: char) -> usize {
    if letter.is_ascii() || letter == '…' {
        1
    } else {
        2
    }
}

fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// As much of a text as has room.
fn cut(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut used = 1;
    let fits = |letter: &char| {
        used += columns(*letter);
        used <= room
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    cut.push('…');
    cut
}
