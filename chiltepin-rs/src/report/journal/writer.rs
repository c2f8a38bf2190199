use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use chiltepin_executors::BlocksStatus;
use parking_lot::Mutex;

use super::super::blocks::Blocks;
use super::super::event::{Event, RunOutcome, RunStarted, Text, What};
use super::FILE;
use super::file::JournalFile;
use super::scribe::Scribe;
use crate::driver::Recorder;

/// How long events gather before they are written.
const GATHER: Duration = Duration::from_millis(100);

/// So many events are taken off the queue at once, though they have not gathered long: few enough
/// that they are in the processor's cache still.
const BATCH: usize = 4096;

/// Encoded events become a frame at this length at the latest.
const FRAME: usize = 256 << 10;

/// The disk is made to take what was written this often at most.
const SYNC: Duration = Duration::from_secs(1);

/// How often blocks are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// More events are not kept for a disk that does not take them; about 50 MB.
const MOST_QUEUED: usize = 1 << 20;

/// How long the last events of tasks that have ended are waited for: threads are still about to
/// tell them when the last one has told its own.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// Asks the executors how their blocks stand.
pub(super) type BlocksSource = Box<dyn Fn() -> Vec<BlocksStatus> + Send>;

/// The journal of a run that goes on.
pub(crate) struct Journal {
    began: Instant,
    queue: Arc<Mutex<Queue>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    writer: Thread,
}

#[derive(Default)]
struct Queue {
    events: Vec<Event<Text>>,
    /// How many events were not taken.
    missed: u64,
    /// The writer sleeps until it is woken.
    is_idle: bool,
    /// Nothing more is written.
    is_closed: bool,
    closing: Option<RunOutcome>,
    /// Asked how blocks stand; set once there is somebody to ask.
    blocks: Option<BlocksSource>,
}

impl Journal {
    /// Begins the journal of the run in this folder, which is made.
    ///
    /// # Errors
    /// The folder or the file cannot be made, or the system refuses a thread.
    pub(crate) fn begin(folder: &Path, started: RunStarted) -> io::Result<Arc<Self>> {
        Self::with_file(JournalFile::create(&folder.join(FILE))?, started)
    }

    pub(super) fn with_file(file: JournalFile, started: RunStarted) -> io::Result<Arc<Self>> {
        let queue = Arc::new(Mutex::new(Queue::default()));
        let what = What::RunStarted(Box::new(started));
        queue.lock().events.push(Event { at: 0, what });
        let began = Instant::now();
        let writer = Writer {
            queue: Arc::clone(&queue),
            file,
            scribe: Scribe::default(),
            began,
            open: 0,
            gone: Vec::with_capacity(BATCH),
            synced: began,
            looked: began,
            blocks: Blocks::default(),
        };
        let thread = thread::Builder::new()
            .name("chiltepin-journal".to_owned())
            .spawn(move || writer.run())?;
        Ok(Arc::new(Self {
            began,
            queue,
            writer: thread.thread().clone(),
            thread: Mutex::new(Some(thread)),
        }))
    }

    /// Has the blocks looked at from now on.
    pub(crate) fn watch_blocks(&self, source: BlocksSource) {
        self.queue.lock().blocks = Some(source);
        self.writer.unpark();
    }
}

impl Recorder for Journal {
    fn record(&self, at: Instant, what: What<Text>) {
        let at = micros(at.saturating_duration_since(self.began));
        let mut queue = self.queue.lock();
        if queue.is_closed {
            return;
        }
        if queue.events.len() >= MOST_QUEUED {
            queue.missed += 1;
            return;
        }
        queue.events.push(Event { at, what });
        let wake = std::mem::take(&mut queue.is_idle) || queue.events.len() == BATCH;
        drop(queue);
        if wake {
            self.writer.unpark();
        }
    }

    fn micros(&self, time: Instant) -> u64 {
        micros(time.saturating_duration_since(self.began))
    }

    fn close(&self, outcome: RunOutcome) {
        self.queue.lock().closing.get_or_insert(outcome);
        self.writer.unpark();
        if thread::current().id() == self.writer.id() {
            // The last who knew the workflow was the writer itself, looking at its blocks.
            return;
        }
        if let Some(thread) = self.thread.lock().take() {
            // The thread says itself what went wrong.
            let _ = thread.join();
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.close(RunOutcome::Cancelled);
    }
}

/// Whole microseconds.
fn micros(time: Duration) -> u64 {
    time.as_secs() * 1_000_000 + u64::from(time.subsec_micros())
}

struct Writer {
    queue: Arc<Mutex<Queue>>,
    file: JournalFile,
    scribe: Scribe,
    began: Instant,
    /// How many tasks were submitted and have not ended.
    open: i64,
    /// The events that were taken off the queue; kept for its memory.
    gone: Vec<Event<Text>>,
    synced: Instant,
    looked: Instant,
    blocks: Blocks,
}

impl Writer {
    fn run(mut self) {
        if let Err(error) = self.write_all() {
            tracing::warn!(%error, "cannot write `{FILE}`; the run goes on without it");
        }
        let mut queue = self.queue.lock();
        queue.is_closed = true;
        queue.events = Vec::new();
    }

    fn write_all(&mut self) -> io::Result<()> {
        let mut written = Instant::now();
        loop {
            let (closing, watches) = self.take()?;
            let now = Instant::now();
            if watches && (now - self.looked >= LOOK || closing.is_some()) {
                self.look(now);
            }
            if let Some(outcome) = closing {
                return self.finish(outcome);
            }
            if now - written >= GATHER || self.scribe.len() >= FRAME {
                self.write()?;
                written = now;
            }
            if now - self.synced >= SYNC {
                self.file.sync()?;
                self.synced = now;
            }
            self.rest(watches);
        }
    }

    /// Sleeps until there is something to do.
    fn rest(&self, watches: bool) {
        let mut queue = self.queue.lock();
        let is_quiet = queue.events.is_empty() && self.scribe.len() == 0;
        queue.is_idle = is_quiet;
        let is_closing = queue.closing.is_some();
        drop(queue);
        // Woken in between, it does not sleep.
        match (is_closing, is_quiet, watches) {
            (true, ..) => {}
            (false, false, _) => thread::park_timeout(GATHER),
            (false, true, true) => thread::park_timeout(LOOK),
            (false, true, false) if self.file.is_synced() => thread::park(),
            (false, true, false) => thread::park_timeout(SYNC),
        }
    }

    /// Encodes what is in the queue.
    fn take(&mut self) -> io::Result<(Option<RunOutcome>, bool)> {
        let mut queue = self.queue.lock();
        std::mem::swap(&mut queue.events, &mut self.gone);
        let missed = std::mem::take(&mut queue.missed);
        let closing = queue.closing;
        let watches = queue.blocks.is_some();
        drop(queue);
        let mut gone = std::mem::take(&mut self.gone);
        let last = gone.last().map_or(0, |event| event.at);
        for event in gone.drain(..) {
            match event.what {
                What::Submitted { .. } => self.open += 1,
                What::Ended { .. } => self.open -= 1,
                _ => {}
            }
            self.scribe.add(event);
            if self.scribe.len() >= FRAME {
                self.write()?;
            }
        }
        if missed > 0 {
            let what = What::Missed { events: missed };
            self.scribe.add(Event { at: last, what });
        }
        // A burst's memory is not kept for good.
        gone.shrink_to(BATCH * 4);
        self.gone = gone;
        Ok((closing, watches))
    }

    /// Writes what was encoded.
    fn write(&mut self) -> io::Result<()> {
        match self.scribe.take() {
            Some(payload) => self.file.append(&payload),
            None => Ok(()),
        }
    }

    fn look(&mut self, now: Instant) {
        self.looked = now;
        let at = micros(now - self.began);
        // The executors have locks of their own, so they are not asked under that of the queue.
        let source = self.queue.lock().blocks.take();
        let Some(source) = source else { return };
        for what in self.blocks.changes(&source()) {
            self.scribe.add(Event { at, what });
        }
        self.queue.lock().blocks = Some(source);
    }

    fn finish(&mut self, outcome: RunOutcome) -> io::Result<()> {
        let begun = Instant::now();
        while self.open > 0 && begun.elapsed() < LAST_WAIT {
            thread::sleep(Duration::from_millis(1));
            self.take()?;
        }
        let at = micros(self.began.elapsed());
        let what = What::RunEnded { outcome };
        self.scribe.add(Event { at, what });
        self.write()?;
        self.file.sync()
    }
}
