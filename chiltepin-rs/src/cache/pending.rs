//! Records that are durable and not in the index yet: who waits for one waits for the disk alone,
//! and the index is written many rows at a time.

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::RwLock;

use super::CacheKey;
use super::row::Row;

/// Where such a record is.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) pack: Arc<File>,
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) removed: bool,
    /// Which addition it came with.
    addition: u64,
}

/// The newest such record of each key, all of this process's own pack.
#[derive(Debug, Default)]
pub(super) struct PendingRecords {
    records: RwLock<HashMap<CacheKey, Pending>>,
    /// Most of the time there are none, which is told without the lock.
    count: AtomicUsize,
    additions: AtomicU64,
}

impl PendingRecords {
    pub(super) fn get(&self, key: &CacheKey) -> Option<Pending> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.records.read().get(key).cloned()
    }

    /// Takes up records that are in the pack now; of one key's records the last comes last.
    pub(super) fn add(&self, pack: &Arc<File>, rows: &[Row]) {
        let mut records = self.records.write();
        let addition = self.additions.fetch_add(1, Ordering::AcqRel) + 1;
        records.extend(rows.iter().map(|row| {
            let pending = Pending {
                pack: Arc::clone(pack),
                offset: row.offset,
                length: row.length,
                removed: row.entry.is_none(),
                addition,
            };
            (row.key, pending)
        }));
        self.count.store(records.len(), Ordering::Release);
    }

    /// The latest addition: its records, and all before, are in the pack.
    pub(super) fn latest(&self) -> u64 {
        self.additions.load(Ordering::Acquire)
    }

    /// All up to an addition are in the index, where whoever looks from here on sees them.
    pub(super) fn forget(&self, upto: u64) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut records = self.records.write();
        records.retain(|_, pending| pending.addition > upto);
        self.count.store(records.len(), Ordering::Release);
    }
}
