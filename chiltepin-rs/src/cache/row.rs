//! Rows of the index, made from records.

use rusqlite::params;

use super::CacheKey;
use super::entry::Summary;
use super::record::{self, Body, DirectoryRecord, Malformed, Value};

/// What the index keeps of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) key: CacheKey,
    pub(super) offset: u64,
    /// Of the frame.
    pub(super) length: u64,
    pub(super) stamp: u64,
    /// `None` for a tombstone.
    pub(super) entry: Option<RowEntry>,
    pub(super) upstream: Vec<CacheKey>,
}

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct RowEntry {
    made: u64,
    took: u64,
    size: u64,
    has_objects: bool,
    has_directory: bool,
    function: String,
    run: String,
    task: String,
}

/// Where the newest record of a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) pack: i64,
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) stamp: u64,
    pub(super) removed: bool,
    pub(super) used: u64,
}

impl Row {
    /// The row of a record that stands at `offset`.
    pub(super) fn of(offset: u64, length: usize, payload: &[u8]) -> Result<Self, Malformed> {
        let (head, tail) = record::whole(payload)?;
        // The index's numbers are signed.
        let signed = |number: u64| number.min(i64::MAX as u64);
        let (entry, upstream) = match (head.body, tail) {
            (Body::Entry(kept), Some(tail)) => {
                let stored: u64 = kept.objects().fold(length as u64, |sum, object| {
                    sum.saturating_add(object.stored)
                });
                let entry = RowEntry {
                    made: signed(kept.made),
                    took: signed(kept.took),
                    size: signed(stored),
                    has_objects: !kept.outputs.is_empty() || matches!(kept.value, Value::Object(_)),
                    has_directory: kept.directory != DirectoryRecord::None,
                    function: tail.recipe.function,
                    run: tail.run,
                    task: tail.task,
                };
                (Some(entry), tail.upstream)
            }
            _ => (None, Vec::new()),
        };
        Ok(Self {
            key: head.key,
            offset,
            length: length as u64,
            stamp: signed(head.stamp),
            entry,
            upstream,
        })
    }

    /// Says where the record is.
    pub(super) fn insert(
        &self,
        upsert: &mut rusqlite::Statement<'_>,
        pack: i64,
    ) -> rusqlite::Result<()> {
        upsert.execute(params![
            self.key.0,
            pack,
            self.offset,
            self.length,
            self.stamp,
            self.entry.is_none(),
            // Used when it was made, until it is found.
            self.entry.as_ref().map_or(0, |entry| entry.made),
        ])?;
        Ok(())
    }

    /// Says what is listed of it.
    pub(super) fn describe(
        &self,
        insert: &mut rusqlite::Statement<'_>,
        pack: i64,
    ) -> rusqlite::Result<()> {
        let Some(entry) = &self.entry else {
            return Ok(());
        };
        insert.execute(params![
            about(pack, self.offset),
            entry.made,
            entry.took,
            entry.size,
            entry.has_objects,
            entry.has_directory,
            entry.function,
            entry.run,
            entry.task,
        ])?;
        Ok(())
    }
}

/// The id of what is listed of a record: in [`JOINED`] the same in SQL.
pub(super) fn about(pack: i64, offset: u64) -> i64 {
    // No pack comes near 2^40 bytes: who writes it begins another one with each run.
    (pack << 40) | (offset as i64 & ((1 << 40) - 1))
}

/// Entries with what is listed of them.
pub(super) const JOINED: &str =
    "entry JOIN about ON about.id = ((entry.pack << 40) | entry.offset)";

impl Place {
    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            pack: row.get(0)?,
            offset: row.get(1)?,
            length: row.get(2)?,
            stamp: row.get(3)?,
            removed: row.get(4)?,
            used: row.get(5)?,
        })
    }
}

/// The columns that [`summary`] reads.
pub(super) const SUMMARY: &str =
    "key, function, run, task, made, took, used, size, has_directory, has_objects";

/// A line of a listing, and whether the entry has objects.
pub(super) fn summary(row: &rusqlite::Row<'_>) -> rusqlite::Result<(Summary, bool)> {
    let summary = Summary {
        key: CacheKey(row.get(0)?),
        function: row.get(1)?,
        run: row.get(2)?,
        task: row.get(3)?,
        made: record::time(row.get(4)?),
        took: std::time::Duration::from_nanos(row.get(5)?),
        used: record::time(row.get(6)?),
        size: row.get(7)?,
        has_directory: row.get(8)?,
    };
    Ok((summary, row.get(9)?))
}
