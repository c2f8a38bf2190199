//! What is to be looked for and kept, and the threads that do it.

use std::collections::VecDeque;
use std::sync::OnceLock;

use parking_lot::{Condvar, Mutex};

/// A thread takes no more at once.
const BATCH: usize = 32;

/// Jobs, and how many threads there are for them.
pub(super) struct Queue<J> {
    state: Mutex<State<J>>,
    more: Condvar,
    /// How many threads there may be. To ask costs more than a look, for files are read.
    most: OnceLock<usize>,
}

struct State<J> {
    jobs: VecDeque<J>,
    threads: usize,
    idle: usize,
    is_closed: bool,
}

impl<J> Default for Queue<J> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                threads: 0,
                idle: 0,
                is_closed: false,
            }),
            more: Condvar::new(),
            most: OnceLock::new(),
        }
    }
}

impl<J> Queue<J> {
    /// Adds jobs; true when a thread is to be started for them, which is counted already.
    pub(super) fn push(&self, jobs: impl IntoIterator<Item = J>) -> bool {
        let count = || std::thread::available_parallelism().map_or(2, usize::from);
        let most = *self.most.get_or_init(count);
        let mut state = self.state.lock();
        state.jobs.extend(jobs);
        let needs_thread = state.idle == 0 && state.threads < most;
        state.threads += usize::from(needs_thread);
        let wakes = state.idle > 0;
        drop(state);
        if wakes {
            self.more.notify_one();
        }
        needs_thread
    }

    /// Puts jobs to the front.
    pub(super) fn give_back(&self, jobs: &mut VecDeque<J>) {
        if jobs.is_empty() {
            return;
        }
        let mut state = self.state.lock();
        while let Some(job) = jobs.pop_back() {
            state.jobs.push_front(job);
        }
        drop(state);
        self.more.notify_one();
    }

    /// Waits for jobs, and takes this thread's share of them; none once the queue is closed.
    pub(super) fn take(&self) -> Option<VecDeque<J>> {
        let mut state = self.state.lock();
        loop {
            if !state.jobs.is_empty() {
                return Some(state.share());
            }
            if state.is_closed {
                return None;
            }
            state.idle += 1;
            self.more.wait(&mut state);
            state.idle -= 1;
        }
    }

    /// Takes what is there.
    pub(super) fn take_now(&self) -> Option<VecDeque<J>> {
        let mut state = self.state.lock();
        (!state.jobs.is_empty()).then(|| state.share())
    }

    /// A thread could not be started; true when there is none.
    pub(super) fn thread_is_gone(&self) -> bool {
        let mut state = self.state.lock();
        state.threads -= 1;
        state.threads == 0
    }

    /// Threads end once all is done.
    pub(super) fn close(&self) {
        self.state.lock().is_closed = true;
        self.more.notify_all();
    }
}

impl<J> State<J> {
    /// Leaves as much to each other thread.
    fn share(&mut self) -> VecDeque<J> {
        let share = self.jobs.len().div_ceil(self.threads.max(1)).min(BATCH);
        self.jobs.drain(..share).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_takes_its_share_and_gives_back_in_order() {
        let queue = Queue::default();
        assert!(queue.push(0..100), "a first thread is needed");
        let mut first = queue.take().unwrap();
        assert!(first.iter().copied().eq(0..32), "a batch at most");
        first.pop_front();
        queue.give_back(&mut first);
        assert!(queue.take_now().unwrap().into_iter().eq(1..33));
        queue.state.lock().threads = 4;
        assert_eq!(queue.take_now().unwrap().len(), 17, "a quarter of 67");
        queue.close();
        while queue.take().is_some() {}
        assert!(queue.take_now().is_none());
    }
}
