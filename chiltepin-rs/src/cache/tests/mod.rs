//! The store with real files.

mod catching_up;
mod damage;
mod durable;
mod keeping;
mod merge;
mod packs;
mod pruning;
mod queueing;
mod rates;
mod recipes;
mod restart;
mod special;
mod trouble;
mod two;

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tempfile::TempDir;

use super::error::NotKept;
use super::{Argument, CacheKey, Code, Entry, Recipe, Store, StoreSettings};

/// A cache and its index in a folder of their own.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    fn settings(&self) -> StoreSettings {
        let mut settings = StoreSettings::new(self.cache(), self.folder.path().join("index"));
        settings.catch_up_every = Duration::ZERO;
        settings.grace = Duration::ZERO;
        settings.abandoned_after = Duration::ZERO;
        settings
    }

    fn open(&self) -> Store {
        Store::open(&self.settings()).unwrap()
    }

    /// As from another machine: with an index of its own.
    fn open_elsewhere(&self) -> Store {
        let mut settings = self.settings();
        settings.index_folder = self.folder.path().join("index elsewhere");
        Store::open(&settings).unwrap()
    }

    fn packs(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.cache().join("packs")).unwrap();
        let mut packs: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        packs.sort();
        packs
    }

    /// Makes the packs those of a driver on a machine that is gone.
    fn abandon(&self) {
        for (number, path) in self.packs().into_iter().enumerate() {
            let name = format!("{number:020}-elsewhere-1-{number:016x}.pack");
            fs::rename(&path, path.with_file_name(name)).unwrap();
        }
    }

    /// All objects, whatever they hold.
    fn objects(&self) -> Vec<PathBuf> {
        let folders = fs::read_dir(self.cache().join("objects")).unwrap();
        folders
            .flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap())
            .map(|entry| entry.unwrap().path())
            .collect()
    }
}

fn recipe(number: u64) -> Recipe {
    Recipe {
        function: "crate::square".to_owned(),
        version: String::new(),
        code: Code::Body([1; 16]),
        arguments: vec![Argument {
            name: "x".to_owned(),
            digest: *blake3::hash(&number.to_le_bytes()).as_bytes(),
        }],
    }
}

fn key(number: u64) -> CacheKey {
    recipe(number).key()
}

fn entry(number: u64, value: &[u8]) -> Entry {
    Entry {
        key: key(number),
        recipe: recipe(number),
        value: Bytes::copy_from_slice(value),
        outputs: Vec::new(),
        directory: None,
        upstream: Vec::new(),
        made: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + number),
        took: Duration::from_millis(number),
        run: "0001".to_owned(),
        task: format!("square#{number}"),
    }
}

/// Keeps an entry, and waits until it is durable.
fn keep(store: &Store, entry: Entry) -> Result<(), NotKept> {
    let (reply, kept) = mpsc::channel();
    store.put(entry, move |result| reply.send(result).unwrap());
    kept.recv().unwrap()
}

fn value(store: &Store, number: u64) -> Option<Vec<u8>> {
    store.get(&key(number)).map(|found| found.value.to_vec())
}
