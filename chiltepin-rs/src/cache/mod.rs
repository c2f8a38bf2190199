//! The store of results: what one run computed, later runs find.
//!
//! ```text
//!   CACHE/format                     one line: `chiltepin cache 1`
//!   CACHE/packs/TIME-HOST-PID-RANDOM.pack
//!                                    records, appended by one process each:
//!                                    header │ frame │ frame │ …
//!   CACHE/objects/ab/HASH.zst        values above 64 KiB and output files, by content
//!   CACHE/directories/KEY-…          the directory of one execution of a task
//!
//!   INDEX/CACHE-HOST-VERSION.db      on a local disk: key ─► where in which pack
//!
//!   put ─► writer ─► append, fdatasync ─► done, and the index when there is time
//!   get ─► not in the index yet? else index ─► one read of a pack, checked ─► value
//!            └── not found: take up what others wrote, at most once a second
//! ```
//!
//! The files are the truth, and the index is made anew from them whenever it is not there, not
//! sound or of another version. Nothing locks a file of the cache: each driver appends to a pack of
//! its own, everything else is published by rename, and of two records of one key the later holds
//! (see [`Clock`](clock::Clock)). So any number of drivers use one cache, on a network file system
//! too; a torn or damaged record is one result less, never a wrong one.

mod boot;
mod catch_up;
mod choose;
mod clock;
mod connection;
mod directory;
mod durable;
mod entry;
mod error;
mod files;
mod format;
pub(crate) mod frame;
mod handle;
mod in_flight;
mod index;
mod kept_as;
mod key;
mod listed;
mod listing;
mod object;
mod pack;
mod part;
mod pending;
mod prune;
mod publish;
mod queue;
mod recipe;
mod record;
mod results;
mod room;
mod row;
mod selection;
mod settings;
mod shared;
mod store;
#[cfg(test)]
mod tests;
mod unindexed;
mod waiter;
mod writer;

pub(crate) use directory::OwnDirectories;
#[cfg(feature = "cli")]
pub(crate) use entry::{Details, Filter, Summary};
pub(crate) use entry::{Entry, Output};
pub use error::CacheError;
#[cfg(feature = "cli")]
pub(crate) use error::{OpenError, ResolveError};
pub use handle::{Cache, Why};
pub(crate) use kept_as::KeptAs;
pub(crate) use key::CacheKey;
pub use listed::{CachedResult, Listing};
pub use part::KeyPart;
pub use selection::Selection;
#[cfg(feature = "cli")]
pub(crate) use selection::{below, is_named};

pub(crate) use recipe::{Argument, Code, Recipe};
pub(crate) use results::{CacheSettings, CachedResults};
pub(crate) use settings::{StoreSettings, default_index_folder};
pub(crate) use store::Store;
