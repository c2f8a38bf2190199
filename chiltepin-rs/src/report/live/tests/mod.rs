mod faces;
mod random;
mod shown;
mod terminal;

use std::time::Duration;

use super::tally::Tally;
use crate::report::{Ending, Event, How, Kind, RunStarted, Text, Trouble, What};

fn event(what: What<Text>) -> Event<Text> {
    Event { at: 0, what }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Both may run a task.
const BOTH: u64 = 0b11;
const LOCAL: u64 = 0b01;
const COMPUTE: u64 = 0b10;

/// A run with the executors `local` and `compute`.
#[derive(Default)]
struct Run {
    tally: Tally,
    tasks: u64,
}

impl Run {
    fn new() -> Self {
        let mut run = Self::default();
        let executor = |name: &str| (name.to_owned(), "threads".to_owned());
        run.tell(What::RunStarted(Box::new(RunStarted {
            executors: vec![executor("local"), executor("compute")],
            ..RunStarted::default()
        })));
        run
    }

    fn tell(&mut self, what: What<Text>) {
        self.tally.take(&event(what));
        self.tally.check();
    }

    /// Submits so many calls, and gives their numbers.
    fn submit(&mut self, function: &str, executors: u64, count: u64) -> Vec<u64> {
        let tasks: Vec<_> = (self.tasks..self.tasks + count).collect();
        self.tasks += count;
        for task in &tasks {
            self.tell(submitted(*task, function, executors));
        }
        tasks
    }

    fn start(&mut self, tasks: &[u64], executor: u8) {
        for task in tasks {
            self.tell(started(*task, 1, executor));
        }
    }

    fn end(&mut self, tasks: &[u64], ending: &Ending<Text>) {
        for task in tasks {
            let task = *task;
            let ending = ending.clone();
            self.tell(What::Ended { task, ending });
        }
    }

    fn find(&mut self, tasks: &[u64]) {
        for task in tasks {
            let (task, is_there) = (*task, true);
            self.tell(What::Looked { task, is_there });
        }
        self.end(tasks, &Ending::Succeeded);
    }
}

fn submitted(task: u64, function: &str, executors: u64) -> What<Text> {
    What::Submitted {
        task,
        function: Text::new(function),
        executors,
        priority: 0,
        kind: Kind::Function,
        more: None,
    }
}

fn started(task: u64, attempt: u32, executor: u8) -> What<Text> {
    What::Started {
        task,
        attempt,
        executor,
        offer: 0,
    }
}

fn returned(task: u64, attempt: u32) -> What<Text> {
    let how = How::Returned {
        reason: Text::new("gone"),
    };
    What::Finished { task, attempt, how }
}

fn retrying(task: u64, attempt: u32) -> What<Text> {
    What::Retrying {
        task,
        attempt,
        pause: 0,
        error: None,
    }
}

fn failed() -> Ending<Text> {
    Ending::Failed(Box::new(Trouble {
        kind: Text::new("failed"),
        message: Text::new("no"),
        place: None,
    }))
}
