//! Which cache is meant.

use std::path::{Path, PathBuf};

use super::super::exit::Exit;
use crate::cache::{OpenError, Store, StoreSettings};
use crate::config::{Config, ConfigError, WorkflowSettings};
use crate::environment;
use crate::workflow::caching;

/// What stands in the way of a cache.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoCache {
    #[error("{0}")]
    Config(ConfigError),
    #[error(
        "no results are kept: the configuration says `cache = false`; name a cache by `--folder`"
    )]
    Off,
    #[error(
        "there is no cache in `{}`; name its folder by `--folder`, or say where it is by `cache` \
         in the configuration that `{}` names", folder.display(), environment::CONFIG.name
    )]
    None { folder: PathBuf },
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl NoCache {
    pub(super) const fn exit(&self) -> Exit {
        match self {
            Self::Config(_) | Self::Off | Self::None { .. } => Exit::Usage,
            Self::Open(OpenError::NotACache { .. }) => Exit::Usage,
            Self::Open(_) => Exit::Failure,
        }
    }
}

/// Opens the cache that is given, or the configured one; begins none.
pub(super) fn open(given: Option<PathBuf>) -> Result<Store, NoCache> {
    let folder = match given {
        Some(folder) => folder,
        None => configured()?,
    };
    if is_nothing(&folder) {
        return Err(NoCache::None { folder });
    }
    let absolute = std::path::absolute(&folder).unwrap_or_else(|_| folder.clone());
    let index = caching::index_folder(&absolute);
    Ok(Store::open(&StoreSettings::new(folder, index))?)
}

fn configured() -> Result<PathBuf, NoCache> {
    let settings = match environment::config_path() {
        Some(path) => Config::load(path).map_err(NoCache::Config)?.workflow,
        None => WorkflowSettings::default(),
    };
    caching::folder(&settings).ok_or(NoCache::Off)
}

/// Whether a cache would be begun there: opening a folder that holds something else says so itself.
fn is_nothing(folder: &Path) -> bool {
    match folder.read_dir() {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => !folder.join("format").exists(),
    }
}
