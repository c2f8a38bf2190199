//! What the store's users and its writing thread share.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::{Mutex, RwLock};

use super::clock::Clock;
use super::error::{Incomplete, NotKept, Trouble};
use super::index::Index;
use super::object::Objects;
use super::pending::PendingRecords;
use super::row::Row;
use super::settings::StoreSettings;
use super::{CacheKey, catch_up, pack};

/// So often is read again what changes while it is read.
pub(super) const TRIES: usize = 3;

pub(super) struct Shared {
    pub(super) settings: StoreSettings,
    pub(super) objects: Objects,
    pub(super) clock: Clock,
    pub(super) pending: PendingRecords,
    index: RwLock<Arc<Index>>,
    caught_up: Mutex<Instant>,
    /// Finds that the index does not know of yet.
    used: Mutex<HashMap<CacheKey, u64>>,
    read_only: AtomicBool,
    trouble: Mutex<Option<Trouble>>,
}

impl Shared {
    pub(super) fn new(settings: StoreSettings, index: Index) -> Self {
        Self {
            objects: Objects::of(&settings.folder),
            settings,
            clock: Clock::default(),
            pending: PendingRecords::default(),
            index: RwLock::new(Arc::new(index)),
            caught_up: Mutex::new(Instant::now()),
            used: Mutex::default(),
            read_only: AtomicBool::new(false),
            trouble: Mutex::default(),
        }
    }

    pub(super) fn packs(&self) -> PathBuf {
        self.settings.folder.join("packs")
    }

    pub(super) fn is_read_only(&self) -> bool {
        self.read_only.load(Ordering::Relaxed)
    }

    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.trouble.lock().clone()
    }

    /// From here on nothing is written; the first reason is told.
    pub(super) fn fail(&self, doing: &'static str, source: io::Error) -> NotKept {
        let mut trouble = self.trouble.lock();
        if trouble.is_none() {
            let first = Trouble {
                folder: self.settings.folder.clone(),
                doing,
                source: Arc::new(source),
            };
            tracing::warn!("{first}: {}", first.source);
            *trouble = Some(first);
        }
        self.read_only.store(true, Ordering::Relaxed);
        NotKept::ReadOnly
    }

    /// Like [`fail`](Self::fail), but told by who opens the store.
    pub(super) fn begin_read_only(&self, doing: &'static str, source: io::Error) {
        *self.trouble.lock() = Some(Trouble {
            folder: self.settings.folder.clone(),
            doing,
            source: Arc::new(source),
        });
        self.read_only.store(true, Ordering::Relaxed);
    }

    /// Asks the index; one that fails is replaced by one in memory. `None` when that fails too.
    pub(super) fn with_index<T>(
        &self,
        mut ask: impl FnMut(&Index) -> rusqlite::Result<T>,
    ) -> Option<T> {
        let index = Arc::clone(&self.index.read());
        match ask(&index) {
            Ok(answer) => Some(answer),
            Err(error) => {
                let index = self.replace(&index, &error)?;
                ask(&index).ok()
            }
        }
    }

    fn replace(&self, failed: &Arc<Index>, error: &rusqlite::Error) -> Option<Arc<Index>> {
        let mut current = self.index.write();
        if !Arc::ptr_eq(&current, failed) {
            // Another thread was faster.
            return Some(Arc::clone(&current));
        }
        tracing::warn!("the cache's index failed ({error}): this run makes one in memory");
        let made = Index::in_memory(self.packs()).and_then(|index| {
            catch_up::catch_up(&index, &self.packs(), &self.clock)?;
            Ok(index)
        });
        match made {
            Ok(index) => {
                *current = Arc::new(index);
                Some(Arc::clone(&current))
            }
            Err(error) => {
                tracing::warn!("the cache's packs cannot be indexed: {error}");
                None
            }
        }
    }

    /// Takes up what other drivers wrote.
    pub(super) fn catch_up(&self) {
        let pending = self.pending.latest();
        let done = self.with_index(|index| {
            catch_up::catch_up(index, &self.packs(), &self.clock)?;
            index.refresh();
            self.clock.observe(index.latest()?);
            Ok(())
        });
        if done.is_none() {
            self.index.read().set_unread(Some(self.packs()));
        } else if self.incomplete().is_none() {
            // This driver's own pack was read too; another's record may hold by now.
            self.pending.forget(pending);
        }
    }

    /// Takes up what other drivers wrote, all of it if that can be had. A pack that another one's
    /// `prune` removes while it is to be read is not there the next time.
    pub(super) fn catch_up_wholly(&self) {
        for _ in 0..TRIES {
            self.catch_up();
            if self.incomplete().is_none() {
                return;
            }
        }
    }

    /// Why the index may not know of all there is.
    pub(super) fn incomplete(&self) -> Option<Incomplete> {
        let path = self.index.read().unread()?;
        Some(Incomplete::Unread { path })
    }

    /// Takes up what other drivers wrote, unless that was done just now or is being done.
    pub(super) fn catch_up_if_due(&self) -> bool {
        let Some(mut last) = self.caught_up.try_lock() else {
            return false;
        };
        if last.elapsed() < self.settings.catch_up_every {
            return false;
        }
        self.catch_up();
        *last = Instant::now();
        true
    }

    pub(super) fn note_used(&self, key: CacheKey, when: u64) {
        self.used.lock().insert(key, when);
    }

    pub(super) fn write_used(&self) {
        let used = std::mem::take(&mut *self.used.lock());
        self.index.read().refresh();
        if !used.is_empty() {
            self.with_index(|index| index.used(&used));
        }
    }

    /// Whether a record of a pack is the newest of its key.
    pub(super) fn holds(&self, row: &Row, pack: &str) -> bool {
        self.with_index(|index| {
            let Some(place) = index.locate(&row.key)? else {
                return Ok(false);
            };
            let here = place.offset == row.offset && place.stamp == row.stamp;
            Ok(here && index.pack_name(place.pack)?.as_deref() == Some(pack))
        })
        .unwrap_or(true)
    }

    /// The first stamp in the packs but these; `None` when that cannot be told.
    pub(super) fn first_stamp_beside(&self, packs: &[&String]) -> Option<u64> {
        let present = pack::list(&self.packs()).ok()?;
        self.catch_up();
        if self.incomplete().is_some() {
            return None;
        }
        let known = self.with_index(Index::known)?;
        let first = |name: &str| {
            let pack = known.iter().find(|pack| pack.name == name);
            // A pack that is not read yet may hold anything.
            pack.map_or(0, |pack| pack.first)
        };
        Some(
            present
                .iter()
                .filter(|pack| !packs.contains(&&pack.name))
                .map(|pack| first(&pack.name))
                .min()
                .unwrap_or(u64::MAX),
        )
    }
}
