//! Real agents over real connections: this very test binary, started again at a test that lets it
//! in, and a driver's handle to each.
//!
//! ```text
//!   calls     functions, commands, failures, what is told of them
//!   stops     of what runs, of what waits; what is left of an application
//!   ends      in good order, by a signal, by a kill of either side
//!   breaks    connections that are cut or fall silent, within the window and beyond
//!   starts    agents that do not come to be
//! ```

#![cfg(feature = "cluster")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test's helpers fail the test"
)]

mod breaks;
mod calls;
mod driver;
mod ends;
mod processes;
mod proxy;
mod starts;
mod stops;
mod tasks;
mod work;
