//! When something is shown. The time is told.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use super::super::face::{Face, Lines};
use super::super::painter::Live;
use super::*;
use crate::report::RunOutcome;
use crate::report::stream::View;

/// What was written.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }
}

/// A run with two tasks, of which one has ended.
fn one_of_two() -> Mutex<Tally> {
    let mut run = Run::new();
    let tasks = run.submit("simulate", LOCAL, 2);
    run.start(&tasks[..1], 0);
    run.end(&tasks[..1], &Ending::Succeeded);
    Mutex::new(run.tally)
}

/// Shows a run as lines up to that second, with another task each that many seconds.
fn shown(until: u64, more: u64) -> String {
    let paper = Paper::default();
    let mut lines = Lines::new(paper.clone());
    let tally = one_of_two();
    for now in 0..=until {
        if now % more == 0 {
            tally
                .lock()
                .take(&event(submitted(100 + now, "more", LOCAL)));
        }
        let pause = lines.show(seconds(now), &tally);
        assert!(pause > Duration::ZERO);
    }
    lines.end(seconds(until), &tally);
    paper.text()
}

#[test]
fn a_short_run_has_no_lines() {
    assert_eq!(shown(9, 1), "");
}

#[test]
fn a_line_every_ten_seconds_and_one_at_the_end() {
    insta::assert_snapshot!(shown(25, 1), @r"
    chiltepin: 10 s: 1 of 13 tasks ended; more: 11 waiting; simulate: 1 waiting
    chiltepin: 20 s: 1 of 23 tasks ended; more: 21 waiting; simulate: 1 waiting
    chiltepin: 28 tasks: 1 succeeded, 27 not ended, in 25 s
    ");
}

#[test]
fn lines_get_rare_in_a_long_run() {
    let lines = shown(3600, 1).lines().count();
    assert!((60..90).contains(&lines), "{lines}");
    let lines = shown(86_400, 1).lines().count();
    assert!(lines < 500, "{lines}");
}

#[test]
fn where_nothing_changes_nothing_is_said() {
    let lines = shown(3600, 10_000).lines().count();
    assert_eq!(lines, 2);
}

/// As a pipe whose reader has left.
struct Broken;

impl io::Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

#[test]
fn nobody_has_to_read_it() {
    let mut lines = Lines::new(Broken);
    let tally = one_of_two();
    lines.show(seconds(10), &tally);
    lines.end(seconds(11), &tally);
}

/// Shows nothing, and takes forever for it.
struct Stuck;

impl Face for Stuck {
    fn show(&mut self, _: Duration, _: &Mutex<Tally>) -> Duration {
        std::thread::sleep(seconds(60));
        seconds(60)
    }

    fn end(&mut self, _: Duration, _: &Mutex<Tally>) {}
}

#[test]
fn a_terminal_that_takes_nothing_keeps_nobody_from_ending() {
    let begun = Instant::now();
    let mut live = Live::begin(begun, Stuck).unwrap();
    live.take(&[event(submitted(1, "simulate", LOCAL))]);
    live.finish(RunOutcome::Closed);
    assert!(begun.elapsed() < seconds(30));
}

/// Shows every change at once.
struct Eager(Paper);

impl Face for Eager {
    fn show(&mut self, _: Duration, _: &Mutex<Tally>) -> Duration {
        Duration::from_millis(1)
    }

    fn end(&mut self, _: Duration, tally: &Mutex<Tally>) {
        let line = super::super::text::last(&tally.lock(), seconds(3));
        io::Write::write_all(&mut self.0, line.as_bytes()).unwrap();
    }
}

#[test]
fn the_end_of_a_run_waits_for_its_last_line() {
    let paper = Paper::default();
    let mut live = Live::begin(Instant::now(), Eager(paper.clone())).unwrap();
    live.take(&[event(submitted(1, "simulate", LOCAL))]);
    live.finish(RunOutcome::Cancelled);
    assert_eq!(paper.text(), "chiltepin: 1 task: 1 not ended, in 3 s");
}
