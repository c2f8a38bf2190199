use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::lock::Payload;
use super::plan::Plan;
use super::{Driver, Scope};

/// How many calls are handed to the kernel at one taking of its lock: enough to make its cost
/// small, few enough that executors are not kept waiting for it.
pub(super) const BATCH: usize = 64;

/// How often a starter finds nothing before it leaves. Sending a new one costs the submitting
/// thread more than it costs the runtime to look a few times.
const LINGER: usize = 4;

/// A call on its way to the kernel.
pub(super) struct NewCall {
    pub(super) task: Payload,
    pub(super) number: u64,
    pub(super) has_dependencies: bool,
    pub(super) plan: Plan,
    /// The join that submits it, if one does.
    pub(super) scope: Option<Arc<Scope>>,
}

/// The calls that were submitted while the kernel was busy.
///
/// A thread that submits many calls would otherwise fight for the kernel's lock with the executors
/// that finish them, and its data would travel between the processors' caches with every call.
/// Instead it leaves the calls here, and a starter, a short-lived task of the runtime, hands them
/// over in batches.
#[derive(Default)]
pub(super) struct Inbox {
    state: Mutex<State>,
    /// Calls may be here, and a starter is on its way to them.
    in_use: AtomicBool,
    /// A call with a priority of its own was submitted, so that those here may come before those
    /// that the kernel has.
    is_prioritised: AtomicBool,
}

#[derive(Default)]
struct State {
    calls: VecDeque<NewCall>,
    /// The runtime is about to end: no starter would come.
    closed: bool,
}

impl Inbox {
    /// Whether a call must queue here, lest it overtakes those before it.
    pub(super) fn is_in_use(&self) -> bool {
        self.in_use.load(Ordering::SeqCst)
    }

    /// Is told of a call that does not take its turn.
    pub(super) fn prioritise(&self) {
        self.is_prioritised.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_prioritised(&self) -> bool {
        self.is_prioritised.load(Ordering::SeqCst)
    }

    /// Leaves calls and says who is to see to them.
    fn push(&self, calls: impl IntoIterator<Item = NewCall>) -> Courier {
        let mut state = self.state.lock();
        state.calls.extend(calls);
        let is_closed = state.closed;
        drop(state);
        // The swap alone would do; it is spared where a starter is known to come.
        let was_in_use = self.is_in_use() || self.in_use.swap(true, Ordering::SeqCst);
        match (is_closed, was_in_use) {
            (true, _) => Courier::Caller,
            (false, false) => Courier::NewStarter,
            (false, true) => Courier::Starter,
        }
    }

    /// From now on whoever leaves calls hands them over too.
    fn close(&self) {
        self.state.lock().closed = true;
    }

    /// Takes the next calls, at most `most`, in order. The kernel's lock is held, so that whoever
    /// gets it next finds them there.
    pub(super) fn take(&self, most: usize, taken: &mut Vec<NewCall>) {
        let calls = &mut self.state.lock().calls;
        let count = most.min(calls.len());
        taken.extend(calls.drain(..count));
    }

    /// Ends a starter's errand; false if calls came meanwhile that nobody else will see to.
    fn leave(&self) -> bool {
        self.in_use.store(false, Ordering::SeqCst);
        self.state.lock().calls.is_empty() || self.in_use.swap(true, Ordering::SeqCst)
    }
}

/// Who hands over what was left.
enum Courier {
    /// A starter that is on its way.
    Starter,
    /// A starter that is to be sent.
    NewStarter,
    /// Whoever left it.
    Caller,
}

impl Driver {
    /// From now on there is no starter, and whoever submits hands over too.
    pub(super) fn close_inbox(self: &Arc<Self>) {
        self.inbox.close();
        while self.admit_waiting() {}
    }

    /// Leaves calls for a starter.
    pub(super) fn leave_in_inbox(self: &Arc<Self>, calls: impl IntoIterator<Item = NewCall>) {
        match self.inbox.push(calls) {
            Courier::Starter => {}
            Courier::NewStarter => {
                let driver = Arc::clone(self);
                self.handle
                    .spawn(async move { driver.start_waiting().await });
            }
            Courier::Caller => while self.admit_waiting() {},
        }
    }

    /// Hands over what waits, a batch at a time.
    async fn start_waiting(self: Arc<Self>) {
        let mut idle = 0;
        loop {
            if self.admit_waiting() {
                idle = 0;
            } else if idle < LINGER {
                idle += 1;
            } else if self.inbox.leave() {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}
