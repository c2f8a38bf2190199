//! Real processes: this very test binary, started again at a test that lets it in.
//!
//! ```text
//!   nodes     a node's spawner, its workers and its commands
//!   agents    over real connections, and a driver's handle to each
//!   blocks    agents as jobs of a batch system that is none, and a kernel that knows who has room
//! ```

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test's helpers fail the test"
)]

#[cfg(feature = "cluster")]
mod agents;
#[cfg(feature = "cluster")]
mod blocks;
mod entrance;
mod nodes;
#[cfg(feature = "cluster")]
mod pool;
mod process;
#[cfg(feature = "cluster")]
mod tasks;
#[cfg(feature = "cluster")]
mod work;
