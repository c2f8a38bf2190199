//! What a call is to the cache, once its arguments are known.

use std::path::PathBuf;
use std::time::Instant;

use parking_lot::Mutex;

use super::{CacheKey, OwnDirectories, Recipe};

/// As what the result of a call is kept.
#[derive(Debug)]
pub(crate) struct KeptAs {
    pub(crate) key: CacheKey,
    pub(crate) recipe: Recipe,
    /// The files among its arguments, each with the hash of what it held then.
    pub(crate) files: Vec<(PathBuf, [u8; 32])>,
    /// The keys of the results among its arguments.
    pub(crate) upstream: Vec<CacheKey>,
    /// The directories of its own, of which one is kept with it.
    pub(crate) directories: Option<OwnDirectories>,
    /// When its latest attempt was started; when it was looked for, before any.
    pub(crate) started: Mutex<Instant>,
}
