//! Commands executed by a real bash, and stopped with real processes.
//!
//! ```text
//!   exits     codes, signals, promised files        streams   files, and the end of stderr
//!   scripts   long ones, wrong ones, no bash        stops     TERM, KILL, who must be gone
//!   leftovers what a command leaves behind          futures   the same from async code
//! ```

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test's helpers fail the test"
)]

mod exits;
mod futures;
mod leftovers;
mod scripts;
mod stops;
mod streams;
mod support;
