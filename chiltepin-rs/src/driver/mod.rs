//! The driver: between typed calls and the kernel, and between the kernel and the executors.
//!
//! ```text
//!   submit ─┐                        ┌─► Start, Stop ──► executor
//!   finish ─┼─► lock: kernel.handle ─┤
//!   cancel ─┤    decide endings      ├─► Ended ──► drop arguments, wake who waits
//!   timer ──┘                        └─► Drained ──► who closes
//! ```
//!
//! No actor and no channel: whoever has an event takes the lock, asks the kernel, decides the
//! endings it names, unlocks, and performs its commands. User code (wakers, `Clone`, `Drop`,
//! closures) never runs under the lock.

mod installed;
mod lock;
mod perform;
mod plan;
mod scope;
mod timers;

pub(crate) use installed::{Installed, Labels, Settings};
pub(crate) use lock::Driver;
pub(crate) use scope::Scope;
