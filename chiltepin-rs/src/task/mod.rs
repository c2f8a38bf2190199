//! A call as it is kept from the moment it is made until its last handle is gone.
//!
//! ```text
//!   TaskCell<A, T, B>                        one allocation
//!     header     identity, options, decision     what the driver and handles see (AnyTask)
//!     slot       the value, who waits            what futures see (Task<T>)
//!     arguments  A: values and futures           resolved when an attempt starts
//!     body       B: function, async, command, join   what executors see (Work)
//! ```

mod arguments;
mod body;
mod cell;
mod context;
mod digester;
mod encoder;
mod header;
#[cfg(feature = "records")]
mod kept;
mod options;
mod scratch;
#[cfg(test)]
mod tests;
mod work;

pub use arguments::Arguments;
pub use context::{Run, TaskContext};

pub(crate) use body::{AsyncFunction, Body, Command, Function, Join};
pub(crate) use cell::{AnyTask, Task, TaskCell, make_directory};
pub(crate) use context::Origin;
pub(crate) use digester::{Digest, Digester, Digests};
pub(crate) use encoder::{EncodeError, Encoded, Encoder};
pub(crate) use header::Header;
#[cfg(feature = "records")]
pub(crate) use kept::KeptArguments;
pub(crate) use options::{Directory, Options};
