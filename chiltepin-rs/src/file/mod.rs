//! Files as arguments: a path that stands for what the file holds.
//!
//! ```text
//!   File ──encode──► path            on its way to another process
//!        ──digest──► FileHashes ──► 32 bytes, made of the content
//! ```

mod content;
mod hashes;
mod path;
#[cfg(test)]
mod tests;

pub use path::File;

pub(crate) use hashes::{FileHashes, UnreadFile};
