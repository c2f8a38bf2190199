//! Futures: handles to the value of a task that was submitted, or to a part of it.
//!
//! ```text
//!   AppFuture<T> ──► Task     a submitted call: value slot + decision + identity
//!                │              the slot holds a value, or what another process gave for one
//!                ├─► Ready    a value that is there already
//!                └─► View     a part of another future's value (map, index, field)
//! ```

mod block;
mod decision;
mod handle;
mod output;
mod report;
mod slot;
mod status;
mod view;

pub use handle::AppFuture;
pub use output::TaskOutput;
pub use report::TaskReport;
pub use status::Status;

pub(crate) use block::block_on;
pub(crate) use decision::Decision;
pub(crate) use handle::{AnyFuture, undecodable};
pub(crate) use report::Account;
pub(crate) use slot::{Slot, Waiting};
