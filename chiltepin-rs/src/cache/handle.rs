//! The cache, as a program asks it.
//!
//! ```text
//!   Cache ─┬─► everything, function, older_than, call ─► Selection ─► list or clear ─► Listing
//!          └─► why ─► Why: there, or what in the call's key is new
//! ```

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use super::listed::{CachedResult, Listing};
use super::results::Shared;
use super::{CacheError, KeyPart, Recipe, Selection, Store};
use crate::error::ErrorKind;
use crate::task::AnyTask;
use crate::{Call, Value};

/// The kept results of a workflow: which there are, why a call is not among them, and those to
/// remove.
///
/// [`Workflow::cache`](crate::Workflow::cache) gives it. A call is asked about as it is, without
/// being submitted: futures among its arguments are waited for, and files read on this thread.
///
/// ```
/// use chiltepin::caching::Why;
/// use chiltepin::{Workflow, task};
///
/// #[task(cache)]
/// fn square(x: u64) -> u64 { x * x }
///
/// #[chiltepin::main]
/// async fn main(_: Workflow) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// #   let folder = tempfile::tempdir()?;
/// #   let workflow = Workflow::builder().run_dir(folder.path()).open()?;
///     let cache = workflow.cache();
///     square(3).submit(&workflow).await?;
///     assert!(matches!(cache.why(&square(3)).await?, Why::Kept(_)));
///     assert_eq!(
///         cache.why(&square(4)).await?.parts()[0].to_string(),
///         "the value of the argument `x`"
///     );
///     let removed = cache.clear(&square(3)).await?;
///     assert_eq!(removed.len(), 1);
/// #   workflow.close().await;
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Cache {
    /// None where nothing is kept.
    shared: Option<Arc<Shared>>,
}

/// Whether the result of a call is kept, and if not, what in its key is new.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// It is kept: this one.
    Kept(CachedResult),
    /// It is not, and of the same function this other result is, whose key differs in the fewest
    /// parts.
    New {
        /// The parts in which they differ.
        parts: Vec<KeyPart>,
        /// The result that is kept.
        nearest: CachedResult,
    },
    /// It is not, and neither is another result of the function.
    Unknown,
}

impl Why {
    /// What is new in the call's key.
    #[must_use]
    pub fn parts(&self) -> &[KeyPart] {
        match self {
            Self::New { parts, .. } => parts,
            Self::Kept(_) | Self::Unknown => &[],
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept(kept) => write!(formatter, "the result is kept, from {kept}"),
            Self::New { parts, nearest } => {
                write!(formatter, "compared with {nearest}, new is:")?;
                parts
                    .iter()
                    .try_for_each(|part| write!(formatter, "\n  {part}"))
            }
            Self::Unknown => formatter.write_str("no result of the function is kept"),
        }
    }
}

impl Cache {
    pub(super) fn of(shared: Arc<Shared>) -> Self {
        let shared = Some(shared);
        Self { shared }
    }

    /// That of a workflow which keeps nothing.
    pub(crate) fn off() -> Self {
        Self { shared: None }
    }

    /// All results.
    pub fn everything(&self) -> Selection<'static> {
        Selection::of(self.clone())
    }

    /// The results of a function, by its whole name or the end of it: `square` is that of
    /// `my_crate::grid::square`.
    pub fn function(&self, name: impl Into<String>) -> Selection<'static> {
        self.everything().function(name)
    }

    /// The results that were computed longer ago than this.
    pub fn older_than(&self, age: Duration) -> Selection<'static> {
        self.everything().older_than(age)
    }

    /// The result of a call, if it is kept.
    pub fn call<'c, T: Value, K>(&self, call: &'c Call<T, K>) -> Selection<'c> {
        Selection::of_call(self.clone(), call.task())
    }

    /// Removes the result of a call, so that it runs again; without what came from it, which
    /// [`call`](Self::call) takes along if it is told.
    ///
    /// # Errors
    /// As [`Selection::clear`].
    pub async fn clear<T: Value, K>(&self, call: &Call<T, K>) -> Result<Listing, CacheError> {
        self.call(call).clear().await
    }

    /// Tells whether the result of a call is kept, and if not, what in its key is new.
    ///
    /// # Errors
    /// If there is no cache, or it cannot be opened; if the task is not cached, or its arguments
    /// cannot be had.
    pub async fn why<T: Value, K>(&self, call: &Call<T, K>) -> Result<Why, CacheError> {
        let recipe = self.recipe(call.task()).await?;
        blocking(|| {
            let store = self.store()?;
            let kept = |key| store.details(&key).map(|it| CachedResult::of(it.summary));
            let key = recipe.key();
            if let (Some(_), Some(kept)) = (store.get(&key), kept(key)) {
                return Ok(Why::Kept(kept));
            }
            let nearest = store.nearest(&recipe);
            let nearest = nearest.and_then(|(key, parts)| Some((kept(key)?, parts)));
            Ok(match nearest {
                Some((nearest, parts)) => Why::New { parts, nearest },
                None => Why::Unknown,
            })
        })
    }

    fn shared(&self) -> Result<&Arc<Shared>, CacheError> {
        self.shared.as_ref().ok_or(CacheError::Off)
    }

    pub(super) fn store(&self) -> Result<&Store, CacheError> {
        self.shared()?.opened().map_err(|reason| {
            let reason = reason.to_owned();
            CacheError::Unusable { reason }
        })
    }

    /// What the key of a call is made of, once the futures among its arguments are there.
    pub(super) async fn recipe(&self, task: &dyn AnyTask) -> Result<Recipe, CacheError> {
        let shared = self.shared()?;
        let header = task.header();
        if !header.is_cached() {
            let task = header.name().to_owned();
            return Err(CacheError::NotCached { task });
        }
        let of_arguments = |kind| {
            let (task, error) = (header.name().to_owned(), header.error(kind));
            CacheError::Arguments { task, error }
        };
        let mut waiting = Vec::new();
        task.visit_dependencies(&mut |future| waiting.push(future.boxed()));
        for mut future in waiting {
            let ended = poll_fn(|context| future.poll_end(context)).await;
            ended.map_err(|error| {
                let root = error.root().clone();
                of_arguments(ErrorKind::DependencyFailed { root })
            })?;
        }
        blocking(|| {
            let recipe = shared.recipe(task).map(|(recipe, _)| recipe);
            recipe.map_err(|failure| of_arguments(ErrorKind::of_failure(failure.kind, None)))
        })
    }
}

/// Does what takes a while on this thread, and lets its runtime know.
pub(super) fn blocking<T>(work: impl FnOnce() -> Result<T, CacheError>) -> Result<T, CacheError> {
    let done = crate::future::block_on(async move { work() }, None);
    // It has no deadline that could pass.
    done.unwrap_or_else(|| unreachable!("it was not waited for"))
}

impl fmt::Debug for Cache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = self.shared.as_ref().map(|shared| shared.folder());
        formatter
            .debug_struct("Cache")
            .field("folder", &folder)
            .finish()
    }
}
