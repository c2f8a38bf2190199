//! The program that worker processes are started from: a copy of this process's own, made once.
//!
//! ```text
//!   /proc/self/exe ─► private folder: NAME-HASH, never written again ─► worker processes
//!                     (reflink where the file system can, else a copy)
//! ```
//!
//! A program that is built anew during a run replaces its file, and workers started later would be
//! another program than the driver. So all are started from a copy. A hard link is none: some
//! linkers write into the file that is there.

mod error;
mod folder;
mod identity;
mod snapshot;

pub use error::ProgramError;
pub use folder::PrivateFolder;
pub use snapshot::Program;
