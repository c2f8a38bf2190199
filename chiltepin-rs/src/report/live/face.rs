use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::super::stream::Busy;
use super::counts::Counts;
use super::tally::Tally;
use super::{rows, screen, text};

/// How a run is shown. It is told the time since the run began.
pub(super) trait Face: Send {
    /// Shows how the run stands, and says when to come back.
    fn show(&mut self, now: Duration, tally: &Mutex<Tally>) -> Duration;

    /// Says how it ended, if anything was shown.
    fn end(&mut self, now: Duration, tally: &Mutex<Tally>);
}

/// Rows on a terminal, from the first second on.
pub(super) struct Rows {
    busy: Arc<Busy>,
    has_shown: bool,
}

impl Rows {
    pub(super) fn new(busy: Arc<Busy>) -> Self {
        Self {
            busy,
            has_shown: false,
        }
    }
}

/// A run that ends before shows nothing.
const QUIET: Duration = Duration::from_secs(1);

/// Rows are drawn this often at most.
const REFRESH: Duration = Duration::from_millis(100);

impl Face for Rows {
    fn show(&mut self, now: Duration, tally: &Mutex<Tally>) -> Duration {
        if now < QUIET {
            return QUIET - now;
        }
        let size = screen::size();
        let mut tally = tally.lock();
        tally.sample(now);
        let lines = match tally.has_open() {
            true => rows::rows(&tally, now, size),
            false => Vec::new(),
        };
        drop(tally);
        self.has_shown |= screen::draw(lines, &self.busy);
        REFRESH
    }

    fn end(&mut self, now: Duration, tally: &Mutex<Tally>) {
        screen::draw(Vec::new(), &self.busy);
        if self.has_shown {
            let line = text::last(&tally.lock(), now);
            screen::say(&line);
        }
    }
}

/// A line now and then.
pub(super) struct Lines<W> {
    out: W,
    /// When the next is due.
    next: Duration,
    /// What the last one told.
    told: Option<Counts>,
}

/// Lines are this far apart at least.
const APART: Duration = Duration::from_secs(10);

/// They get rarer as a run gets longer, down to one in this time.
const RAREST: Duration = Duration::from_secs(300);

impl<W: Write + Send> Lines<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            next: APART,
            told: None,
        }
    }

    fn say(&mut self, line: &str) {
        // As one piece; where nobody reads it, nobody misses it.
        let _ = self.out.write_all(format!("{line}\n").as_bytes());
        let _ = self.out.flush();
    }
}

impl<W: Write + Send> Face for Lines<W> {
    fn show(&mut self, now: Duration, tally: &Mutex<Tally>) -> Duration {
        if now < self.next {
            return self.next - now;
        }
        self.next = now + (now / 20).clamp(APART, RAREST);
        let tally = tally.lock();
        let total = tally.total();
        let line = text::line(&tally, now);
        let is_news = tally.has_open() && self.told != Some(total);
        drop(tally);
        if is_news {
            self.told = Some(total);
            self.say(&line);
        }
        self.next - now
    }

    fn end(&mut self, now: Duration, tally: &Mutex<Tally>) {
        if self.told.is_some() {
            let line = text::last(&tally.lock(), now);
            self.say(&line);
        }
    }
}
