//! The rows that the thread that writes has yet to put into the index.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::index::Read;
use super::pack;
use super::row::Row;
use super::shared::Shared;

/// More rows are not kept in memory. So many at once meet on the index's pages: a page that is
/// written for one row costs more than all else that is done for it.
const MOST: usize = 1 << 15;

/// Other processes of this machine find through the index what is this old.
const OLDEST: Duration = Duration::from_millis(500);

#[derive(Default)]
pub(super) struct Unindexed {
    rows: Vec<Row>,
    /// The pack that all of them are in.
    pack: String,
    /// Where the first one begins, zero when it is the pack's first, and where the last one ends.
    start: u64,
    end: u64,
    since: Option<Instant>,
}

impl Unindexed {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn is_due(&self) -> bool {
        self.rows.len() >= MOST || self.since.is_some_and(|since| since.elapsed() >= OLDEST)
    }

    /// Takes the rows of what was appended to a pack.
    pub(super) fn add(&mut self, pack: &str, appended: Range<u64>, rows: &mut Vec<Row>) {
        if self.pack != pack {
            pack.clone_into(&mut self.pack);
        }
        if self.rows.is_empty() {
            let is_first = appended.start == pack::VERSION.len() as u64;
            self.start = if is_first { 0 } else { appended.start };
        }
        self.end = appended.end;
        self.since.get_or_insert_with(Instant::now);
        self.rows.append(rows);
    }

    /// Puts them into the index.
    pub(super) fn write(&mut self, shared: &Shared) {
        if self.rows.is_empty() {
            return;
        }
        let read = Read {
            from: self.start,
            upto: self.end,
            size: self.end,
        };
        shared.with_index(|index| index.add(&self.pack, read, &self.rows));
        // Only this thread adds more.
        shared.pending.forget(shared.pending.latest());
        self.rows.clear();
        self.since = None;
    }
}
