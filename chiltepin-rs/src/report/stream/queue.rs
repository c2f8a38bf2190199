use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use chiltepin_executors::BlocksStatus;
use parking_lot::Mutex;

use super::super::event::{Event, RunOutcome, RunStarted, Text, What};
use super::super::live::make_way_for_results;
use super::show::{BATCH, Show};
use super::{Busy, View};
use crate::driver::Recorder;

/// More events are not kept for views that do not take them; about 50 MB.
const MOST_QUEUED: usize = 1 << 20;

/// Asks the executors how their blocks stand.
pub(super) type BlocksSource = Box<dyn Fn() -> Vec<BlocksStatus> + Send>;

/// Where what happens in a run is told.
pub(crate) struct Stream {
    began: Instant,
    queue: Arc<Mutex<Queue>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    shower: Thread,
    busy: Arc<Busy>,
}

#[derive(Default)]
pub(super) struct Queue {
    pub(super) events: Vec<Event<Text>>,
    /// How many events were not taken.
    pub(super) missed: u64,
    /// How many tasks were submitted and have not ended.
    pub(super) open: i64,
    /// The stream's thread sleeps until it is woken.
    pub(super) is_idle: bool,
    /// Nobody looks any more.
    pub(super) is_closed: bool,
    pub(super) closing: Option<RunOutcome>,
    /// Asked how blocks stand; set once there is somebody to ask.
    pub(super) blocks: Option<BlocksSource>,
}

impl Stream {
    /// Begins to show a run, which began at that time, to these views, and to note whether it is
    /// busy.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub(crate) fn begin(
        began: Instant,
        started: RunStarted,
        views: Vec<Box<dyn View>>,
        busy: Arc<Busy>,
    ) -> io::Result<Arc<Self>> {
        let what = What::RunStarted(Box::new(started));
        let queue = Arc::new(Mutex::new(Queue {
            events: vec![Event { at: 0, what }],
            ..Queue::default()
        }));
        let show = Show::new(began, Arc::clone(&queue), views);
        let thread = thread::Builder::new()
            .name("chiltepin-report".to_owned())
            .spawn(move || show.run())?;
        Ok(Arc::new(Self {
            began,
            queue,
            shower: thread.thread().clone(),
            thread: Mutex::new(Some(thread)),
            busy,
        }))
    }

    /// Has the blocks looked at from now on.
    pub(crate) fn watch_blocks(&self, source: BlocksSource) {
        self.queue.lock().blocks = Some(source);
        self.shower.unpark();
    }
}

impl Recorder for Stream {
    fn record(&self, at: Instant, what: What<Text>) {
        let at = self.micros(at);
        let mut queue = self.queue.lock();
        if queue.is_closed {
            return;
        }
        let mut is_last = false;
        match &what {
            What::Submitted { .. } => {
                queue.open += 1;
                if queue.open == 1 {
                    self.busy.set(true);
                }
            }
            What::Ended { .. } => {
                queue.open -= 1;
                is_last = queue.open == 0;
                if is_last {
                    self.busy.set(false);
                }
            }
            _ => {}
        }
        if queue.events.len() >= MOST_QUEUED {
            queue.missed += 1;
            return;
        }
        queue.events.push(Event { at, what });
        let wake = std::mem::take(&mut queue.is_idle) || queue.events.len() == BATCH;
        drop(queue);
        if wake {
            self.shower.unpark();
        }
        if is_last {
            make_way_for_results();
        }
    }

    fn micros(&self, time: Instant) -> u64 {
        micros(time.saturating_duration_since(self.began))
    }

    fn close(&self, outcome: RunOutcome) {
        self.queue.lock().closing.get_or_insert(outcome);
        self.shower.unpark();
        if thread::current().id() == self.shower.id() {
            // The last who knew the workflow was the thread itself, looking at its blocks.
            return;
        }
        if let Some(thread) = self.thread.lock().take() {
            // A view says itself what went wrong.
            let _ = thread.join();
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.close(RunOutcome::Cancelled);
    }
}

/// Whole microseconds.
pub(super) fn micros(time: Duration) -> u64 {
    time.as_secs() * 1_000_000 + u64::from(time.subsec_micros())
}
