use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use crate::{Attempt, Failure, FailureKind, Invocation, Outcome, Work};

/// Threads that run synchronous bodies, started as they are needed.
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
    /// Threads that wait for work and have not been woken for any.
    idle: usize,
    /// Threads that exist.
    threads: usize,
    closed: bool,
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
        if state.idle > 0 {
            state.idle -= 1;
            drop(state);
            self.shared.available.notify_one();
        } else if state.threads < self.shared.most {
            state.threads += 1;
            drop(state);
            self.start_thread();
        }
        // Else a thread that is about to become idle looks into the queue first.
    }

    fn start_thread(&self) {
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new().name(self.shared.name.clone());
        if let Err(error) = thread.spawn(move || shared.run_all()) {
            let mut state = self.shared.state.lock();
            state.threads -= 1;
            if state.threads == 0 {
                let stranded = std::mem::take(&mut state.queue);
                drop(state);
                refuse(stranded, error);
            }
        }
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
    fn run_all(&self) {
        loop {
            self.drain();
            let mut state = self.state.lock();
            if state.closed {
                return;
            }
            if state.queue.is_empty() {
                state.idle += 1;
                // Whoever notifies has taken this thread off the idle ones.
                self.available.wait(&mut state);
            }
        }
    }

    fn run_one(&self, Invocation { attempt, work }: Invocation) -> Option<Invocation> {
        let outcome = self.run.run(&attempt, &work);
        work.finish(&attempt, outcome)
    }

    /// Runs what is queued, and what each finished body hands on.
    fn drain(&self) {
        loop {
            let next = self.state.lock().queue.pop_front();
            let Some(mut invocation) = next else { return };
            while let Some(next) = self.run_one(invocation) {
                invocation = next;
            }
        }
    }
}

/// Ends bodies for which there is no thread at all, so that nobody waits for them.
fn refuse(mut stranded: VecDeque<Invocation>, error: std::io::Error) {
    let error = Arc::new(error);
    while let Some(Invocation { attempt, work }) = stranded.pop_front() {
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
