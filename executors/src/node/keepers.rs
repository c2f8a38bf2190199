use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::command::Bell;

/// How long a thread waits for the next job before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// Enough for the shell and its census, and little where there are many.
const STACK: usize = 512 << 10;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that each keep one command, or end one worker, at a time; as many as there are jobs.
#[derive(Clone)]
pub(super) struct Keepers {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    available: Condvar,
    /// Jobs that were given and have not ended.
    jobs: AtomicUsize,
    /// Whether somebody waits for the end of all jobs.
    awaited: AtomicBool,
    bell: Arc<Bell>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    /// Threads that wait, less those called.
    idle: usize,
}

impl Keepers {
    /// No threads yet. The bell tells of the end of jobs, once somebody waits for that.
    pub(super) fn new(bell: Arc<Bell>) -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::default(),
                available: Condvar::new(),
                jobs: AtomicUsize::new(0),
                awaited: AtomicBool::new(false),
                bell,
            }),
        }
    }

    /// Runs a job on a thread that is free, or on a new one.
    ///
    /// # Errors
    /// There is none; the job is not run.
    pub(super) fn run(&self, job: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.shared.jobs.fetch_add(1, Ordering::SeqCst);
        let mut state = self.shared.state.lock();
        if state.idle > 0 {
            state.idle -= 1;
            state.queue.push_back(Box::new(job));
            drop(state);
            self.shared.available.notify_one();
            return Ok(());
        }
        drop(state);
        let shared = Arc::clone(&self.shared);
        let builder = thread::Builder::new()
            .name("keeper".to_owned())
            .stack_size(STACK);
        let started = builder.spawn(move || {
            shared.perform(Box::new(job));
            while let Some(job) = shared.next() {
                shared.perform(job);
            }
        });
        started.map(drop).inspect_err(|_| {
            self.shared.jobs.fetch_sub(1, Ordering::SeqCst);
        })
    }

    /// Whether all jobs have ended; if not, the bell rings from now on when one ends.
    pub(super) fn are_done(&self) -> bool {
        self.shared.awaited.store(true, Ordering::SeqCst);
        self.shared.jobs.load(Ordering::SeqCst) == 0
    }
}

impl Shared {
    fn perform(&self, job: Job) {
        /// Counts a job that ends, also by a panic.
        struct Count<'a>(&'a Shared);
        impl Drop for Count<'_> {
            fn drop(&mut self) {
                self.0.jobs.fetch_sub(1, Ordering::SeqCst);
                if self.0.awaited.load(Ordering::SeqCst) {
                    std::task::Wake::wake_by_ref(&self.0.bell);
                }
            }
        }
        let _count = Count(self);
        job();
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.state.lock();
        if let Some(job) = state.queue.pop_front() {
            // It was meant for a thread that is on its way, which goes back to wait.
            state.idle += 1;
            return Some(job);
        }
        state.idle += 1;
        loop {
            let timed_out = self.available.wait_for(&mut state, IDLE).timed_out();
            if let Some(job) = state.queue.pop_front() {
                return Some(job);
            }
            if timed_out && state.idle > 0 {
                state.idle -= 1;
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread::ThreadId;

    use super::*;

    #[test]
    fn jobs_run_side_by_side_and_threads_are_used_again() {
        const JOBS: usize = 8;
        let keepers = Keepers::new(Arc::new(Bell::new().unwrap()));
        let barrier = Arc::new(std::sync::Barrier::new(JOBS));
        let (sender, ended) = mpsc::channel::<ThreadId>();
        let mut seen = Vec::new();
        for _ in 0..3 {
            for _ in 0..JOBS {
                let (barrier, sender) = (Arc::clone(&barrier), sender.clone());
                keepers
                    .run(move || {
                        // Nobody passes unless all run at once.
                        barrier.wait();
                        sender.send(thread::current().id()).unwrap();
                    })
                    .unwrap();
            }
            let round: Vec<_> = ended.iter().take(JOBS).collect();
            seen.extend(round);
            while !keepers.are_done() || keepers.shared.state.lock().idle < JOBS {
                thread::yield_now();
            }
        }
        let first = &seen[..JOBS];
        assert!(seen.iter().all(|thread| first.contains(thread)), "{seen:?}");
    }

    #[test]
    fn a_job_that_panics_has_ended() {
        let keepers = Keepers::new(Arc::new(Bell::new().unwrap()));
        keepers
            .run(|| std::panic::resume_unwind(Box::new(())))
            .unwrap();
        while !keepers.are_done() {
            thread::yield_now();
        }
    }
}
