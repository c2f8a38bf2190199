use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::panic::catch;
use crate::{Attempt, AttemptId, Capacity, Executor, Invocation, Outcome, Work};

thread_local! {
    /// The runners whose turn this thread polls.
    static TURNING: RefCell<Option<Runners>> = const { RefCell::new(None) };
}

/// Runs `wait`, which blocks this thread until something else has happened.
///
/// A body that a runner polls takes that runner out of its place meanwhile: what the body waits for
/// may be queued behind it.
pub fn while_blocked<R>(wait: impl FnOnce() -> R) -> R {
    let runners = TURNING.with(RefCell::take);
    let Some(runners) = runners else {
        return wait();
    };
    let _absence = Absence::of(runners);
    wait()
}

/// A runner that has left its place, until it comes back.
struct Absence(Option<Runners>);

impl Absence {
    fn of(runners: Runners) -> Self {
        runners.leave();
        Self(Some(runners))
    }
}

impl Drop for Absence {
    fn drop(&mut self) {
        if let Some(runners) = &self.0 {
            // For the rest of this turn there may be one more than are of use.
            runners.shared.running.fetch_add(1, Ordering::SeqCst);
        }
        TURNING.set(self.0.take());
    }
}

/// Bodies a runner polls before it lets other tasks of the runtime have their turn.
const TURN: usize = 64;

/// Runs async bodies on a tokio runtime.
///
/// A body is not a tokio task from its birth: a few runners, at most one for each thread of the
/// runtime, poll new bodies, and only one that has to wait is spawned. A body that never waits
/// costs no spawn, which is most of what a small task costs.
#[derive(Clone)]
pub struct Runners {
    shared: Arc<Shared>,
}

struct Shared {
    handle: Handle,
    queue: Mutex<VecDeque<Invocation>>,
    /// Runners that exist.
    running: AtomicUsize,
    /// The most runners that are of use.
    most: usize,
}

impl Runners {
    /// Makes runners on the runtime of `handle`, which has `threads` threads.
    #[must_use]
    pub fn new(handle: Handle, threads: usize) -> Self {
        let shared = Shared {
            handle,
            queue: Mutex::new(VecDeque::new()),
            running: AtomicUsize::new(0),
            most: threads,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The runtime.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.shared.handle
    }

    /// Queues a body for the next runner.
    pub fn push(&self, invocation: Invocation) {
        self.shared.queue.lock().push_back(invocation);
        self.call_runner();
    }

    /// Makes sure that a queued body is seen: by a new runner unless there are enough.
    fn call_runner(&self) {
        // Sequentially consistent with `run`: either this sees that a runner has left, or that
        // runner sees what was queued.
        let claimed =
            self.shared
                .running
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |running| {
                    (running < self.shared.most).then_some(running + 1)
                });
        if claimed.is_ok() {
            let runners = self.clone();
            self.shared.handle.spawn(async move { runners.run().await });
        }
    }

    async fn run(self) {
        let turn = |context: &mut Context<'_>| {
            let outer = TURNING.replace(Some(self.clone()));
            let more = self.turn(context);
            TURNING.set(outer);
            Poll::Ready(more)
        };
        while poll_fn(turn).await {
            tokio::task::yield_now().await;
        }
        self.leave();
    }

    /// A runner leaves; another one sees to what was queued meanwhile.
    fn leave(&self) {
        self.shared.running.fetch_sub(1, Ordering::SeqCst);
        if !self.shared.queue.lock().is_empty() {
            self.call_runner();
        }
    }

    /// Polls a turn of bodies; false when there are no more.
    fn turn(&self, context: &mut Context<'_>) -> bool {
        let mut next = None;
        for _ in 0..TURN {
            let Some(invocation) = next.take().or_else(|| self.shared.queue.lock().pop_front())
            else {
                return false;
            };
            next = self.begin(invocation, context);
        }
        if let Some(invocation) = next {
            self.shared.queue.lock().push_front(invocation);
        }
        true
    }

    /// Polls a body for the first time; one that has to wait goes on as a task of its own.
    fn begin(&self, invocation: Invocation, context: &mut Context<'_>) -> Option<Invocation> {
        let Invocation { attempt, work, .. } = invocation;
        if work.stop_signal().is_requested(attempt.id.attempt) {
            return work.finish(&attempt, Outcome::Stopped);
        }
        let mut body = Arc::clone(&work).call_async(&attempt);
        match body.as_mut().poll(context) {
            Poll::Ready(outcome) => {
                drop(body);
                work.finish(&attempt, outcome)
            }
            Poll::Pending => {
                let rest = self.clone().rest(attempt, work, body);
                self.shared.handle.spawn(rest);
                None
            }
        }
    }

    /// Sees a waiting body to its end, or drops it when it is asked to stop.
    async fn rest(self, attempt: Attempt, work: Arc<dyn Work>, body: BoxFuture<'static, Outcome>) {
        let mut body = Some(body);
        let outcome = poll_fn(|context| {
            if work
                .stop_signal()
                .poll_requested(attempt.id.attempt, context)
                .is_ready()
            {
                return Poll::Ready(Outcome::Stopped);
            }
            match &mut body {
                Some(body) => body.as_mut().poll(context),
                None => Poll::Ready(Outcome::Stopped),
            }
        })
        .await;
        // The body, and what it holds, is gone before anyone learns that it has ended.
        // Should its drop panic, that is the body's affair.
        let _ = catch(|| drop(body.take()));
        if let Some(next) = work.finish(&attempt, outcome) {
            self.push(next);
        }
    }
}

impl std::fmt::Debug for Runners {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Runners")
            .field("most", &self.shared.most)
            .finish_non_exhaustive()
    }
}

/// As an executor of its own, runners take any number of bodies: joins run here.
#[async_trait]
impl Executor for Runners {
    fn offer(&self) -> Option<Capacity> {
        Some(Capacity::UNBOUNDED)
    }

    fn start(&self, invocation: Invocation) {
        self.push(invocation);
    }

    fn stop(&self, attempt: AttemptId, work: &Arc<dyn Work>) {
        work.stop_signal().request(attempt.attempt);
    }

    fn hurry(&self) {}

    async fn shutdown(&self, _grace: Duration) {}
}
