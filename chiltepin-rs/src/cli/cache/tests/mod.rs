//! The commands on a cache with known results.

mod reading;
mod removing;
mod why;

use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use clap::Parser;
use tempfile::TempDir;

use super::{Cache, Desk};
use crate::cache::{Argument, CacheKey, Code, Entry, Recipe, Store, StoreSettings};
use crate::cli::exit::Exit;

/// `chiltepin cache` alone.
#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    cache: Cache,
}

struct Place {
    store: Store,
    folder: TempDir,
}

/// When all of it happens.
const NOW: u64 = 1_700_000_000;
const HOUR: u64 = 3600;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// What a command said, and how it ended.
struct Said {
    out: String,
    errors: String,
    exit: Exit,
}

fn open(folder: &TempDir) -> Store {
    let folder = folder.path();
    let settings = StoreSettings::new(folder.join("cache"), folder.join("index"));
    Store::open(&settings).unwrap()
}

/// Keeps a result, and waits until it is.
fn keep(store: &Store, entry: Entry) {
    let (reply, kept) = mpsc::channel();
    store.put(entry, move |result| reply.send(result).unwrap());
    kept.recv().unwrap().unwrap();
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = open(&folder);
        Self { store, folder }
    }

    /// A cache of two functions: `square` twice, and `sum` of both squares.
    fn filled() -> Self {
        let place = Self::new();
        let squares = [square(3, 30 * 24), square(4, 2)];
        let mut sum = entry("crate::sum", "sum#1", 1, &[("values", 7)]);
        sum.upstream = squares.iter().map(|square| square.key).collect();
        for entry in squares.into_iter().chain([sum]) {
            place.keep(entry);
        }
        place
    }

    fn keep(&self, entry: Entry) {
        keep(&self.store, entry);
    }

    fn run(&self, arguments: &str) -> Said {
        let line = format!("cache {arguments}");
        let line = Line::try_parse_from(line.split_whitespace()).unwrap();
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        let desk = Desk {
            store: &self.store,
            now: at(NOW),
            out: &mut out,
            errors: &mut errors,
        };
        let exit = line.cache.action.run(desk).unwrap();
        let text = |bytes| {
            let place = self.folder.path().to_str().unwrap();
            String::from_utf8(bytes).unwrap().replace(place, "PLACE")
        };
        Said {
            out: text(out),
            errors: text(errors),
            exit,
        }
    }

    /// What a command says that does well.
    fn out(&self, arguments: &str) -> String {
        let said = self.run(arguments);
        assert_eq!((said.exit, &*said.errors), (Exit::Success, ""));
        said.out
    }

    fn holds(&self, key: &CacheKey) -> bool {
        self.store.get(key).is_some()
    }
}

/// A result that is so many hours old, of arguments with these digests.
fn entry(function: &str, task: &str, hours: u64, arguments: &[(&str, u8)]) -> Entry {
    let arguments = arguments.iter().map(|&(name, digest)| Argument {
        name: name.to_owned(),
        digest: [digest; 32],
    });
    let recipe = Recipe {
        function: function.to_owned(),
        version: String::new(),
        code: Code::Body([0xab; 16]),
        arguments: arguments.collect(),
    };
    Entry {
        key: recipe.key(),
        recipe,
        value: Bytes::from_static(b"value"),
        outputs: Vec::new(),
        directory: None,
        upstream: Vec::new(),
        made: at(NOW - hours * HOUR),
        took: Duration::from_millis(1500),
        run: "20231114-201320-3f9a0c".to_owned(),
        task: task.to_owned(),
    }
}

fn square(digest: u8, hours: u64) -> Entry {
    let task = format!("square#{digest}");
    entry("crate::grid::square", &task, hours, &[("x", digest)])
}
