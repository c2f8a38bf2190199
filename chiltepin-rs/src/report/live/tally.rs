use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::event::{Event, How, Text, What};
use super::counts::Counts;
use super::open::{Open, OpenTasks};
use super::pace::Pace;

/// Which tasks stand where, by function and executor. Pure.
///
/// Threads tell events about the same time, so that one may come before another that caused it.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Their names, in order of their numbers.
    executors: Vec<String>,
    functions: Vec<Function>,
    known: HashMap<Key, usize>,
    /// The function that was submitted last, which is likely to be the next.
    last: Option<(Key, usize)>,
    rows: Vec<Row>,
    open: OpenTasks,
    missed: u64,
}

/// By what a function is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Address(usize),
    Words(Arc<str>),
}

/// What a function is called.
#[derive(Debug)]
pub(super) struct Function {
    /// No other has it.
    pub(super) full: String,
    pub(super) short: String,
    /// Its rows, one for each place; there are few.
    rows: Vec<(Place, u16)>,
}

/// Where tasks are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Place {
    /// At an executor, or on their way to the only one where they may run.
    Executor(u8),
    /// On their way to one of several.
    Open,
}

/// The tasks of one function in one place.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) function: usize,
    pub(super) place: Place,
    pub(super) counts: Counts,
    pub(super) pace: Pace,
}

impl Tally {
    pub(super) fn take(&mut self, event: &Event<Text>) {
        match &event.what {
            What::RunStarted(started) => {
                let names = started.executors.iter();
                self.executors = names.map(|(name, _)| name.clone()).collect();
            }
            What::Submitted {
                task,
                function,
                executors,
                ..
            } => self.submitted(*task, function, *executors),
            What::Looked { task, is_there } => {
                if let Some(open) = self.open.get(*task) {
                    let is_found = *is_there;
                    self.open.set(*task, Open { is_found, ..open });
                }
            }
            What::Started {
                task,
                attempt,
                executor,
                ..
            } => self.started(*task, *attempt, *executor),
            What::Finished {
                task,
                attempt,
                how: How::Returned { .. },
            }
            | What::Retrying { task, attempt, .. } => self.waits_again(*task, *attempt),
            What::Ended { task, ending } => {
                if let Some(open) = self.open.remove(*task) {
                    self.leave(open);
                    let counts = &mut self.rows[usize::from(open.row)].counts;
                    counts.end(ending, open.is_found);
                }
            }
            What::Missed { events } => self.missed += events,
            // Until it has ended, a task that has finished counts as running: its result may be
            // on its way to the cache.
            What::Finished { .. }
            | What::Named { .. }
            | What::Depends { .. }
            | What::DependsOutside { .. }
            | What::Looking { .. }
            | What::Began { .. }
            | What::Placed { .. }
            | What::WorkerLost { .. }
            | What::Arguments { .. }
            | What::Stopping { .. }
            | What::Reported { .. }
            | What::Block(_)
            | What::Room { .. }
            | What::Unavailable { .. }
            | What::Hindered { .. }
            | What::RunEnded { .. } => {}
        }
    }

    /// Notes how fast each row gets on.
    pub(super) fn sample(&mut self, now: Duration) {
        for row in &mut self.rows {
            row.pace.sample(now, row.counts.computed());
        }
    }

    /// In order of their first tasks.
    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(super) fn functions(&self) -> &[Function] {
        &self.functions
    }

    pub(super) fn executor(&self, place: Place) -> &str {
        match place {
            Place::Executor(number) => self
                .executors
                .get(usize::from(number))
                .map_or("?", String::as_str),
            Place::Open => "-",
        }
    }

    /// Of the whole run.
    pub(super) fn total(&self) -> Counts {
        let mut total = Counts::default();
        for row in &self.rows {
            total.add(&row.counts);
        }
        total
    }

    pub(super) fn has_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// How many events are not counted.
    pub(super) fn missed(&self) -> u64 {
        self.missed
    }

    fn submitted(&mut self, task: u64, function: &Text, executors: u64) {
        let function = self.function(function);
        let place = match (
            executors.count_ones(),
            u8::try_from(executors.trailing_zeros()),
        ) {
            (1, Ok(only)) => Place::Executor(only),
            _ => Place::Open,
        };
        let home = self.row(function, place);
        let open = Open {
            home,
            row: home,
            attempt: 0,
            is_running: false,
            is_found: false,
        };
        if let Some(before) = self.open.set(task, open) {
            self.leave(before);
        }
        self.enter(open);
    }

    fn started(&mut self, task: u64, attempt: u32, executor: u8) {
        let Some(open) = self.open.get(task) else {
            return;
        };
        let attempt = narrow(attempt);
        if attempt <= open.attempt {
            return;
        }
        let function = self.rows[usize::from(open.home)].function;
        let row = self.row(function, Place::Executor(executor));
        let running = Open {
            row,
            attempt,
            is_running: true,
            is_found: false,
            ..open
        };
        self.change(task, open, running);
    }

    fn waits_again(&mut self, task: u64, attempt: u32) {
        if let Some(open) = self.open.get(task)
            && narrow(attempt) == open.attempt
        {
            let waiting = Open {
                row: open.home,
                is_running: false,
                ..open
            };
            self.change(task, open, waiting);
        }
    }

    fn change(&mut self, task: u64, before: Open, after: Open) {
        self.leave(before);
        self.enter(after);
        self.open.set(task, after);
    }

    fn enter(&mut self, open: Open) {
        *self.count(open) += 1;
    }

    /// Whatever leaves has entered.
    fn leave(&mut self, open: Open) {
        *self.count(open) -= 1;
    }

    fn count(&mut self, open: Open) -> &mut u64 {
        let counts = &mut self.rows[usize::from(open.row)].counts;
        match open.is_running {
            true => &mut counts.running,
            false => &mut counts.waiting,
        }
    }

    fn function(&mut self, text: &Text) -> usize {
        let key = match text {
            Text::Function(info) => Key::Address(std::ptr::from_ref(*info).addr()),
            Text::Words(words) => Key::Words(Arc::clone(words)),
        };
        if let Some((last, number)) = &self.last
            && *last == key
        {
            return *number;
        }
        let number = match self.known.get(&key) {
            Some(known) => *known,
            None => self.add_function(key.clone(), text),
        };
        self.last = Some((key, number));
        number
    }

    fn add_function(&mut self, key: Key, text: &Text) -> usize {
        let rows = Vec::new();
        let function = match text {
            Text::Function(info) => Function {
                full: info.registered_name().into_owned(),
                short: info.short_name().to_owned(),
                rows,
            },
            Text::Words(words) => Function {
                full: words.to_string(),
                short: words.rsplit("::").next().unwrap_or_default().to_owned(),
                rows,
            },
        };
        self.functions.push(function);
        let number = self.functions.len() - 1;
        self.known.insert(key, number);
        number
    }

    fn row(&mut self, function: usize, place: Place) -> u16 {
        let known = &mut self.functions[function].rows;
        if let Some((_, row)) = known.iter().find(|(other, _)| *other == place) {
            return *row;
        }
        // More rows than that, of which nobody sees the last, count for one.
        let row = u16::try_from(self.rows.len()).unwrap_or(u16::MAX);
        known.push((place, row));
        self.rows.push(Row {
            function,
            place,
            counts: Counts::default(),
            pace: Pace::default(),
        });
        row
    }

    /// What must hold at any time.
    #[cfg(test)]
    pub(super) fn check(&self) {
        let mut counted = vec![(0, 0); self.rows.len()];
        for open in self.open.values() {
            let (waiting, running) = &mut counted[usize::from(open.row)];
            *(if open.is_running { running } else { waiting }) += 1;
            let function = |row: u16| self.rows[usize::from(row)].function;
            assert_eq!(function(open.row), function(open.home));
        }
        for (row, (waiting, running)) in self.rows.iter().zip(counted) {
            assert_eq!((row.counts.waiting, row.counts.running), (waiting, running));
        }
    }
}

/// The number of an attempt; those after the last that fits count for it.
fn narrow(attempt: u32) -> u16 {
    u16::try_from(attempt).unwrap_or(u16::MAX)
}
