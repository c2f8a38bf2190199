use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::system::Page;

/// The most synchronous bodies that one worker runs at once.
pub(crate) const MOST_THREADS: u32 = 256;

/// Set in a slot whose call is killed: it will not end.
const KILLED: u64 = 1 << 63;

/// What a worker has begun, by the sequence numbers of its calls.
///
/// The worker writes it, the pool reads it when the worker is lost. It lies in memory of both, so
/// that writing costs next to nothing and needs no time when the process is killed.
#[derive(Debug)]
pub(crate) struct Ledger {
    page: Page,
}

impl Ledger {
    /// Makes the file of a worker's ledger.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        Page::create(path).map(|page| Self { page })
    }

    /// Opens it in the worker.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Page::open(path).map(|page| Self { page })
    }

    fn taken(&self) -> &AtomicU64 {
        &self.page.numbers()[0]
    }

    fn picked(&self) -> &AtomicU64 {
        &self.page.numbers()[1]
    }

    fn slot(&self, slot: usize) -> &AtomicU64 {
        let slots = &self.page.numbers()[2..];
        &slots[slot % slots.len()]
    }

    fn slots(&self) -> impl Iterator<Item = &AtomicU64> {
        (0..MOST_THREADS as usize).map(|slot| self.slot(slot))
    }

    /// A call was read and is passed on; an async one may begin from here on.
    pub(super) fn take(&self, sequence: u64) {
        self.taken().store(sequence, Ordering::Release);
    }

    /// A synchronous call begins in this slot. Calls are picked in order, under one lock.
    pub(super) fn pick(&self, slot: usize, sequence: u64) {
        // The slot first: between the two the call counts as not begun, which it is.
        self.slot(slot).store(sequence, Ordering::Release);
        self.picked().store(sequence, Ordering::Release);
    }

    /// The call in this slot has ended; false if it is being killed and so must not end.
    pub(super) fn end(&self, slot: usize, sequence: u64) -> bool {
        self.slot(slot)
            .compare_exchange(sequence, 0, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// Keeps a call from ending, if it runs.
    pub(super) fn claim(&self, sequence: u64) -> bool {
        self.slots().any(|slot| {
            slot.compare_exchange(
                sequence,
                sequence | KILLED,
                Ordering::AcqRel,
                Ordering::Acquire,
            )
            .is_ok()
        })
    }

    /// The last call that was taken.
    pub(crate) fn last_taken(&self) -> u64 {
        self.taken().load(Ordering::Acquire)
    }

    /// The last synchronous call that began.
    pub(crate) fn last_picked(&self) -> u64 {
        self.picked().load(Ordering::Acquire)
    }

    /// The synchronous calls that run.
    pub(crate) fn current(&self) -> Vec<u64> {
        self.slots()
            .map(|slot| slot.load(Ordering::Acquire) & !KILLED)
            .filter(|sequence| *sequence != 0)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_reads_what_the_worker_has_begun() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page");
        let pool = Ledger::create(&path).unwrap();
        let worker = Ledger::open(&path).unwrap();
        worker.take(9);
        worker.pick(0, 4);
        worker.pick(1, 5);
        assert!(worker.end(0, 4));
        assert_eq!(
            (pool.last_taken(), pool.last_picked(), pool.current()),
            (9, 5, vec![5])
        );
    }

    #[test]
    fn a_call_either_ends_or_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::create(&folder.path().join("page")).unwrap();
        ledger.pick(3, 7);
        assert!(!ledger.claim(6));
        assert!(ledger.claim(7));
        assert!(!ledger.end(3, 7));
        assert_eq!(ledger.current(), [7]);
        ledger.pick(3, 8);
        assert!(ledger.end(3, 8));
        assert!(!ledger.claim(8));
    }
}
