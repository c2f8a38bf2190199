//! The second thread of a worker: looks after what the main thread cannot while it runs a body, and
//! after what async bodies leave unsent while others block their runtime.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use super::main_loop::Worker;

/// How long a body may run before the watcher takes over.
const TICK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 1_000_000,
};

/// After so many ticks without a new call the watcher goes to sleep. Waking it costs a little, so
/// it stays up while calls come one after the other.
const IDLE_TICKS: u32 = 20;

/// It sleeps, and is to be woken by the next call.
const ASLEEP: u8 = 0;
/// It looks at each tick.
const TICKING: u8 = 1;
/// It watches the socket during a long body, and is to be woken by the next call.
const WATCHING: u8 = 2;

/// What the main thread and the watcher know of each other.
#[derive(Debug)]
pub(super) struct Watcher {
    state: AtomicU8,
    /// Counts up when a call begins and when none is left: odd while calls are run.
    turns: AtomicU64,
    bell: OwnedFd,
}

impl Watcher {
    pub(super) fn new() -> io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self {
            state: AtomicU8::new(ASLEEP),
            turns: AtomicU64::new(0),
            bell,
        })
    }

    /// The main thread begins a call.
    pub(super) fn begin(&self) {
        let turns = self.turns.load(Ordering::Relaxed);
        self.turns.store((turns + 1) | 1, Ordering::SeqCst);
        self.wake();
    }

    /// Makes it look at the next tick. What it is to see then is set before.
    pub(super) fn wake(&self) {
        if self.state.load(Ordering::SeqCst) != TICKING
            && self.state.swap(TICKING, Ordering::SeqCst) != TICKING
        {
            // It cannot be full: the watcher empties it each time.
            let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
        }
    }

    /// The main thread is about to wait for calls.
    pub(super) fn rest(&self) {
        let turns = self.turns.load(Ordering::Relaxed);
        if turns % 2 == 1 {
            self.turns.store(turns + 1, Ordering::SeqCst);
        }
    }

    /// Watches for as long as the process lives.
    pub(super) fn watch(&self, worker: &Arc<Worker>) {
        let mut seen = 0;
        let mut idle = 0;
        loop {
            match self.state.load(Ordering::SeqCst) {
                ASLEEP => {
                    self.wait(None, None);
                    idle = 0;
                }
                WATCHING => {
                    let readable = self.wait(Some(worker), None);
                    if readable && self.is_in_call() {
                        worker.receive_beside();
                    }
                    if !self.is_in_call() {
                        // Who begins the next call wakes it if this comes too late.
                        let _ = self.state.compare_exchange(
                            WATCHING,
                            TICKING,
                            Ordering::SeqCst,
                            Ordering::SeqCst,
                        );
                        idle = 0;
                    }
                }
                _ => {
                    self.wait(None, Some(&TICK));
                    let turns = self.turns.load(Ordering::SeqCst);
                    let is_new = turns != seen;
                    seen = turns;
                    let is_unsent = worker.bodies.are_unsent();
                    let is_same_body = !is_new && self.is_in_call();
                    if is_unsent || is_same_body {
                        worker.flush();
                    }
                    if is_same_body {
                        worker.receive_beside();
                        self.settle(worker, WATCHING, turns);
                    } else if is_new || is_unsent {
                        idle = 0;
                    } else {
                        idle += 1;
                        if idle > IDLE_TICKS {
                            self.settle(worker, ASLEEP, turns);
                        }
                    }
                }
            }
        }
    }

    /// Changes the state, unless a call began meanwhile, or a result is about to be sent: these
    /// expect it to tick.
    fn settle(&self, worker: &Worker, state: u8, turns: u64) {
        self.state.store(state, Ordering::SeqCst);
        if self.turns.load(Ordering::SeqCst) != turns || worker.bodies.are_unsent() {
            self.state.store(TICKING, Ordering::SeqCst);
        }
    }

    /// Whether the main thread runs calls.
    pub(super) fn is_in_call(&self) -> bool {
        self.turns.load(Ordering::SeqCst) % 2 == 1
    }

    /// Waits for the bell, the worker's socket if it is given, or the time. Tells whether the
    /// socket has something.
    fn wait(&self, worker: Option<&Arc<Worker>>, time: Option<&Timespec>) -> bool {
        let mut descriptors = Vec::with_capacity(2);
        descriptors.push(PollFd::new(&self.bell, PollFlags::IN));
        if let Some(worker) = worker {
            descriptors.push(PollFd::from_borrowed_fd(
                worker.stream().as_fd(),
                PollFlags::IN,
            ));
        }
        // Interrupted by a signal it looks again, which does no harm.
        let _ = poll(&mut descriptors, time);
        if !descriptors[0].revents().is_empty() {
            let mut count = [0; 8];
            let _ = rustix::io::read(&self.bell, &mut count);
        }
        descriptors
            .get(1)
            .is_some_and(|socket| !socket.revents().is_empty())
    }
}
