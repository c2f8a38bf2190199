//! The index: where in the packs each key's newest record is. All of it can be made anew.
//!
//! One SQLite file for each cache and machine, shared by the processes there; one in memory when
//! that cannot be used. It is never made durable: when the machine has stopped meanwhile, it is read
//! from the packs again.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::connection::{Reader, VERSION, begin, connect, is_busy};
use super::key::hex;
use super::row::{Place, Row, about};
use super::{CacheKey, boot, pack};

/// More packs than a process should hold open.
const OPEN_PACKS: usize = 128;

/// The order of records of one key: the later stamp holds, of equal stamps the tombstone, and of
/// copies the one read last, which is in the pack that stays.
const UPSERT: &str = "
    INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (key) DO UPDATE SET
        pack = excluded.pack, offset = excluded.offset, length = excluded.length,
        stamp = excluded.stamp, removed = excluded.removed, used = max(used, excluded.used)
    WHERE (excluded.stamp, excluded.removed) >= (stamp, removed)";

/// How far the index has come with a pack, which moves on only where nothing is left out: the pack
/// may have been forgotten since what stands before `?2` was taken up, and is read again then.
const PROGRESS: &str = "
    INSERT INTO pack (name, scanned, size, first, latest)
    VALUES (?1, iif(?2 = 0, ?3, 0), iif(?2 = 0, ?4, 0), ?5, ?6)
    ON CONFLICT (name) DO UPDATE SET
        scanned = iif(?2 <= scanned, max(scanned, ?3), scanned),
        size = iif(?2 <= scanned, max(size, ?4), size),
        first = min(first, excluded.first), latest = max(latest, excluded.latest)
    RETURNING id";

/// A record that is read again says the same.
const DESCRIBE: &str = "INSERT OR IGNORE INTO about VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

pub(super) struct Index {
    packs: PathBuf,
    /// `None` when it lies in memory.
    file: Option<PathBuf>,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Reader>>,
    /// Counts the moments from which on readers must see anew.
    generation: AtomicU64,
    open: RwLock<HashMap<i64, Arc<File>>>,
    /// The first thing that could not be read when it was last brought to where the packs are.
    unread: Mutex<Option<PathBuf>>,
}

/// How far the index has come with a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) name: String,
    pub(super) scanned: u64,
    pub(super) size: u64,
    pub(super) first: u64,
}

/// What of a pack was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    /// From its start on when this is zero.
    pub(super) from: u64,
    /// Up to here it need not be read again.
    pub(super) upto: u64,
    /// How large it was then.
    pub(super) size: u64,
}

impl Read {
    /// Some of what follows `from`, and no telling how much.
    pub(super) fn some(from: u64) -> Self {
        Self {
            from,
            upto: from,
            size: 0,
        }
    }
}

impl Index {
    /// The index of a cache on this machine since its start `boot`; one in memory when there can be
    /// none on the disk.
    pub(super) fn open(folder: &Path, cache: &Path, boot: &str) -> Result<Self, rusqlite::Error> {
        let canonical = fs::canonicalize(cache).unwrap_or_else(|_| cache.to_path_buf());
        let name = blake3::hash(canonical.as_os_str().as_encoded_bytes());
        let file = folder.join(format!(
            "{}-{}-{VERSION}.db",
            &hex(name.as_bytes())[..16],
            pack::host()
        ));
        let packs = cache.join("packs");
        let _ = fs::create_dir_all(folder);
        let first = match Self::at(&file, packs.clone(), boot) {
            Ok(index) => return Ok(index),
            Err(error) => error,
        };
        if !is_busy(&first) {
            for suffix in ["", "-wal", "-shm"] {
                let mut path = file.clone().into_os_string();
                path.push(suffix);
                let _ = fs::remove_file(path);
            }
            if let Ok(index) = Self::at(&file, packs.clone(), boot) {
                return Ok(index);
            }
        }
        tracing::warn!(
            "the cache's index `{}` cannot be used ({first}): this run makes one in memory",
            file.display()
        );
        Self::in_memory(packs)
    }

    pub(super) fn in_memory(packs: PathBuf) -> Result<Self, rusqlite::Error> {
        let connection = Connection::open_in_memory()?;
        begin(&connection)?;
        Ok(Self::of(connection, None, packs))
    }

    fn at(file: &Path, packs: PathBuf, boot: &str) -> Result<Self, rusqlite::Error> {
        let connection = connect(file)?;
        begin(&connection)?;
        boot::check(&connection, boot)?;
        Ok(Self::of(connection, Some(file.to_path_buf()), packs))
    }

    fn of(writer: Connection, file: Option<PathBuf>, packs: PathBuf) -> Self {
        Self {
            packs,
            file,
            writer: Mutex::new(writer),
            readers: Mutex::default(),
            generation: AtomicU64::new(0),
            open: RwLock::default(),
            unread: Mutex::default(),
        }
    }

    /// Reads with a connection of the caller's own; memory has but one.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let Some(file) = &self.file else {
            return read(&self.writer.lock());
        };
        let mut reader = self.reader(file)?;
        reader.release()?;
        let result = read(&reader.connection);
        self.readers.lock().push(reader);
        result
    }

    /// Like [`read`](Self::read), but what other processes wrote just now may be missed.
    fn read_held<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let Some(file) = &self.file else {
            return read(&self.writer.lock());
        };
        let mut reader = self.reader(file)?;
        reader.hold(self.generation.load(Ordering::Acquire))?;
        let result = read(&reader.connection);
        self.readers.lock().push(reader);
        result
    }

    fn reader(&self, file: &Path) -> rusqlite::Result<Reader> {
        if let Some(reader) = self.readers.lock().pop() {
            return Ok(reader);
        }
        Reader::connect(file)
    }

    /// Has readers see what was written up to now. An idle one's transaction would keep the
    /// write-ahead log from starting over.
    pub(super) fn refresh(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        let mut readers = self.readers.lock();
        // One that fails here fails again, and is dropped for it.
        readers.retain_mut(|reader| reader.release().is_ok());
    }

    /// Changes all or nothing.
    fn write<T>(
        &self,
        write: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let mut connection = self.writer.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = write(&transaction)?;
        transaction.commit()?;
        drop(connection);
        self.refresh();
        Ok(result)
    }

    /// The newest record of a key.
    pub(super) fn locate(&self, key: &CacheKey) -> rusqlite::Result<Option<Place>> {
        self.read_held(|connection| {
            connection
                .prepare_cached(
                    "SELECT pack, offset, length, stamp, removed, used FROM entry WHERE key = ?1",
                )?
                .query_row([&key.0], Place::read)
                .optional()
        })
    }

    /// The pack of this number; an error of the file system's when it is no longer there.
    pub(super) fn pack(&self, id: i64) -> rusqlite::Result<io::Result<Arc<File>>> {
        if let Some(file) = self.open.read().get(&id) {
            return Ok(Ok(Arc::clone(file)));
        }
        let Some(name) = self.pack_name(id)? else {
            return Ok(Err(io::ErrorKind::NotFound.into()));
        };
        Ok(File::open(self.packs.join(name)).map(|file| {
            let file = Arc::new(file);
            let mut open = self.open.write();
            if open.len() >= OPEN_PACKS {
                open.clear();
            }
            open.insert(id, Arc::clone(&file));
            file
        }))
    }

    pub(super) fn pack_name(&self, id: i64) -> rusqlite::Result<Option<String>> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT name FROM pack WHERE id = ?1")?
                .query_row([id], |row| row.get(0))
                .optional()
        })
    }

    /// What is known of each pack.
    pub(super) fn known(&self) -> rusqlite::Result<Vec<Known>> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT name, scanned, size, first FROM pack ORDER BY name")?
                .query_map([], |row| {
                    Ok(Known {
                        name: row.get(0)?,
                        scanned: row.get(1)?,
                        size: row.get(2)?,
                        first: row.get(3)?,
                    })
                })?
                .collect()
        })
    }

    /// The last stamp that is known.
    pub(super) fn latest(&self) -> rusqlite::Result<u64> {
        self.read(|connection| {
            connection.query_row("SELECT coalesce(max(latest), 0) FROM pack", [], |row| {
                row.get(0)
            })
        })
    }

    /// Takes up records of a pack, which now is read as far as `read` says.
    pub(super) fn add(&self, name: &str, read: Read, rows: &[Row]) -> rusqlite::Result<()> {
        let first = rows
            .iter()
            .map(|row| row.stamp)
            .min()
            .unwrap_or(i64::MAX as u64);
        let latest = rows.iter().map(|row| row.stamp).max().unwrap_or(0);
        self.write(|transaction| {
            let id: i64 = transaction.prepare_cached(PROGRESS)?.query_row(
                params![name, read.from, read.upto, read.size, first, latest],
                |row| row.get(0),
            )?;
            let mut describe = transaction.prepare_cached(DESCRIBE)?;
            for row in rows {
                row.describe(&mut describe, id)?;
            }
            let mut upsert = transaction.prepare_cached(UPSERT)?;
            let mut upstream =
                transaction.prepare_cached("INSERT OR IGNORE INTO upstream VALUES (?1, ?2)")?;
            // In the order of the keys, so that each page is touched once; stable, so that of one
            // key's records the last stays the last.
            let mut rows: Vec<&Row> = rows.iter().collect();
            rows.sort_by_key(|row| row.key);
            for row in rows {
                row.insert(&mut upsert, id)?;
                for parent in &row.upstream {
                    upstream.execute([&parent.0, &row.key.0])?;
                }
            }
            Ok(())
        })
    }

    /// Forgets a pack and the records in it; says how many these were.
    pub(super) fn forget_pack(&self, name: &str) -> rusqlite::Result<usize> {
        self.write(|transaction| {
            let id = transaction
                .query_row("SELECT id FROM pack WHERE name = ?1", [name], |row| {
                    row.get::<_, i64>(0)
                })
                .optional()?;
            let Some(id) = id else { return Ok(0) };
            let rows = transaction.execute("DELETE FROM entry WHERE pack = ?1", [id])?;
            transaction.execute(
                "DELETE FROM about WHERE id >= ?1 AND id < ?2",
                [about(id, 0), about(id + 1, 0)],
            )?;
            transaction.execute("DELETE FROM pack WHERE name = ?1", [name])?;
            Ok(rows)
        })
    }

    /// Has every pack read again, for records that stood behind ones that are gone.
    pub(super) fn forget_progress(&self) -> rusqlite::Result<()> {
        self.write(|transaction| transaction.execute("UPDATE pack SET scanned = 0, size = 0", []))?;
        Ok(())
    }

    /// Forgets a record that cannot be read, unless the key has another one by now.
    pub(super) fn forget(&self, key: &CacheKey, place: &Place) -> rusqlite::Result<()> {
        self.write(|transaction| {
            transaction.execute(
                "DELETE FROM entry WHERE key = ?1 AND pack = ?2 AND offset = ?3",
                params![key.0, place.pack, place.offset],
            )
        })?;
        Ok(())
    }

    /// Notes when keys were last found.
    pub(super) fn used(&self, used: &HashMap<CacheKey, u64>) -> rusqlite::Result<()> {
        self.write(|transaction| {
            let mut update = transaction
                .prepare_cached("UPDATE entry SET used = max(used, ?2) WHERE key = ?1")?;
            for (key, when) in used {
                update.execute(params![key.0, when])?;
            }
            Ok(())
        })
    }

    /// What could not be read, so that there may be records that are not known; to be asked before
    /// what is known.
    pub(super) fn unread(&self) -> Option<PathBuf> {
        self.unread.lock().clone()
    }

    pub(super) fn set_unread(&self, unread: Option<PathBuf>) {
        *self.unread.lock() = unread;
    }

    /// Lets go of an open pack.
    pub(super) fn close(&self, pack: i64) {
        self.open.write().remove(&pack);
    }

    /// Gives the room of what was forgotten back to the disk, if nobody else uses it now.
    pub(super) fn shrink(&self) {
        let shrunk = self.writer.lock().execute_batch(
            "DELETE FROM upstream WHERE key NOT IN (SELECT key FROM entry WHERE removed = 0);
             VACUUM",
        );
        if let Err(error) = shrunk {
            tracing::debug!("the cache's index stays as large as it is: {error}");
        }
    }
}
