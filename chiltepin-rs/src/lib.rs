//! Typed, async tasks for scientific and HPC workflows.

pub mod config;
pub mod environment;
