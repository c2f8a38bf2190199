//! The store: looking results up, and keeping them.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use parking_lot::Mutex;

use super::directory::OwnDirectories;
use super::entry::{Entry, Found, Output};
use super::error::{Incomplete, NotKept, OpenError, RestoreError, Trouble};
use super::index::Index;
use super::object::Unreadable;
use super::pending::Pending;
use super::record::{self, Body, Head, ObjectRecord, OutputRecord, Value};
use super::room::Room;
use super::row::Place;
use super::settings::StoreSettings;
use super::shared::{Shared, TRIES};
use super::waiter::Waiter;
use super::writer::{INLINE, Job, Writer};
use super::{CacheKey, boot, format, frame, publish};

/// A find is noted when the last note is older: writing each down would cost more than it says.
const USED_GRAIN: Duration = Duration::from_secs(3600);

/// Bytes that may wait for the thread that writes: more than it writes at once, and little beside
/// what the tasks themselves hold.
const QUEUED: usize = 64 << 20;

/// About what a queued entry takes besides its value and the keys of what it came from.
const BESIDES: usize = 1 << 10;

/// The results of earlier tasks, in a folder.
pub(crate) struct Store {
    pub(super) shared: Arc<Shared>,
    /// Gone once the store is closed.
    writer: Mutex<Option<(Sender<Job>, JoinHandle<()>)>>,
    room: Arc<Room>,
}

/// A frame that cannot be read.
enum Unread {
    /// The pack is not there any more.
    Gone,
    Damaged,
    /// It may be read another time.
    Failed(io::Error),
}

impl Unread {
    fn of(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::UnexpectedEof => Self::Damaged,
            // On a network file system the second of a pack that was removed elsewhere, open or not.
            ErrorKind::NotFound | ErrorKind::StaleNetworkFileHandle => Self::Gone,
            _ => Self::Failed(error),
        }
    }
}

impl Store {
    /// Opens a cache, or begins one.
    ///
    /// A folder that cannot be written to is read, and [`trouble`](Self::trouble) says so.
    pub(crate) fn open(settings: &StoreSettings) -> Result<Self, OpenError> {
        let writable = format::check_or_begin(&settings.folder)?.and_then(|()| {
            for name in ["packs", "objects", "directories"] {
                publish::make_folder(&settings.folder.join(name))?;
            }
            let packs = settings.folder.join("packs");
            // Answers for a file system that is mounted read-only, even to root.
            rustix::fs::access(packs, rustix::fs::Access::WRITE_OK)?;
            // Another driver may have made any of them at this moment.
            publish::sync_folder(&settings.folder)?;
            publish::sync_name(&settings.folder)
        });
        let boot = boot::current();
        let index = Index::open(&settings.index_folder, &settings.folder, &boot);
        let index = index.map_err(|source| OpenError::Index {
            folder: settings.folder.clone(),
            source,
        })?;
        let shared = Arc::new(Shared::new(settings.clone(), index));
        if let Err(error) = writable {
            shared.begin_read_only("it cannot be written to", error);
        }
        shared.catch_up();
        let (jobs, received) = mpsc::channel();
        let writer = Writer::new(Arc::clone(&shared));
        let thread = thread::Builder::new()
            .name("chiltepin-cache".to_owned())
            .spawn(move || writer.run_guarded(&received))
            .map_err(OpenError::Thread)?;
        Ok(Self {
            shared,
            writer: Mutex::new(Some((jobs, thread))),
            room: Room::new(QUEUED),
        })
    }

    /// Why nothing is kept, if so.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        self.shared.trouble()
    }

    /// The result that is kept under a key.
    pub(crate) fn get(&self, key: &CacheKey) -> Option<Found> {
        match self.look(key) {
            Ok(found) => found,
            // What was looked for may be in a pack of another driver's.
            Err(Unread::Gone) if self.shared.catch_up_if_due() => self.look(key).unwrap_or(None),
            Err(Unread::Failed(error)) => {
                tracing::warn!("cannot read the cached result `{key}`: {error}");
                None
            }
            Err(_) => None,
        }
    }

    /// `Gone` when the index may be behind the packs.
    fn look(&self, key: &CacheKey) -> Result<Option<Found>, Unread> {
        if let Some(pending) = self.shared.pending.get(key) {
            return self.look_at_pending(key, &pending);
        }
        let place = self.shared.with_index(|index| index.locate(key)).flatten();
        let Some(place) = place else {
            return Err(Unread::Gone);
        };
        self.shared.clock.observe(place.stamp);
        if place.removed {
            return Err(Unread::Gone);
        }
        let found = self
            .frame(key, &place)
            .and_then(|(head, value)| self.found(head, value));
        match found {
            Ok(found) => {
                self.note_used(*key, &place);
                Ok(Some(found))
            }
            Err(Unread::Damaged) => {
                tracing::warn!("the cached result `{key}` is damaged: it is computed again");
                self.shared.with_index(|index| index.forget(key, &place));
                Ok(None)
            }
            Err(unread) => Err(unread),
        }
    }

    /// The same of what this process itself has kept just now.
    fn look_at_pending(&self, key: &CacheKey, pending: &Pending) -> Result<Option<Found>, Unread> {
        if pending.removed {
            return Err(Unread::Gone);
        }
        let found = read(&pending.pack, pending.offset, pending.length)
            .map_err(|_| Unread::Damaged)
            .and_then(|payload| checked(key, &payload))
            .and_then(|(head, value)| self.found(head, value));
        // It is forgotten once the index has it.
        Ok(found.ok())
    }

    /// Reads the record of a key.
    fn frame(&self, key: &CacheKey, place: &Place) -> Result<(Head, Option<Bytes>), Unread> {
        checked(key, &self.payload(place)?)
    }

    /// Reads the payload that stands at a place.
    fn payload(&self, place: &Place) -> Result<Bytes, Unread> {
        let file = self
            .shared
            .with_index(|index| index.pack(place.pack))
            .ok_or(Unread::Gone)?
            .map_err(Unread::of)?;
        read(&file, place.offset, place.length).inspect_err(|unread| {
            if matches!(unread, Unread::Gone) {
                self.shared.with_index(|index| {
                    index.close(place.pack);
                    Ok(())
                });
            }
        })
    }

    /// The payload of a key's entry, for who lists.
    pub(super) fn record(&self, key: &CacheKey) -> Option<Bytes> {
        self.read_record(key).ok().flatten()
    }

    /// The same: none where there is none or it is damaged, and an error where that is not known.
    pub(super) fn read_record(&self, key: &CacheKey) -> Result<Option<Bytes>, Incomplete> {
        for _ in 0..TRIES {
            let Some(place) = self.shared.with_index(|index| index.locate(key)) else {
                break;
            };
            let Some(place) = place.filter(|place| !place.removed) else {
                return Ok(None);
            };
            match self.payload(&place) {
                Ok(payload) => return Ok(Some(payload)),
                Err(Unread::Damaged) => return Ok(None),
                Err(Unread::Failed(error)) => {
                    tracing::warn!("cannot read the cached result `{key}`: {error}");
                    let packs = self.shared.packs();
                    return Err(Incomplete::Unread { path: packs });
                }
                // Copied elsewhere by another driver's `prune`.
                Err(Unread::Gone) => self.shared.catch_up_wholly(),
            }
        }
        let folder = self.shared.settings.folder.clone();
        Err(Incomplete::Index { folder })
    }

    fn found(&self, head: Head, value: Option<Bytes>) -> Result<Found, Unread> {
        let Body::Entry(kept) = head.body else {
            return Err(Unread::Damaged);
        };
        let value = match (value, &kept.value) {
            (Some(value), _) => value,
            (None, Value::Object(object)) => {
                let content = self.shared.objects.get(&object.hash, object.size);
                Bytes::from(content.map_err(|error| {
                    if let Unreadable::Io(error) = &error {
                        tracing::warn!("cannot read a value in the cache: {error}");
                    }
                    Unread::Damaged
                })?)
            }
            (None, Value::Inline { .. }) => return Err(Unread::Damaged),
        };
        let directory = kept
            .directory
            .name(&head.key)
            .map_err(|_| Unread::Damaged)?;
        let directory = directory.map(|name| self.directories().join(name));
        if directory.as_ref().is_some_and(|path| !path.is_dir()) {
            return Err(Unread::Damaged);
        }
        Ok(Found {
            value,
            outputs: kept.outputs.iter().map(OutputRecord::output).collect(),
            directory,
            made: record::time(kept.made),
            took: Duration::from_nanos(kept.took),
        })
    }

    fn note_used(&self, key: CacheKey, place: &Place) {
        let now = record::nanoseconds(SystemTime::now());
        if now.saturating_sub(place.used) >= USED_GRAIN.as_nanos() as u64 {
            self.shared.note_used(key, now);
        }
    }

    /// Keeps a result, and calls `done` when it is durable or it is known that it will not be.
    ///
    /// `done` runs on the thread that writes, or here when nothing can be kept. A large value is
    /// written here, so that small ones do not wait behind it, and while too much is queued this
    /// waits.
    pub(crate) fn put(
        &self,
        mut entry: Entry,
        done: impl FnOnce(Result<(), NotKept>) + Send + 'static,
    ) {
        let done = Waiter::new(done);
        let object = match self.put_value(&mut entry) {
            Ok(object) => object,
            Err(not_kept) => return done.tell(Err(not_kept)),
        };
        let bytes = entry.value.len() + entry.upstream.len() * 32 + BESIDES;
        let writer = self
            .writer
            .lock()
            .as_ref()
            .map(|(_, thread)| thread.thread().id());
        let room = match writer {
            None => return done.tell(Err(NotKept::ReadOnly)),
            // A callback of the thread's own waits for nobody: who would make room?
            Some(writer) if writer == thread::current().id() => self.room.take_now(bytes),
            Some(_) => self.room.take(bytes),
        };
        let job = Job::Put {
            entry: Box::new(entry),
            object,
            done,
            room,
        };
        // A job that cannot be sent is dropped, which tells so.
        let _ = self.send(job);
    }

    /// Gives a large value a file of its own; durable when this returns.
    fn put_value(&self, entry: &mut Entry) -> Result<Option<ObjectRecord>, NotKept> {
        if self.shared.is_read_only() {
            return Err(NotKept::ReadOnly);
        }
        if entry.value.len() <= INLINE {
            return Ok(None);
        }
        let value = std::mem::take(&mut entry.value);
        let object = self.shared.objects.put(&value);
        let object = object.map_err(|error| self.shared.fail("a value cannot be written", error));
        object.map(Some)
    }

    /// Keeps the content of a file that a task wrote; durable when this returns.
    pub(crate) fn put_file(&self, path: &Path) -> io::Result<Output> {
        self.shared.objects.put_file(path)
    }

    /// Gives a file back at `to`, whole or not at all, executable as it was.
    pub(crate) fn restore(&self, output: &Output, to: &Path) -> Result<(), RestoreError> {
        self.shared.objects.restore(output, to)
    }

    /// Where a task works that is about to work out the result of a key: its directories are there
    /// before the entry is put, which names one of them.
    pub(crate) fn own_directories(&self, key: &CacheKey) -> OwnDirectories {
        OwnDirectories::new(self.directories(), key)
    }

    /// Where all directories are.
    pub(super) fn directories(&self) -> PathBuf {
        self.shared.settings.folder.join("directories")
    }

    /// The directory that the record of a key's result names.
    pub(super) fn directory(&self, key: &CacheKey) -> Option<PathBuf> {
        let (head, _) = record::head(&self.record(key)?).ok()?;
        let Body::Entry(kept) = head.body else {
            return None;
        };
        let name = kept.directory.name(key).ok()??;
        Some(self.directories().join(name))
    }

    pub(super) fn send(&self, job: Job) -> Result<(), mpsc::SendError<Job>> {
        match &*self.writer.lock() {
            Some((jobs, _)) => jobs.send(job),
            None => Err(mpsc::SendError(job)),
        }
    }

    /// Waits for what was put before; nothing is kept from here on.
    pub(crate) fn close(&self) {
        let writer = self.writer.lock().take();
        if let Some((jobs, thread)) = writer {
            drop(jobs);
            // A callback of the thread's own may close the store.
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

/// Reads the payload of the frame that stands in a pack.
fn read(pack: &File, offset: u64, length: u64) -> Result<Bytes, Unread> {
    let length = usize::try_from(length).map_err(|_| Unread::Damaged)?;
    if length > frame::HEADER + frame::MAX_PAYLOAD {
        return Err(Unread::Damaged);
    }
    let mut bytes = vec![0; length];
    if let Err(error) = pack.read_exact_at(&mut bytes, offset) {
        return Err(Unread::of(error));
    }
    frame::payload(&bytes).ok_or(Unread::Damaged)?;
    Ok(Bytes::from(bytes).slice(frame::HEADER..))
}

/// The head and the value of a payload that is a key's.
fn checked(key: &CacheKey, payload: &Bytes) -> Result<(Head, Option<Bytes>), Unread> {
    let (head, value) = record::value(payload).map_err(|_| Unread::Damaged)?;
    if head.key != *key {
        return Err(Unread::Damaged);
    }
    Ok((head, value))
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}
