//! What chiltepin-rs does, as a program sees it; a module for each behaviour.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers and tasks too"
)]

mod crew;
mod executor;
mod pbs;
mod place;
mod process;
mod program;
mod slurm;
mod stage;
mod support;

mod arguments;
mod bodies;
mod cache;
mod cache_asked;
mod cache_directories;
mod cache_doubts;
mod cache_rebuilt;
mod cache_shared;
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
mod pbs_provider;
mod placement;
mod processes_accounts;
mod processes_ahead;
mod processes_driver;
mod processes_loss;
mod processes_mpi;
mod processes_mpi_real;
mod processes_neighbours;
mod processes_node;
mod processes_paths;
mod processes_pool;
mod processes_start;
mod processes_stops;
mod processes_storm;
mod processes_values;
mod processes_wire;
mod programs;
mod progress;
mod registry;
mod retries;
mod signals;
mod slurm_blocks;
mod slurm_provider;
mod slurm_provider_troubles;
