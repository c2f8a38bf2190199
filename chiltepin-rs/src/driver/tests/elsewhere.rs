//! An executor that does nothing by itself: the test does, and looks at what it was given.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chiltepin_executors::{
    Asked, AttemptId, BlocksStatus, Capacity, Executor, Invocation, Outcome, Rooms, Wanted, Work,
};
use parking_lot::Mutex;

#[derive(Default)]
pub(super) struct Elsewhere {
    pub(super) rooms: OnceLock<Arc<dyn Rooms>>,
    pub(super) started: Mutex<Vec<Invocation>>,
    /// What it heard of waiting work.
    pub(super) heard: Mutex<Vec<Wanted>>,
    /// What it offers for each call that it hears of, from within.
    pub(super) answers: Option<Capacity>,
    pub(super) has_ends: bool,
    /// The most nodes and seconds it admits.
    pub(super) admits: Option<(u32, u64)>,
    pub(super) blocks: Option<BlocksStatus>,
}

impl std::fmt::Debug for Elsewhere {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Elsewhere")
    }
}

impl Elsewhere {
    pub(super) fn rooms(&self) -> &dyn Rooms {
        &**self.rooms.get().unwrap()
    }

    /// Waits for the next invocation.
    pub(super) fn next(&self) -> Invocation {
        let mut next = None;
        super::until(|| {
            let mut started = self.started.lock();
            if !started.is_empty() {
                next = Some(started.remove(0));
            }
            next.is_some()
        });
        next.unwrap()
    }

    pub(super) fn has_started(&self) -> bool {
        !self.started.lock().is_empty()
    }

    pub(super) fn last_heard(&self) -> Wanted {
        self.heard.lock().last().copied().unwrap_or_default()
    }
}

#[async_trait]
impl Executor for Elsewhere {
    fn offer(&self) -> Option<Capacity> {
        None
    }

    fn attach(&self, rooms: Arc<dyn Rooms>) {
        assert!(self.rooms.set(rooms).is_ok(), "it is told once");
    }

    fn has_ends(&self) -> bool {
        self.has_ends
    }

    fn hears_wanted(&self) -> bool {
        true
    }

    fn wanted(&self, wanted: Wanted) {
        self.heard.lock().push(wanted);
        if let Some(capacity) = self.answers {
            self.rooms().offered(1, capacity);
        }
    }

    fn admit(&self, asked: &Asked) -> Result<(), String> {
        let Some((nodes, seconds)) = self.admits else {
            return Ok(());
        };
        if let Some(geometry) = asked.geometry
            && geometry.num_nodes.get() > nodes
        {
            let asks = geometry.num_nodes;
            return Err(format!("asks for {asks} nodes, and a block has {nodes}"));
        }
        if asked
            .timeout
            .is_some_and(|timeout| timeout > Duration::from_secs(seconds))
        {
            return Err(format!("may take longer than a block, {seconds} s"));
        }
        Ok(())
    }

    fn start(&self, invocation: Invocation) {
        self.started.lock().push(invocation);
    }

    fn stop(&self, attempt: AttemptId, work: &Arc<dyn Work>) {
        let mut started = self.started.lock();
        let place = started.iter().position(|it| it.attempt.id == attempt);
        let stopped = place.map(|place| started.remove(place));
        drop(started);
        match stopped {
            Some(invocation) => super::finish(invocation, Outcome::Stopped),
            None => work.stop_signal().request(attempt.attempt),
        }
    }

    fn status(&self) -> Option<BlocksStatus> {
        self.blocks.clone()
    }

    fn hurry(&self) {}

    async fn shutdown(&self, _grace: Duration) {}
}

/// So many seconds from now.
pub(super) fn after(seconds: u64) -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(seconds))
}
