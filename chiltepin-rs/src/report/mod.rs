//! What a run leaves on record, and what can be told from it.
//!
//! ```text
//!   driver ──events──► stream ──► journal (`run.journal`)
//!                            └──► live: rows on the terminal, or lines
//!   journal ──read──► record of each task ──► summary
//!                                        ├──► story of a task, why it waits
//!                                        └──► tables, traces
//! ```

mod blocks;
#[cfg(feature = "cli")]
mod database;
mod event;
#[cfg(feature = "cli")]
mod hours;
#[cfg(feature = "records")]
mod journal;
#[cfg(feature = "cli")]
mod lack;
mod live;
#[cfg(feature = "records")]
mod names;
#[cfg(feature = "cli")]
mod reasons;
#[cfg(feature = "cli")]
mod record;
#[cfg(feature = "cli")]
mod show;
#[cfg(feature = "cli")]
mod story;
mod stream;
#[cfg(feature = "cli")]
mod summary;
#[cfg(test)]
#[cfg(feature = "cli")]
mod tests;
#[cfg(feature = "cli")]
mod waiting;

#[cfg(feature = "cli")]
pub(crate) use database::database;
pub(crate) use event::*;
#[cfg(feature = "records")]
pub(crate) use journal::Journal;
#[cfg(feature = "cli")]
pub(crate) use journal::{ReadError, read};
pub(crate) use live::{Live, make_way};
#[cfg(feature = "cli")]
pub(crate) use reasons::reasons;
#[cfg(feature = "cli")]
pub(crate) use record::{AttemptRecord, Name, RunRecord, TaskRecord};
#[cfg(feature = "cli")]
pub(crate) use show::{date, memory, steps, time};
#[cfg(feature = "cli")]
pub(crate) use story::story;
pub(crate) use stream::{Busy, Stream, View};
#[cfg(feature = "cli")]
pub(crate) use summary::{Counts, counts, state, summary};
#[cfg(feature = "cli")]
pub(crate) use waiting::why;
