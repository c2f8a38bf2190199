//! Where a cache lies, and what it goes by.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Where a cache lies, and what it goes by.
#[derive(Clone, Debug)]
pub(crate) struct StoreSettings {
    /// The cache; it may lie on a network file system, and be used by many drivers at once.
    pub(crate) folder: PathBuf,
    /// Where the index goes: a local disk.
    pub(crate) index_folder: PathBuf,
    /// How old the last write to another host's pack must be for `prune` to take its driver for
    /// dead; on this host the process is asked for.
    pub(crate) abandoned_after: Duration,
    /// How old a file must be before `prune` takes it for unused rather than just being kept.
    pub(crate) grace: Duration,
    /// How often, at most, a key that is not found makes the store look for what other drivers
    /// wrote.
    pub(crate) catch_up_every: Duration,
}

impl StoreSettings {
    pub(crate) fn new(folder: impl Into<PathBuf>, index_folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            index_folder: index_folder.into(),
            abandoned_after: Duration::from_secs(7 * 24 * 3600),
            grace: Duration::from_secs(3600),
            catch_up_every: Duration::from_secs(1),
        }
    }
}

/// Where indexes go by default, from the values of `XDG_CACHE_HOME` and `HOME`.
pub(crate) fn default_index_folder(
    cache_home: Option<OsString>,
    home: Option<OsString>,
) -> Option<PathBuf> {
    // The XDG rule: a relative path is ignored.
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let base = cache_home
        .and_then(absolute)
        .or_else(|| Some(home.and_then(absolute)?.join(".cache")))?;
    Some(base.join("chiltepin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_goes_to_the_users_cache() {
        let folder = |cache: &str, home: &str| {
            let given = |text: &str| (!text.is_empty()).then(|| OsString::from(text));
            default_index_folder(given(cache), given(home)).map(|path| path.display().to_string())
        };
        assert_eq!(folder("/x", "/home/me").as_deref(), Some("/x/chiltepin"));
        assert_eq!(
            folder("relative", "/home/me").as_deref(),
            Some("/home/me/.cache/chiltepin")
        );
        assert_eq!(folder("", ""), None);
    }
}
