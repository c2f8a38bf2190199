//! Making a cache smaller.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use super::choose::{Candidate, choose};
use super::entry::{Filter, Summary};
use super::error::{Incomplete, NotKept};
use super::key::hex;
use super::record;
use super::waiter::Waiter;
use super::writer::Job;
use super::{CacheKey, Store, directory, pack};
use crate::log::warn;

/// What a cache holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) entries: u64,
    /// Of all files, those that nothing needs any more too.
    pub(crate) bytes: u64,
}

/// What pruning came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pruned {
    pub(crate) removed: Vec<CacheKey>,
    pub(crate) before: Size,
    pub(crate) after: Size,
}

/// What pruning would come to.
#[cfg(feature = "cli")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) remove: Vec<CacheKey>,
    pub(crate) before: Size,
    /// Bytes of what stays, as far as it is needed: what running programs write to, and what is
    /// young, takes more.
    pub(crate) needed: u64,
}

impl Store {
    /// What the cache holds, counted on the disk.
    pub(crate) fn size(&self) -> Size {
        let folder = &self.shared.settings.folder;
        let bytes = ["packs", "objects", "directories"]
            .iter()
            .map(|name| weigh(&folder.join(name)))
            .sum();
        self.shared.catch_up();
        let entries = self.shared.with_index(|index| {
            index.read(|connection| {
                connection.query_row("SELECT count(*) FROM entry WHERE removed = 0", [], |row| {
                    row.get(0)
                })
            })
        });
        Size {
            entries: entries.unwrap_or_default(),
            bytes,
        }
    }

    /// Removes results and their directories; the room of their values and files is given back
    /// by [`prune`](Self::prune). Durable when this returns.
    pub(crate) fn remove(&self, keys: &[CacheKey]) -> Result<(), NotKept> {
        self.shared.catch_up();
        for key in keys {
            let place = self.shared.with_index(|index| index.locate(key)).flatten();
            self.shared
                .clock
                .observe(place.map_or(0, |place| place.stamp));
        }
        // Those of the results that were looked at: one that is kept meanwhile has another.
        let directories: Vec<_> = keys.iter().filter_map(|key| self.directory(key)).collect();
        let (reply, removed) = mpsc::channel();
        let job = Job::Remove {
            keys: keys.to_vec(),
            done: Waiter::new(move |result| {
                let _ = reply.send(result);
            }),
        };
        self.send(job).map_err(|_| NotKept::ReadOnly)?;
        removed.recv().map_err(|_| NotKept::ReadOnly)??;
        for directory in directories {
            directory::remove(&directory);
        }
        Ok(())
    }

    /// Removes results, the oldest used first, until the rest takes at most `most` bytes, and
    /// everything that no result needs any more.
    pub(crate) fn prune(&self, most: u64) -> Result<Pruned, NotKept> {
        let before = self.size();
        let (candidates, incomplete) = self.candidates();
        let removed = choose(candidates.clone(), most);
        if !removed.is_empty() {
            self.remove(&removed)?;
        }
        self.rewrite()?;
        self.sweep_directories();
        let gone: HashSet<&CacheKey> = removed.iter().collect();
        let kept = candidates.iter().filter(|kept| !gone.contains(&kept.key));
        match incomplete {
            None => self.sweep(kept),
            // A result that is not known may need any of it.
            Some(reason) => warn(&format!(
                "files that no result may need any more stay in the cache: {reason}"
            )),
        }
        Ok(Pruned {
            removed,
            before,
            after: self.size(),
        })
    }

    /// What [`prune`](Self::prune) would do; nothing is touched.
    #[cfg(feature = "cli")]
    pub(crate) fn plan_prune(&self, most: u64) -> Plan {
        let before = self.size();
        let (candidates, _) = self.candidates();
        let remove = choose(candidates.clone(), most);
        let gone: HashSet<&CacheKey> = remove.iter().collect();
        let kept = candidates.iter().filter(|kept| !gone.contains(&kept.key));
        let needed = super::choose::needed(kept);
        Plan {
            remove,
            before,
            needed,
        }
    }

    /// All results, and why there may be more or their objects are not all known.
    fn candidates(&self) -> (Vec<Candidate>, Option<Incomplete>) {
        let (lines, mut incomplete) = self.summaries(&Filter::default());
        let candidates = lines
            .into_iter()
            .map(|(line, has_objects)| self.candidate(&line, has_objects, &mut incomplete))
            .collect();
        (candidates, incomplete)
    }

    /// Notes in `incomplete` when its objects cannot be told.
    fn candidate(
        &self,
        line: &Summary,
        has_objects: bool,
        incomplete: &mut Option<Incomplete>,
    ) -> Candidate {
        let mut objects = Vec::new();
        if has_objects {
            match self.objects(&line.key) {
                Ok(found) => {
                    objects.extend(found.iter().map(|object| (object.hash, object.stored)));
                }
                Err(reason) => *incomplete = Some(reason),
            }
        }
        let shared: u64 = objects.iter().map(|(_, size)| *size).sum();
        let mut own = line.size.saturating_sub(shared);
        if line.has_directory
            && let Some(directory) = self.directory(&line.key)
        {
            own += weigh(&directory);
        }
        Candidate {
            key: line.key,
            used: record::nanoseconds(line.used),
            own,
            objects,
        }
    }

    /// Copies what holds out of the packs that nobody writes to any more.
    fn rewrite(&self) -> Result<(), NotKept> {
        let now = SystemTime::now();
        let after = self.shared.settings.abandoned_after;
        let packs = pack::list(&self.shared.packs()).unwrap_or_default();
        let packs = packs
            .into_iter()
            .filter(|pack| pack::is_abandoned(pack, now, after))
            .map(|pack| pack.name)
            .collect();
        let (reply, rewritten) = mpsc::channel();
        self.send(Job::Rewrite { packs, reply })
            .map_err(|_| NotKept::ReadOnly)?;
        rewritten.recv().map_err(|_| NotKept::ReadOnly)??;
        self.shared.with_index(|index| {
            index.shrink();
            Ok(())
        });
        Ok(())
    }

    /// Removes directories that no result names, once their drivers are gone.
    fn sweep_directories(&self) {
        let settings = &self.shared.settings;
        let now = SystemTime::now();
        let is_left = |path: &Path, name: &str| match directory::owner(name) {
            Some(owner) => owner.is_gone(path, now, settings),
            None => is_old(path, settings.grace),
        };
        let named = |path: std::path::PathBuf| {
            let name = path.file_name()?.to_str()?.to_owned();
            Some((path, name))
        };
        let left: Vec<_> = children(&self.directories())
            .into_iter()
            .filter_map(named)
            .filter(|(path, name)| is_left(path, name))
            .collect();
        // Asked only now: a driver that is gone has named all that it will.
        if left.is_empty() {
            return;
        }
        let (results, incomplete) = self.summaries(&Filter::default());
        let results = results.iter().map(|(line, _)| line);
        let needed: Option<HashSet<_>> = results
            .filter(|line| line.has_directory)
            .map(|line| self.directory(&line.key))
            .collect();
        // A result that is not known may have any of them.
        let Some(needed) = needed.filter(|_| incomplete.is_none()) else {
            return;
        };
        for (path, name) in left {
            if name.starts_with(".tmp") {
                let _ = fs::remove_dir_all(path);
            } else if !needed.contains(&path) {
                directory::remove(&path);
            }
        }
    }

    /// Removes objects that no result needs, unless they are young: these may be on their way into
    /// a record.
    fn sweep<'a>(&self, kept: impl Iterator<Item = &'a Candidate>) {
        let mut needed = HashSet::new();
        for candidate in kept {
            let names = candidate.objects.iter();
            needed.extend(names.map(|(hash, _)| format!("{}.zst", hex(hash))));
        }
        let grace = self.shared.settings.grace;
        let folder = &self.shared.settings.folder;
        let mut folders = vec![folder.clone()];
        folders.extend(children(self.shared.objects.folder()));
        for (at, folder) in folders.iter().enumerate() {
            for path in children(folder) {
                let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                    continue;
                };
                // In the cache's own folder only drafts are nobody's.
                let unneeded = name.starts_with(".tmp") || (at > 0 && !needed.contains(name));
                if unneeded && is_old(&path, grace) {
                    let _ = fs::remove_file(&path);
                }
            }
        }
    }
}

fn children(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn is_old(path: &Path, grace: Duration) -> bool {
    let written = fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
    written.is_ok_and(|written| written.elapsed().is_ok_and(|age| age >= grace))
}

/// The bytes of the files in a folder.
fn weigh(folder: &Path) -> u64 {
    let weight = |path: &Path| -> io::Result<u64> {
        let metadata = fs::symlink_metadata(path)?;
        Ok(if metadata.is_dir() {
            weigh(path)
        } else {
            metadata.len()
        })
    };
    children(folder)
        .iter()
        .map(|path| weight(path).unwrap_or(0))
        .sum()
}
