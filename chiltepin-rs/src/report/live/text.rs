//! A tally in words. Pure.

use std::time::Duration;

use super::counts::Counts;
use super::tally::Tally;

/// More functions than these are not named in a line.
const NAMED: usize = 4;

/// A time, in units that change about as often as people look.
pub(super) fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// What a function is called beside the others: by its short name, if that is nobody else's.
pub(super) fn names(tally: &Tally) -> Vec<String> {
    let functions = tally.functions();
    let name = |index: usize| {
        let function = &functions[index];
        let mut others = functions.iter().enumerate();
        let is_shared =
            others.any(|(other, known)| other != index && known.short == function.short);
        let name = if is_shared {
            &function.full
        } else {
            &function.short
        };
        clean(name)
    };
    (0..functions.len()).map(name).collect()
}

/// Without what would move a terminal's cursor.
pub(super) fn clean(text: &str) -> String {
    let clean = |letter: char| if letter.is_control() { '?' } else { letter };
    text.chars().map(clean).collect()
}

/// How the whole run stands: `520 of 640 tasks ended, 42 s`.
pub(super) fn total(tally: &Tally, now: Duration) -> String {
    let total = tally.total();
    let (ended, all) = (total.ended(), total.all());
    let missed = missed(tally);
    format!("{ended} of {} ended, {}{missed}", tasks(all), time(now))
}

/// The run in one line.
pub(super) fn line(tally: &Tally, now: Duration) -> String {
    let total = tally.total();
    let mut line = format!(
        "chiltepin: {}: {} of {} ended",
        time(now),
        total.ended(),
        tasks(total.all())
    );
    for (count, word) in total.words() {
        if count > 0 && matches!(word, "failed" | "not run" | "cancelled") {
            line.push_str(&format!(", {count} {word}"));
        }
    }
    let mut open = open_functions(tally);
    let more = open.len().saturating_sub(NAMED);
    open.truncate(NAMED);
    for (name, counts) in open {
        let words = counts.words().into_iter().take(2);
        line.push_str(&format!("; {name}: {}", listed(words)));
    }
    if more > 0 {
        line.push_str(&format!("; and {more} more"));
    }
    line + &missed(tally)
}

/// How the run ended.
pub(super) fn last(tally: &Tally, now: Duration) -> String {
    let total = tally.total();
    let ended = total.words().into_iter().skip(2).map(|part| match part {
        (count, "cached") => (count, "from the cache"),
        part => part,
    });
    let words = listed(ended.chain([(total.open(), "not ended")]));
    let separator = if words.is_empty() { "" } else { ": " };
    let (all, time) = (tasks(total.all()), time(now));
    format!(
        "chiltepin: {all}{separator}{words}, in {time}{}",
        missed(tally)
    )
}

/// The functions with tasks that have not ended, those with most running first.
fn open_functions(tally: &Tally) -> Vec<(String, Counts)> {
    let names = names(tally).into_iter();
    let mut functions: Vec<_> = names.map(|name| (name, Counts::default())).collect();
    for row in tally.rows() {
        functions[row.function].1.add(&row.counts);
    }
    functions.retain(|(_, counts)| counts.open() > 0);
    functions.sort_by_key(|(_, counts)| std::cmp::Reverse((counts.running, counts.waiting)));
    functions
}

fn tasks(count: u64) -> String {
    match count {
        1 => "1 task".to_owned(),
        _ => format!("{count} tasks"),
    }
}

/// Those that are not zero.
fn listed(counts: impl Iterator<Item = (u64, &'static str)>) -> String {
    let words: Vec<_> = counts
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    words.join(", ")
}

fn missed(tally: &Tally) -> String {
    match tally.missed() {
        0 => String::new(),
        events => format!(" ({events} events are not counted)"),
    }
}
