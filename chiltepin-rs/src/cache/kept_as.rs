//! What a call is to the cache, once its arguments are known.

use std::path::PathBuf;
use std::time::Instant;

use super::{CacheKey, Recipe};

/// As what the result of a call is kept.
#[derive(Debug)]
pub(crate) struct KeptAs {
    pub(crate) key: CacheKey,
    pub(crate) recipe: Recipe,
    /// The keys of the results among its arguments.
    pub(crate) upstream: Vec<CacheKey>,
    /// The directory of its own, which is kept with it.
    pub(crate) directory: Option<PathBuf>,
    /// When it was looked for.
    pub(crate) looked: Instant,
}
