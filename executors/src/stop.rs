use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

/// Asks the running attempt of a task to stop.
///
/// The request names the attempt, so one that overtakes its start, or comes late, does no harm.
///
/// ```
/// let signal = chiltepin_executors::StopSignal::new();
/// signal.request(1);
/// assert!(signal.is_requested(1));
/// assert!(!signal.is_requested(2));
/// ```
#[derive(Default)]
pub struct StopSignal {
    /// The latest attempt asked to stop; attempts count from 1.
    attempt: AtomicU32,
    /// The latest attempt asked to stop at once.
    urgent: AtomicU32,
    /// Who waits for the request: an async body's runner, a command's keeper.
    waiting: Mutex<Option<Waker>>,
}

impl StopSignal {
    /// Makes a signal that asks nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            attempt: AtomicU32::new(0),
            urgent: AtomicU32::new(0),
            waiting: Mutex::new(None),
        }
    }

    /// Asks `attempt`, and any before it, to stop.
    pub fn request(&self, attempt: u32) {
        self.attempt.fetch_max(attempt, Ordering::SeqCst);
        self.wake();
    }

    /// Asks `attempt`, and any before it, to stop at once, without the time to end by itself.
    pub fn hurry(&self, attempt: u32) {
        self.urgent.fetch_max(attempt, Ordering::SeqCst);
        self.request(attempt);
    }

    fn wake(&self) {
        let waiting = self.waiting.lock().take();
        if let Some(waker) = waiting {
            waker.wake();
        }
    }

    /// Whether `attempt` was asked to stop.
    #[must_use]
    pub fn is_requested(&self, attempt: u32) -> bool {
        self.attempt.load(Ordering::SeqCst) >= attempt
    }

    /// Whether `attempt` was asked to stop at once.
    #[must_use]
    pub fn is_urgent(&self, attempt: u32) -> bool {
        self.urgent.load(Ordering::SeqCst) >= attempt
    }

    /// Polls for the request; one task at a time may wait.
    pub fn poll_requested(&self, attempt: u32, context: &mut Context<'_>) -> Poll<()> {
        self.poll_for(context, |signal| signal.is_requested(attempt))
    }

    /// Polls for the request to stop at once, as [`poll_requested`](Self::poll_requested) does for
    /// that to stop.
    pub fn poll_urgent(&self, attempt: u32, context: &mut Context<'_>) -> Poll<()> {
        self.poll_for(context, |signal| signal.is_urgent(attempt))
    }

    fn poll_for(&self, context: &mut Context<'_>, asked: impl Fn(&Self) -> bool) -> Poll<()> {
        if asked(self) {
            return Poll::Ready(());
        }
        let registered = self
            .waiting
            .lock()
            .as_ref()
            .is_some_and(|waker| waker.will_wake(context.waker()));
        if !registered {
            // Wakers are foreign code: cloned and dropped outside the lock.
            let waker = context.waker().clone();
            let before = self.waiting.lock().replace(waker);
            drop(before);
        }
        if asked(self) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Waits for the request.
    pub async fn requested(&self, attempt: u32) {
        poll_fn(|context| self.poll_requested(attempt, context)).await;
    }
}

impl fmt::Debug for StopSignal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("StopSignal")
            .field(&self.attempt)
            .finish()
    }
}
