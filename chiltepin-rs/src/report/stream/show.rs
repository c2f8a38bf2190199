use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::super::blocks::Blocks;
use super::super::event::{Event, RunOutcome, Text, What};
use super::View;
use super::queue::{Queue, micros};

/// How long events gather before they are shown.
const GATHER: Duration = Duration::from_millis(100);

/// So many events are taken off the queue at once, though they have not gathered long: few enough
/// that they are in the processor's cache still.
pub(super) const BATCH: usize = 4096;

/// How often blocks are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How long the last events of tasks that have ended are waited for: threads are still about to
/// tell them when the last one has told its own.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// What the stream's thread works with.
pub(super) struct Show {
    began: Instant,
    queue: Arc<Mutex<Queue>>,
    views: Vec<Box<dyn View>>,
    /// The events that were taken off the queue; kept for its memory.
    events: Vec<Event<Text>>,
    looked: Instant,
    blocks: Blocks,
}

/// What was found in the queue.
struct Taken {
    has_events: bool,
    watches_blocks: bool,
    closing: Option<RunOutcome>,
}

impl Show {
    pub(super) fn new(began: Instant, queue: Arc<Mutex<Queue>>, views: Vec<Box<dyn View>>) -> Self {
        Self {
            began,
            queue,
            views,
            events: Vec::with_capacity(BATCH),
            looked: began,
            blocks: Blocks::default(),
        }
    }

    pub(super) fn run(mut self) {
        loop {
            let taken = self.take();
            let now = Instant::now();
            if taken.watches_blocks && (now - self.looked >= LOOK || taken.closing.is_some()) {
                self.look(now);
            }
            if let Some(outcome) = taken.closing {
                self.finish(outcome);
                break;
            }
            let due = self.turn(now);
            self.rest(&taken, due);
        }
        let mut queue = self.queue.lock();
        queue.is_closed = true;
        queue.events = Vec::new();
    }

    /// Shows what is in the queue.
    fn take(&mut self) -> Taken {
        let mut queue = self.queue.lock();
        std::mem::swap(&mut queue.events, &mut self.events);
        let missed = std::mem::take(&mut queue.missed);
        let taken = Taken {
            has_events: !self.events.is_empty(),
            watches_blocks: queue.blocks.is_some(),
            closing: queue.closing,
        };
        drop(queue);
        if missed > 0 {
            let at = self.events.last().map_or(0, |event| event.at);
            let what = What::Missed { events: missed };
            self.events.push(Event { at, what });
        }
        show(&mut self.views, &self.events);
        self.events.clear();
        // A burst's memory is not kept for good.
        self.events.shrink_to(BATCH * 4);
        taken
    }

    fn look(&mut self, now: Instant) {
        self.looked = now;
        let at = micros(now - self.began);
        // The executors have locks of their own, so they are not asked under that of the queue.
        let source = self.queue.lock().blocks.take();
        let Some(source) = source else { return };
        let changes = self.blocks.changes(&source()).into_iter();
        let events: Vec<_> = changes.map(|what| Event { at, what }).collect();
        show(&mut self.views, &events);
        self.queue.lock().blocks = Some(source);
    }

    /// Gives each view its turn, and says when the first of them wants its next.
    fn turn(&mut self, now: Instant) -> Option<Duration> {
        let views = self.views.iter_mut();
        // Each has its turn, whatever the others want.
        let due: Vec<_> = views.map(|view| view.turn(now)).collect();
        due.into_iter().flatten().min()
    }

    /// Sleeps until there is something to do.
    fn rest(&self, taken: &Taken, due: Option<Duration>) {
        let mut queue = self.queue.lock();
        // After something happened more will soon: it gathers before anybody is woken for it.
        queue.is_idle = !taken.has_events && queue.events.is_empty();
        let is_idle = queue.is_idle;
        let is_closing = queue.closing.is_some();
        drop(queue);
        if is_closing {
            return;
        }
        let look = taken.watches_blocks.then_some(LOOK);
        let gather = (!is_idle).then_some(GATHER);
        // Woken in between, it does not sleep.
        match [due, look, gather].into_iter().flatten().min() {
            Some(time) => thread::park_timeout(time),
            None => thread::park(),
        }
    }

    fn finish(&mut self, outcome: RunOutcome) {
        let begun = Instant::now();
        while self.queue.lock().open > 0 && begun.elapsed() < LAST_WAIT {
            thread::sleep(Duration::from_millis(1));
            self.take();
        }
        self.take();
        let at = micros(self.began.elapsed());
        let what = What::RunEnded { outcome };
        show(&mut self.views, &[Event { at, what }]);
        for view in &mut self.views {
            view.finish(outcome);
        }
    }
}

fn show(views: &mut [Box<dyn View>], events: &[Event<Text>]) {
    if !events.is_empty() {
        for view in views {
            view.take(events);
        }
    }
}
