use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use crate::{Attempt, Failure, FailureKind, Invocation, Outcome, Work};

/// How often an idle thread looks into the queue before it goes to sleep. A few times spare many a
/// sleep when bodies are short; more take time from who submits, where cores are few.
const LOOKS: usize = 5;

/// Threads that each run one body at a time, started as they are needed.
#[derive(Clone)]
pub(super) struct Pool {
    shared: Arc<Shared>,
}

/// How a pool runs what it is given.
pub(super) trait Run: Send + Sync {
    /// Runs one attempt to its end on this thread.
    fn run(&self, attempt: &Attempt, work: &Arc<dyn Work>) -> Outcome;
}

struct Shared {
    run: Arc<dyn Run>,
    name: String,
    /// The most threads.
    most: usize,
    state: Mutex<State>,
    available: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Invocation>,
    /// Threads that sleep.
    idle: usize,
    /// Threads that exist.
    threads: usize,
    /// A thread is on its way to the queue: it was woken or started, or looks before it sleeps.
    /// It calls the next one if it leaves work behind, so nobody else has to.
    searching: bool,
    closed: bool,
}

/// What is to be done so that queued work is seen.
enum Call {
    Nobody,
    Sleeper,
    NewThread,
}

impl State {
    /// Says who is to be called for what is queued.
    fn call(&mut self, most: usize) -> Call {
        if self.searching || self.queue.is_empty() {
            // Who searches finds it; with nothing queued there is nothing to find.
            return Call::Nobody;
        }
        if self.idle > 0 {
            self.idle -= 1;
            self.searching = true;
            Call::Sleeper
        } else if self.threads < most {
            self.threads += 1;
            self.searching = true;
            Call::NewThread
        } else {
            // Every thread is busy, and looks here before it sleeps.
            Call::Nobody
        }
    }
}

impl Pool {
    pub(super) fn new(name: &str, most: usize, run: Arc<dyn Run>) -> Self {
        let shared = Shared {
            run,
            name: name.to_owned(),
            most,
            state: Mutex::new(State::default()),
            available: Condvar::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Hands over a body; how many run at once is bounded by the room the executor offers.
    pub(super) fn start(&self, invocation: Invocation) {
        let mut state = self.shared.state.lock();
        state.queue.push_back(invocation);
        let call = state.call(self.shared.most);
        drop(state);
        self.shared.answer(call);
    }

    /// Lets the idle threads end, and the others when they become idle.
    pub(super) fn close(&self) {
        let mut state = self.shared.state.lock();
        state.closed = true;
        state.idle = 0;
        drop(state);
        self.shared.available.notify_all();
    }
}

impl Shared {
    fn answer(self: &Arc<Self>, call: Call) {
        match call {
            Call::Nobody => {}
            Call::Sleeper => {
                self.available.notify_one();
            }
            Call::NewThread => self.start_thread(),
        }
    }

    fn start_thread(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        let thread = std::thread::Builder::new().name(self.name.clone());
        if let Err(error) = thread.spawn(move || shared.run_all()) {
            let mut state = self.state.lock();
            state.threads -= 1;
            state.searching = false;
            // Threads that exist take the work when they are free.
            if state.threads == 0 {
                let stranded = std::mem::take(&mut state.queue);
                drop(state);
                refuse(stranded, error);
            }
        }
    }

    fn run_all(self: &Arc<Self>) {
        while let Some(invocation) = self.next() {
            let mut next = Some(invocation);
            while let Some(Invocation { attempt, work, .. }) = next.take() {
                let outcome = self.run.run(&attempt, &work);
                next = work.finish(&attempt, outcome);
            }
        }
    }

    /// Waits for work; none when the pool is closed.
    fn next(self: &Arc<Self>) -> Option<Invocation> {
        let mut may_look = true;
        let mut state = self.state.lock();
        loop {
            if let Some(invocation) = state.queue.pop_front() {
                // Whether this thread searched or came from another body: nobody is on the way
                // now, and what is left needs someone.
                state.searching = false;
                let call = state.call(self.most);
                drop(state);
                self.answer(call);
                return Some(invocation);
            }
            if state.closed {
                state.threads -= 1;
                return None;
            }
            if may_look {
                may_look = false;
                if !state.searching {
                    state.searching = true;
                    drop(state);
                    self.look();
                    state = self.state.lock();
                    state.searching = false;
                    continue;
                }
            }
            state.idle += 1;
            // Whoever notifies has taken this thread off the idle ones.
            self.available.wait(&mut state);
            may_look = true;
        }
    }

    /// Watches the queue for a moment.
    fn look(&self) {
        for _ in 0..LOOKS {
            let waits = self
                .state
                .try_lock()
                .is_some_and(|state| !state.queue.is_empty() || state.closed);
            if waits {
                return;
            }
            std::hint::spin_loop();
        }
    }
}

/// Ends bodies for which there is no thread at all, so that nobody waits for them.
fn refuse(mut stranded: VecDeque<Invocation>, error: std::io::Error) {
    let error = Arc::new(error);
    while let Some(Invocation { attempt, work, .. }) = stranded.pop_front() {
        let failure = Failure::new(FailureKind::System {
            action: "start a thread".to_owned(),
            error: Arc::clone(&error),
        });
        stranded.extend(work.finish(&attempt, Outcome::Failed(failure)));
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Pool")
            .field("most", &self.shared.most)
            .finish_non_exhaustive()
    }
}
