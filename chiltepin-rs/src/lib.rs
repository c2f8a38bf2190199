//! Typed, async tasks for scientific and HPC workflows.

#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod environment;
mod kernel;
