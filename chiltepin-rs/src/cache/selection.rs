//! Which results are meant, and what becomes of them.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::entry::{Filter, Summary};
use super::handle::blocking;
use super::listed::{CachedResult, Listing};
use super::{Cache, CacheError, CacheKey, Store};
use crate::task::AnyTask;

/// Results of a [`Cache`]: those that fit all that is said.
///
/// ```
/// use std::time::Duration;
/// use chiltepin::{Workflow, task};
///
/// #[task(cache)]
/// fn square(x: u64) -> u64 { x * x }
///
/// #[task(cache)]
/// fn sum(values: Vec<u64>) -> u64 { values.iter().sum() }
///
/// #[chiltepin::main]
/// async fn main(_: Workflow) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// #   let folder = tempfile::tempdir()?;
/// #   let workflow = Workflow::builder().run_dir(folder.path()).open()?;
///     let squares = workflow.map(1..=3, square);
///     sum(squares).submit(&workflow).await?;
///     let cache = workflow.cache();
///     assert!(cache.older_than(Duration::from_secs(3600)).list().await?.is_empty());
///
///     let all = cache.function("square").downstream();
///     assert_eq!(all.list().await?.len(), 4);             // removes nothing
///     let removed = all.clear().await?;
///     assert_eq!(removed.iter().filter(|result| result.is_downstream).count(), 1);
/// #   workflow.close().await;
///     Ok(())
/// }
/// ```
#[derive(Clone)]
#[must_use = "nothing is looked up until `.list()` or `.clear()`"]
pub struct Selection<'c> {
    cache: Cache,
    call: Option<&'c dyn AnyTask>,
    function: Option<String>,
    run: Option<String>,
    older_than: Option<Duration>,
    takes_downstream: bool,
}

impl<'c> Selection<'c> {
    pub(super) fn of(cache: Cache) -> Self {
        Self {
            cache,
            call: None,
            function: None,
            run: None,
            older_than: None,
            takes_downstream: false,
        }
    }

    pub(super) fn of_call(cache: Cache, call: &'c dyn AnyTask) -> Self {
        Self {
            call: Some(call),
            ..Self::of(cache)
        }
    }

    /// Only those of this function, by its whole name or the end of it.
    pub fn function(mut self, name: impl Into<String>) -> Self {
        self.function = Some(name.into());
        self
    }

    /// Only those that this run computed, as `chiltepin runs` names it.
    pub fn run(mut self, name: impl Into<String>) -> Self {
        self.run = Some(name.into());
        self
    }

    /// Only those that were computed longer ago than this.
    pub fn older_than(mut self, age: Duration) -> Self {
        self.older_than = Some(age);
        self
    }

    /// Also the results that those went into, directly or through others, whatever else is said.
    pub fn downstream(mut self) -> Self {
        self.takes_downstream = true;
        self
    }

    /// Tells which these are, the oldest first, and then what is downstream of them.
    ///
    /// # Errors
    /// If there is no cache, or it cannot be opened; of a call, if its task is not cached or its
    /// arguments cannot be had.
    pub async fn list(&self) -> Result<Listing, CacheError> {
        Ok(self.chosen().await?.into_listing())
    }

    /// Removes them, with the directories that are kept with them, and tells which they were. Their
    /// tasks run again. `chiltepin cache prune` then gives back the room on the disk.
    ///
    /// # Errors
    /// As [`list`](Self::list), and if the cache cannot be written to.
    pub async fn clear(&self) -> Result<Listing, CacheError> {
        let chosen = self.chosen().await?;
        let keys = chosen.keys();
        if !keys.is_empty() {
            blocking(|| {
                let store = self.cache.store()?;
                store.remove(&keys).map_err(|error| {
                    let trouble = store.trouble().map(|trouble| trouble.to_string());
                    let reason = trouble.unwrap_or_else(|| error.to_string());
                    CacheError::ReadOnly { reason }
                })
            })?;
        }
        Ok(chosen.into_listing())
    }

    async fn chosen(&self) -> Result<Chosen, CacheError> {
        let key = match self.call {
            Some(call) => Some(self.cache.recipe(call).await?.key()),
            None => None,
        };
        blocking(|| {
            let store = self.cache.store()?;
            let mut chosen = store.list(&self.filter(SystemTime::now()));
            chosen.retain(|result| {
                let is_named = |name: &String| is_named(&result.function, name);
                key.is_none_or(|key| key == result.key)
                    && self.function.as_ref().is_none_or(is_named)
            });
            let below = match self.takes_downstream {
                true => below(store, &chosen),
                false => Vec::new(),
            };
            Ok(Chosen { chosen, below })
        })
    }

    fn filter(&self, now: SystemTime) -> Filter {
        let made_before = self.older_than.map(|age| {
            // Nothing was made before the clock began.
            now.checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH)
        });
        Filter {
            function: None,
            run: self.run.clone(),
            made_before,
        }
    }
}

/// What fits, and what is taken along.
struct Chosen {
    chosen: Vec<Summary>,
    below: Vec<Summary>,
}

impl Chosen {
    fn keys(&self) -> Vec<CacheKey> {
        let all = self.chosen.iter().chain(&self.below);
        all.map(|result| result.key).collect()
    }

    fn into_listing(self) -> Listing {
        let below = self.below.into_iter().map(|result| CachedResult {
            is_downstream: true,
            ..CachedResult::of(result)
        });
        let chosen = self.chosen.into_iter().map(CachedResult::of);
        Listing::of(chosen.chain(below).collect())
    }
}

/// The results that these went into, without these, the oldest first.
pub(crate) fn below(store: &Store, chosen: &[Summary]) -> Vec<Summary> {
    let keys: Vec<_> = chosen.iter().map(|result| result.key).collect();
    let below = store.dependents(&keys);
    if below.is_empty() {
        return Vec::new();
    }
    let mut all = store.list(&Filter::default());
    // They come in the order of their keys.
    all.retain(|result| below.binary_search(&result.key).is_ok());
    all
}

/// Whether a function is meant by its whole name or the end of it: `square` by `crate::square`, but
/// not by `are`.
pub(crate) fn is_named(function: &str, name: &str) -> bool {
    let before = function.strip_suffix(name);
    before.is_some_and(|before| before.is_empty() || before.ends_with("::"))
}

impl fmt::Debug for Selection<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Selection")
            .field("call", &self.call.map(|call| call.header().name()))
            .field("function", &self.function)
            .field("run", &self.run)
            .field("older_than", &self.older_than)
            .field("downstream", &self.takes_downstream)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_named_by_the_whole_or_the_end_of_its_name() {
        for name in ["crate::grid::square", "grid::square", "square"] {
            assert!(is_named("crate::grid::square", name), "{name}");
        }
        for name in ["are", "rid::square", "crate", "crate::grid::square::x", ""] {
            assert!(!is_named("crate::grid::square", name), "{name}");
        }
    }
}
