//! What is in the store, and what came from what.

use std::collections::BTreeSet;

use rusqlite::params;

use super::entry::{Details, Filter, Summary};
use super::error::{Incomplete, ResolveError};
use super::key::KeyPrefix;
use super::recipe::nearest;
use super::record::{self, Body, ObjectRecord, OutputRecord};
use super::row::{JOINED, SUMMARY, summary};
use super::{CacheKey, KeyPart, Recipe, Store};

/// `why` compares with so many results of a function, the newest first.
const COMPARED: usize = 10_000;

impl Store {
    /// The results that fit, the oldest first.
    pub(crate) fn list(&self, filter: &Filter) -> Vec<Summary> {
        let (lines, _) = self.summaries(filter);
        lines.into_iter().map(|(line, _)| line).collect()
    }

    /// The same, each with whether it has objects, and why there may be more.
    pub(super) fn summaries(&self, filter: &Filter) -> (Vec<(Summary, bool)>, Option<Incomplete>) {
        self.shared.catch_up_wholly();
        self.shared.write_used();
        let folder = self.shared.settings.folder.clone();
        let before = filter.made_before.map(record::nanoseconds);
        let before = before.map(|time| time.min(i64::MAX as u64));
        let found = self.shared.with_index(|index| {
            let unread = index.unread();
            let lines = index.read(|connection| {
                connection
                    .prepare_cached(&format!(
                        "SELECT {SUMMARY} FROM {JOINED} WHERE removed = 0
                         AND (?1 IS NULL OR function = ?1) AND (?2 IS NULL OR run = ?2)
                         AND (?3 IS NULL OR made < ?3) ORDER BY made, key"
                    ))?
                    .query_map(params![filter.function, filter.run, before], summary)?
                    .collect::<rusqlite::Result<_>>()
            })?;
            Ok((lines, unread.map(|path| Incomplete::Unread { path })))
        });
        found.unwrap_or_else(|| (Vec::new(), Some(Incomplete::Index { folder })))
    }

    /// The files that a key's result needs: none where it was removed meanwhile or is damaged.
    pub(super) fn objects(&self, key: &CacheKey) -> Result<Vec<ObjectRecord>, Incomplete> {
        let head = self.read_record(key)?;
        let head = head.and_then(|payload| record::head(&payload).ok());
        Ok(match head.map(|(head, _)| head.body) {
            Some(Body::Entry(kept)) => kept.objects().collect(),
            _ => Vec::new(),
        })
    }

    /// The key that begins as a person typed it.
    pub(crate) fn resolve(&self, prefix: &str) -> Result<CacheKey, ResolveError> {
        let range: KeyPrefix = prefix.parse()?;
        self.shared.catch_up();
        let keys: Vec<CacheKey> = self
            .shared
            .with_index(|index| {
                index.read(|connection| {
                    connection
                        .prepare_cached(
                            "SELECT key FROM entry
                             WHERE key BETWEEN ?1 AND ?2 AND removed = 0 LIMIT 2",
                        )?
                        .query_map([range.first.0, range.last.0], |row| {
                            row.get(0).map(CacheKey)
                        })?
                        .collect()
                })
            })
            .unwrap_or_default();
        let prefix = prefix.to_owned();
        match keys[..] {
            [] => Err(ResolveError::Unknown { prefix }),
            [key] => Ok(key),
            _ => Err(ResolveError::Ambiguous { prefix }),
        }
    }

    /// All that is known of a result but its value.
    pub(crate) fn details(&self, key: &CacheKey) -> Option<Details> {
        self.shared.catch_up();
        let (summary, _) = self.shared.with_index(|index| {
            index.read(|connection| {
                connection
                    .prepare_cached(&format!(
                        "SELECT {SUMMARY} FROM {JOINED} WHERE key = ?1 AND removed = 0"
                    ))?
                    .query_map([&key.0], summary)?
                    .next()
                    .transpose()
            })
        })??;
        let (head, tail) = record::whole(&self.record(key)?).ok()?;
        let (Body::Entry(kept), Some(tail)) = (head.body, tail) else {
            return None;
        };
        let directory = kept.directory.name(key).ok()?;
        Some(Details {
            summary,
            directory: directory.map(|name| self.directories().join(name)),
            recipe: tail.recipe,
            outputs: kept.outputs.iter().map(OutputRecord::output).collect(),
            upstream: tail.upstream,
        })
    }

    /// The other kept result of the same function that differs from `recipe` in the fewest parts, and
    /// in which; of several the newest.
    pub(crate) fn nearest(&self, recipe: &Recipe) -> Option<(CacheKey, Vec<KeyPart>)> {
        let same = Filter {
            function: Some(recipe.function.clone()),
            ..Filter::default()
        };
        let own = recipe.key();
        let lines = self.list(&same);
        let others = lines.iter().rev().filter(|line| line.key != own);
        let candidates = others.take(COMPARED).filter_map(|line| {
            let (_, tail) = record::whole(&self.record(&line.key)?).ok()?;
            Some((line.key, tail?.recipe))
        });
        nearest(recipe, candidates)
    }

    /// The results that these went into, directly or through others, without these.
    pub(crate) fn dependents(&self, keys: &[CacheKey]) -> Vec<CacheKey> {
        self.shared.catch_up();
        let mut found: BTreeSet<CacheKey> = keys.iter().copied().collect();
        let mut ahead: Vec<CacheKey> = keys.to_vec();
        while let Some(key) = ahead.pop() {
            let below: Vec<CacheKey> = self
                .shared
                .with_index(|index| {
                    index.read(|connection| {
                        connection
                            .prepare_cached(
                                "SELECT upstream.key FROM upstream JOIN entry
                                 ON entry.key = upstream.key
                                 WHERE upstream.upstream = ?1 AND entry.removed = 0",
                            )?
                            .query_map([&key.0], |row| row.get(0).map(CacheKey))?
                            .collect()
                    })
                })
                .unwrap_or_default();
            ahead.extend(below.into_iter().filter(|key| found.insert(*key)));
        }
        for key in keys {
            found.remove(key);
        }
        found.into_iter().collect()
    }
}
