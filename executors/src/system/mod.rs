//! What needs `unsafe`: memory shared with another process, and calls that no safe crate offers.

#![expect(
    unsafe_code,
    reason = "mapping a file and calling the C library have no safe form"
)]

mod lease;
mod page;
mod readiness;
mod streams;
mod usage;
mod wait4;

pub(crate) use lease::is_written_by_nobody;
pub(crate) use page::Page;
pub(crate) use readiness::readable;
pub(crate) use streams::flush_c_streams;
pub(crate) use usage::{ThreadUsage, peak_memory};
pub(crate) use wait4::{Reaped, reap, reap_if_exited};
