//! The thread that writes: what has come in the meantime becomes durable at once.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant, SystemTime};

use super::entry::Entry;
use super::error::NotKept;
use super::pack::PackWriter;
use super::record::ObjectRecord;
use super::room::Taken;
use super::row::Row;
use super::shared::Shared;
use super::unindexed::Unindexed;
use super::waiter::Waiter;
use super::{CacheKey, frame, record};

/// Larger values get a file of their own, so that packs stay quick to read through.
pub(super) const INLINE: usize = 64 << 10;

/// A group holds no more, so that the first of it does not wait long. Several times what a sync
/// takes: where each job is slow, as on a busy machine, most of the time would go to syncs.
const GROUP_JOBS: usize = 4096;
const GROUP_BYTES: usize = 16 << 20;
const GROUP_TIME: Duration = Duration::from_millis(20);

/// How often the times of use are written down while nothing else is.
const IDLE: Duration = Duration::from_secs(60);

/// How long nothing has come before the index is written: what comes one by one, each when the one
/// before is durable, does not wait for it.
const LULL: Duration = Duration::from_millis(20);

pub(super) enum Job {
    Put {
        /// Without its value where that is in `object`.
        entry: Box<Entry>,
        object: Option<ObjectRecord>,
        done: Waiter,
        room: Taken,
    },
    Remove {
        keys: Vec<CacheKey>,
        done: Waiter,
    },
    Rewrite {
        packs: Vec<String>,
        reply: Sender<Rewritten>,
    },
    #[cfg(test)]
    Panic,
}

/// What a rewriting came to: the packs that are gone.
pub(super) type Rewritten = Result<Vec<String>, NotKept>;

/// What is appended at once.
#[derive(Default)]
struct Group {
    frames: Vec<u8>,
    rows: Vec<Row>,
    done: Vec<(Waiter, Result<(), NotKept>)>,
}

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pack: Option<PackWriter>,
    unindexed: Unindexed,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            pack: None,
            unindexed: Unindexed::default(),
        }
    }

    /// Serves until every sender is gone. After a panic nothing is kept any more, and whoever has
    /// something queued is told so.
    pub(super) fn run_guarded(self, jobs: &Receiver<Job>) {
        let shared = Arc::clone(&self.shared);
        if catch_unwind(AssertUnwindSafe(|| self.run(jobs))).is_err() {
            let error = io::Error::other("the thread that writes has panicked");
            shared.fail("nothing more is written", error);
        }
    }

    /// Serves until every sender is gone.
    fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            let patience = if self.unindexed.is_empty() {
                IDLE
            } else {
                LULL
            };
            let first = match jobs.recv_timeout(patience) {
                Ok(job) => job,
                Err(RecvTimeoutError::Timeout) if self.unindexed.is_empty() => {
                    self.shared.write_used();
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.unindexed.write(&self.shared);
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let begun = Instant::now();
            let mut group = Group::default();
            let mut next = Some(first);
            while let Some(job) = next {
                match job {
                    Job::Put {
                        entry,
                        object,
                        done,
                        room,
                    } => {
                        self.put(&entry, object, done, &mut group);
                        // Its bytes are the group's now.
                        drop(room);
                    }
                    Job::Remove { keys, done } => self.remove(&keys, done, &mut group),
                    Job::Rewrite { packs, reply } => {
                        self.finish(std::mem::take(&mut group));
                        let _ = reply.send(self.rewrite(&packs));
                    }
                    #[cfg(test)]
                    Job::Panic => panic!("as asked"),
                }
                let full = group.done.len() >= GROUP_JOBS
                    || group.frames.len() >= GROUP_BYTES
                    || begun.elapsed() >= GROUP_TIME;
                next = if full { None } else { jobs.try_recv().ok() };
            }
            self.finish(group);
            if self.unindexed.is_due() {
                self.unindexed.write(&self.shared);
            }
        }
        self.unindexed.write(&self.shared);
        self.shared.write_used();
    }

    fn put(&self, entry: &Entry, object: Option<ObjectRecord>, done: Waiter, group: &mut Group) {
        let payload = self.encode(entry, object);
        let result = payload.and_then(|payload| group.push(&payload));
        group.done.push((done, result));
    }

    fn encode(&self, entry: &Entry, object: Option<ObjectRecord>) -> Result<Vec<u8>, NotKept> {
        if self.shared.is_read_only() {
            return Err(NotKept::ReadOnly);
        }
        let stamp = self.shared.clock.stamp(SystemTime::now());
        record::entry(stamp, entry, object).ok_or(NotKept::TooLong)
    }

    fn remove(&self, keys: &[CacheKey], done: Waiter, group: &mut Group) {
        let result = keys.iter().try_for_each(|key| {
            let stamp = self.shared.clock.stamp(SystemTime::now());
            let payload = record::tombstone(stamp, *key).ok_or(NotKept::TooLong)?;
            group.push(&payload)
        });
        group.done.push((done, result));
    }

    /// Makes a group durable, lets this process find it, and tells who waits, in that order.
    fn finish(&mut self, mut group: Group) {
        let kept = self.append(&group.frames, &mut group.rows);
        for (done, result) in group.done {
            done.tell(result.and_then(|()| kept.clone()));
        }
    }

    /// Appends frames, and takes up their rows, whose offsets count from the first frame.
    fn append(&mut self, frames: &[u8], rows: &mut Vec<Row>) -> Result<(), NotKept> {
        if frames.is_empty() {
            return Ok(());
        }
        if self.shared.is_read_only() {
            return Err(NotKept::ReadOnly);
        }
        let appended = self.pack().and_then(|pack| {
            let start = pack.length;
            pack.append(frames)?;
            Ok((
                pack.name.clone(),
                Arc::clone(&pack.readable),
                start,
                pack.length,
            ))
        });
        let (name, readable, start, end) = appended.map_err(|error| {
            self.pack = None;
            self.shared.fail("its pack cannot be written", error)
        })?;
        for row in rows.iter_mut() {
            row.offset += start;
        }
        self.shared.pending.add(&readable, rows);
        self.unindexed.add(&name, start..end, rows);
        Ok(())
    }

    fn pack(&mut self) -> io::Result<&mut PackWriter> {
        if self.pack.as_ref().is_some_and(PackWriter::removed) {
            self.pack = None;
        }
        if self.pack.is_none() {
            // Rows of two packs are not put into the index at once.
            self.unindexed.write(&self.shared);
        }
        match &mut self.pack {
            Some(pack) => Ok(pack),
            none => Ok(none.insert(PackWriter::create(&self.shared.packs())?)),
        }
    }

    /// Copies what still holds in `packs` into a new pack, and removes them, the own one too.
    fn rewrite(&mut self, packs: &[String]) -> Rewritten {
        if self.shared.is_read_only() {
            return Err(NotKept::ReadOnly);
        }
        // What holds is told by the index.
        self.unindexed.write(&self.shared);
        let own = self.pack.take().map(|pack| pack.name);
        let old: Vec<&String> = packs.iter().chain(&own).collect();
        let Some(keep_from) = self.shared.first_stamp_beside(&old) else {
            return Ok(Vec::new());
        };
        let mut gone = Vec::new();
        for name in old {
            if self.copy(name, keep_from)? {
                gone.push(name.clone());
            }
        }
        Ok(gone)
    }

    /// Copies one pack's records, and removes it; false when it could not be read.
    fn copy(&mut self, name: &str, keep_from: u64) -> Result<bool, NotKept> {
        let path = self.shared.packs().join(name);
        let shared = Arc::clone(&self.shared);
        let mut group = Group::default();
        let mut failure = None;
        let seen = super::pack::read(&path, 0, |offset, length, payload| {
            let Ok(row) = Row::of(offset, length, payload) else {
                return;
            };
            let holds = shared.holds(&row, name);
            // A tombstone goes when no pack that stays can hold what it buries.
            if failure.is_some() || !holds || (row.entry.is_none() && row.stamp < keep_from) {
                return;
            }
            failure = group.push(payload).err();
            if group.frames.len() >= GROUP_BYTES {
                let mut full = std::mem::take(&mut group);
                failure = self.append(&full.frames, &mut full.rows).err();
            }
        });
        if let Some(failure) = failure {
            return Err(failure);
        }
        if seen.is_err() {
            return Ok(false);
        }
        self.append(&group.frames, &mut group.rows)?;
        // Before the pack is forgotten, and its rows with it.
        self.unindexed.write(&self.shared);
        Ok(remove(&path) && {
            self.shared.with_index(|index| index.forget_pack(name));
            true
        })
    }
}

fn remove(path: &Path) -> bool {
    match std::fs::remove_file(path) {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

impl Group {
    /// Adds a record; its row's offset counts from the group's start.
    fn push(&mut self, payload: &[u8]) -> Result<(), NotKept> {
        let frame = frame::frame(payload).ok_or(NotKept::TooLong)?;
        let row = Row::of(self.frames.len() as u64, frame.len(), payload)
            .map_err(|_| NotKept::TooLong)?;
        self.frames.extend_from_slice(&frame);
        self.rows.push(row);
        Ok(())
    }
}
