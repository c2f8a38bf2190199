//! Wakes a thread that waits in `poll`.

use std::fmt;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use rustix::event::{PollFd, Timespec, poll};
use rustix::io::ioctl_fionbio;

/// A waker whose ringing makes a descriptor readable.
#[derive(Debug)]
pub(crate) struct Bell {
    hear: PipeReader,
    ring: PipeWriter,
}

impl Bell {
    /// A silent bell.
    pub(crate) fn new() -> io::Result<Self> {
        let (hear, ring) = io::pipe()?;
        ioctl_fionbio(&hear, true)?;
        ioctl_fionbio(&ring, true)?;
        Ok(Self { hear, ring })
    }

    /// What becomes readable.
    pub(crate) fn descriptor(&self) -> &PipeReader {
        &self.hear
    }

    /// Falls silent again.
    pub(crate) fn silence(&self) {
        let mut rung = [0; 64];
        while matches!((&self.hear).read(&mut rung), Ok(count) if count == rung.len()) {}
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Only a full pipe refuses, and then the bell rings already.
        let _ = (&self.ring).write(&[0]);
    }
}

/// The bells nobody uses at the moment.
///
/// A stop signal keeps the last waker it was given as long as the task's future lives, and with
/// it the bell's two descriptors. So a bell is used again by the next command, not closed; one
/// that is rung too late only makes that command look once whether it was asked to stop.
#[derive(Default)]
pub(super) struct Bells(Mutex<Vec<Arc<Bell>>>);

impl Bells {
    /// Lends a bell.
    pub(super) fn lend(&self) -> io::Result<LentBell<'_>> {
        let spare = self.0.lock().pop();
        let bell = spare.map_or_else(|| Bell::new().map(Arc::new), Ok)?;
        Ok(LentBell {
            bells: self,
            waker: Waker::from(Arc::clone(&bell)),
            bell,
        })
    }
}

impl fmt::Debug for Bells {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Bells")
            .field(&self.0.lock().len())
            .finish()
    }
}

/// A bell that goes back to the others when it is dropped.
pub(super) struct LentBell<'a> {
    bells: &'a Bells,
    pub(super) bell: Arc<Bell>,
    pub(super) waker: Waker,
}

impl Drop for LentBell<'_> {
    fn drop(&mut self) {
        self.bells.0.lock().push(Arc::clone(&self.bell));
    }
}

/// Waits until one of the descriptors is ready, for a time or without end. May return early.
pub(crate) fn wait_on(descriptors: &mut [PollFd<'_>], time: Option<Duration>) {
    /// When the system lacks the memory to wait, looking again at once would only burn time.
    const PAUSE: Duration = Duration::from_millis(10);
    // A time too long for the system's clock is as good as no end.
    let time = time.and_then(|time| Timespec::try_from(time).ok());
    match poll(descriptors, time.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(_) => std::thread::sleep(PAUSE),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use rustix::event::PollFlags;

    use super::*;

    fn rings(bell: &Bell) -> bool {
        let mut descriptors = [PollFd::new(bell.descriptor(), PollFlags::IN)];
        wait_on(&mut descriptors, Some(Duration::ZERO));
        !descriptors[0].revents().is_empty()
    }

    #[test]
    fn a_bell_rings_until_it_is_silenced() {
        let bells = Bells::default();
        let lent = bells.lend().unwrap();
        assert!(!rings(&lent.bell));
        for _ in 0..100_000 {
            lent.waker.wake_by_ref();
        }
        assert!(rings(&lent.bell));
        lent.bell.silence();
        assert!(!rings(&lent.bell));
    }

    #[test]
    fn a_bell_is_used_again_even_while_its_waker_is_kept() {
        let bells = Bells::default();
        let first = bells.lend().unwrap();
        let kept = first.waker.clone();
        drop(first);
        let second = bells.lend().unwrap();
        assert!(kept.will_wake(&second.waker));
    }

    #[test]
    fn waiting_ends_with_the_time() {
        let begun = Instant::now();
        wait_on(&mut [], Some(Duration::from_millis(20)));
        assert!(begun.elapsed() >= Duration::from_millis(20));
    }
}
