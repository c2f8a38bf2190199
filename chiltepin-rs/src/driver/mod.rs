//! The driver: between typed calls and the kernel, and between the kernel and the executors.
//!
//! ```text
//!   submit ─► inbox ─┐                        ┌─► Start, Stop ──► executor
//!     └── if free ───┤                        │
//!   finish ──────────┼─► lock: kernel.handle ─┼─► Ended ──► drop arguments, wake who waits
//!   cancel, timer ───┤    decide endings      ├─► Look, Keep ──► results, which answer later
//!   rooms, results ──┘    (told to recorder)  ├─► Wanted ──► executor
//!                                             └─► Drained ──► who closes
//! ```
//!
//! No actor and no channel: whoever has an event takes the lock, asks the kernel, decides the
//! endings it names, unlocks, and performs its commands. User code (wakers, `Clone`, `Drop`,
//! closures) never runs under the lock.

mod cause;
mod decide;
mod inbox;
mod installed;
mod lock;
mod perform;
mod plain;
mod plan;
mod record;
#[cfg(feature = "records")]
mod recording;
mod rooms;
mod scope;
mod status;
mod submit;
#[cfg(test)]
mod tests;
mod timers;
mod wanted;

#[cfg(feature = "records")]
pub(crate) use installed::{CacheCounts, Results};
pub(crate) use installed::{Installed, Labels, Settings};
pub(crate) use lock::Driver;
#[cfg(feature = "records")]
pub(crate) use lock::Payload;
pub(crate) use record::Recorder;
#[cfg(feature = "cli")]
pub(crate) use recording::PROGRAM;
#[cfg(feature = "records")]
pub(crate) use recording::Recording;
pub(crate) use scope::Scope;
