use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::super::event::{Event, RunOutcome, Text};
use super::super::stream::{Busy, View};
use super::face::{Face, Lines, Rows};
use super::tally::Tally;

/// How long the end of a run waits for its last line: a terminal that was stopped, or a pipe that
/// nobody reads, keeps no program from ending.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// Shows a run on stderr while it goes on.
pub(crate) struct Live {
    tally: Arc<Mutex<Tally>>,
    /// The painter ends with it.
    end: Option<Sender<()>>,
    /// The painter holds the other end as long as it lives.
    ended: Receiver<()>,
}

impl Live {
    /// As rows on the terminal that stderr is, while it is busy, of a run that began at that time.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub(crate) fn on_terminal(began: Instant, busy: Arc<Busy>) -> io::Result<Self> {
        Self::begin(began, Rows::new(busy))
    }

    /// As a line on stderr now and then.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub(crate) fn in_lines(began: Instant) -> io::Result<Self> {
        Self::begin(began, Lines::new(io::stderr()))
    }

    pub(super) fn begin(began: Instant, face: impl Face + 'static) -> io::Result<Self> {
        let tally = Arc::new(Mutex::new(Tally::default()));
        let (end, told_to_end) = channel();
        let (lives, ended) = channel();
        let shown = Arc::clone(&tally);
        thread::Builder::new()
            .name("chiltepin-live".to_owned())
            .spawn(move || {
                paint(began, face, &shown, &told_to_end);
                drop(lives);
            })?;
        Ok(Self {
            tally,
            end: Some(end),
            ended,
        })
    }
}

impl View for Live {
    fn take(&mut self, events: &[Event<Text>]) {
        let mut tally = self.tally.lock();
        for event in events {
            tally.take(event);
        }
    }

    fn turn(&mut self, _: Instant) -> Option<Duration> {
        None
    }

    fn finish(&mut self, _: RunOutcome) {
        self.end = None;
        // Nothing is ever sent: this waits for the painter to end.
        let _ = self.ended.recv_timeout(LAST_WAIT);
    }
}

/// Paints until it is told to end.
fn paint(began: Instant, mut face: impl Face, tally: &Mutex<Tally>, told_to_end: &Receiver<()>) {
    loop {
        let pause = face.show(began.elapsed(), tally);
        if told_to_end.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            break;
        }
    }
    face.end(began.elapsed(), tally);
}
