//! What commands leave behind: pipes that background processes still write to, and children that
//! were adopted and are yet to exit.

use std::io::{self, ErrorKind, PipeReader, Read};
use std::sync::Arc;
use std::task::Waker;
use std::thread;

use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags};
use rustix::process::{WaitOptions, waitpid};

use super::bell::{Bell, wait_on};
use super::census::ProcessKey;

/// Reaps adopted children, each by its own id, so that no other child's status is taken.
#[derive(Debug, Default)]
pub(super) struct Adopted(Mutex<Vec<ProcessKey>>);

impl Adopted {
    /// Reaps these as soon as they have exited.
    pub(super) fn add(&self, processes: impl IntoIterator<Item = ProcessKey>) {
        let mut waiting = self.0.lock();
        for process in processes {
            if !waiting.contains(&process) {
                waiting.push(process);
            }
        }
    }

    /// Reaps who has exited.
    pub(super) fn reap(&self) {
        self.0.lock().retain(|process| !reap(*process));
    }
}

/// Reaps a process if it is a child that has exited; false if it still runs.
fn reap(process: ProcessKey) -> bool {
    match process.stat() {
        Some(stat) if !stat.exited => false,
        Some(stat) if stat.is_our_child() => {
            let _ = waitpid(Some(process.pid), WaitOptions::NOHANG);
            true
        }
        _ => true,
    }
}

/// Reads the pipes of processes left behind, so that writing to stderr does not end them.
///
/// A thread does so while there are any.
#[derive(Debug, Default)]
pub(super) struct Drain {
    state: Mutex<DrainState>,
}

#[derive(Debug, Default)]
struct DrainState {
    /// Those the thread has not yet taken over.
    arriving: Vec<PipeReader>,
    /// Rings the thread, if there is one.
    thread: Option<Waker>,
}

impl Drain {
    /// Reads the pipe until its other end is closed.
    pub(super) fn add(self: &Arc<Self>, pipe: PipeReader) {
        let mut state = self.state.lock();
        state.arriving.push(pipe);
        if let Some(thread) = &state.thread {
            thread.wake_by_ref();
            return;
        }
        if let Err(error) = self.start(&mut state) {
            state.arriving.clear();
            tracing::warn!(%error, "no thread can be had to read what background processes write");
        }
    }

    fn start(self: &Arc<Self>, state: &mut DrainState) -> io::Result<()> {
        let bell = Arc::new(Bell::new()?);
        state.thread = Some(Waker::from(Arc::clone(&bell)));
        let drain = Arc::clone(self);
        let thread = thread::Builder::new().name("chiltepin-drain".to_owned());
        thread
            .spawn(move || drain.run(&bell))
            .inspect_err(|_| state.thread = None)?;
        Ok(())
    }

    fn run(&self, bell: &Bell) {
        let mut pipes = Vec::new();
        loop {
            {
                let mut state = self.state.lock();
                pipes.append(&mut state.arriving);
                if pipes.is_empty() {
                    state.thread = None;
                    return;
                }
            }
            let mut descriptors = vec![PollFd::new(bell.descriptor(), PollFlags::IN)];
            descriptors.extend(pipes.iter().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
            wait_on(&mut descriptors, None);
            let ready: Vec<_> = descriptors
                .iter()
                .map(|descriptor| !descriptor.revents().is_empty())
                .collect();
            bell.silence();
            let mut ready = ready.into_iter().skip(1);
            pipes.retain_mut(|pipe| ready.next() != Some(true) || is_open(pipe));
        }
    }
}

/// Takes some of what the pipe holds, and tells whether its other end is still open.
fn is_open(pipe: &mut PipeReader) -> bool {
    match pipe.read(&mut [0; 16 << 10]) {
        Ok(count) => count > 0,
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
    }
}
