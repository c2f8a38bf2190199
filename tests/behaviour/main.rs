//! What chiltepin-rs does, as a program sees it; a module for each behaviour.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers and tasks too"
)]

mod place;
mod process;
mod program;
mod support;

mod arguments;
mod bodies;
mod calls;
mod closing;
mod closing_runtimes;
mod commands;
mod commands_files;
mod commands_stops;
mod configuration;
mod corners;
mod errors;
mod futures;
mod graphs;
mod joins;
mod methods;
mod placement;
mod programs;
mod registry;
mod signals;
