//! How configurations are read: files of Chiltepin, defaults, mistakes, and bytes of any kind.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

mod any_bytes;
mod chiltepin_files;
mod defaults;
mod include;
mod mistakes;
mod values;
