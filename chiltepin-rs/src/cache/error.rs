//! What can be wrong with a cache.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::TaskError;

/// A folder that cannot be used as a cache; nothing in it was touched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum OpenError {
    /// Made by another version of the program.
    #[error(
        "the cache in `{}` has the format `{found}`, and this program reads and writes `{expected}`: \
         name another folder, or remove this one to begin anew",
        folder.display()
    )]
    OtherFormat {
        folder: PathBuf,
        found: String,
        expected: &'static str,
    },
    /// Something else lies there.
    #[error(
        "`{}` is not a cache: it has no file `format`, and is not empty; name another folder",
        folder.display()
    )]
    NotACache { folder: PathBuf },
    #[error("cannot read the format of the cache in `{}`", folder.display())]
    Unreadable { folder: PathBuf, source: io::Error },
    #[error("cannot make an index of the cache in `{}`", folder.display())]
    Index {
        folder: PathBuf,
        source: rusqlite::Error,
    },
    #[error("cannot start the thread that writes to the cache")]
    Thread(#[source] io::Error),
}

/// Why a [`Cache`](super::Cache) gives no answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The workflow has none.
    #[error("this workflow keeps no results: its configuration says `cache = false`")]
    Off,
    /// Its folder is something else, or cannot be read.
    #[error("the cache cannot be opened: {reason}")]
    Unusable {
        /// What is wrong with it.
        reason: String,
    },
    /// The call has a task whose results are not kept.
    #[error(
        "results of `{task}` are not kept: say so by `#[task(cache)]`, or by `.cache(true)` at the \
         call"
    )]
    NotCached {
        /// The task's name.
        task: String,
    },
    /// Without its arguments it cannot be told what the call's result is kept under.
    #[error("what the result of `{task}` is kept under cannot be told")]
    Arguments {
        /// The task's name.
        task: String,
        /// Why they are not to be had.
        #[source]
        error: TaskError,
    },
    /// Nothing can be removed.
    #[error("nothing can be removed from the cache: {reason}")]
    ReadOnly {
        /// What is in the way.
        reason: String,
    },
}

/// Why nothing is kept any more; results that were kept before are still found.
#[derive(Clone, Debug, thiserror::Error)]
#[error("nothing is kept in the cache `{}` from here on: {doing}", folder.display())]
pub(crate) struct Trouble {
    pub(super) folder: PathBuf,
    pub(super) doing: &'static str,
    #[source]
    pub(super) source: Arc<io::Error>,
}

/// A result that was not kept: the task's value holds all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum NotKept {
    #[error("the cache cannot be written to")]
    ReadOnly,
    #[error("the result's record is too long")]
    TooLong,
}

/// Why there may be more in a cache than can be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Incomplete {
    #[error("`{}` cannot be read, and there may be more results in it", path.display())]
    Unread { path: PathBuf },
    #[error("the index of the cache in `{}` has failed", folder.display())]
    Index { folder: PathBuf },
}

/// An output that cannot be given back: the task has to run again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RestoreError {
    #[error("the kept content of `{}` is gone", path.display())]
    Gone { path: PathBuf },
    #[error("the kept content of `{}` was damaged", path.display())]
    Damaged { path: PathBuf },
    #[error("`{}` is no regular file, and is not replaced by a kept one", path.display())]
    NotAFile { path: PathBuf },
    #[error("cannot restore `{}`", path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// A prefix that does not name one result.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ResolveError {
    #[error(transparent)]
    NotAKey(#[from] super::key::NotAKey),
    #[error("no cached result's key begins with `{prefix}`")]
    Unknown { prefix: String },
    #[error("several cached results' keys begin with `{prefix}`: give more digits")]
    Ambiguous { prefix: String },
}
