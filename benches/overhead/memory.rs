//! What a queued task holds.

use std::fs;
use std::process::Command;

use chiltepin::config::Config;
use chiltepin::{Workflow, task};

use crate::measure::Figure;

/// Tasks queued.
const QUEUED: usize = 1_000_000;

/// The variable that makes this program measure its own memory and print it.
pub(crate) const CHILD: &str = "OVERHEAD_MEMORY_CHILD";

#[task]
async fn noop() {}

/// Holds the only place there is until the test is over.
#[task]
async fn block() {
    std::future::pending::<()>().await;
}

/// Measures in a process of its own, whose memory nothing else has used before.
pub(crate) fn memory_per_task() {
    let output =
        std::env::current_exe().and_then(|program| Command::new(program).env(CHILD, "1").output());
    let bytes = output
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok()?.trim().parse().ok());
    let Some(bytes) = bytes else {
        eprintln!("memory_per_task: the child gave no number");
        return;
    };
    Figure {
        name: "memory_per_task",
        unit: "bytes",
        value: bytes,
        baseline: 512.0,
        ratio: bytes / 512.0,
        budget: "value <= 512",
    }
    .report();
}

/// The child's part.
pub(crate) fn measure() -> chiltepin::Result<()> {
    let config = Config::from_toml("[local]\nprovider = \"threads\"\nmax_async = 1\n")?;
    let workflow = Workflow::builder().config_value(config).open()?;
    let _running = block().submit(&workflow);
    let mut futures = Vec::with_capacity(QUEUED);
    let before = resident();
    futures.extend((0..QUEUED).map(|_| noop().submit(&workflow)));
    // The list of futures was reserved before but touched only now; it is part of the cost.
    println!("{}", (resident() - before) as f64 / QUEUED as f64);
    Ok(())
}

/// The memory of this process that is really there, in bytes.
pub(crate) fn resident() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok())
        .unwrap_or(0);
    pages * rustix::param::page_size() as u64
}
