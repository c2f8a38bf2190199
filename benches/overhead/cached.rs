//! Results that outlive their run: what it costs to find them, to look in vain, and to keep them.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chiltepin::{AppFuture, Workflow, task};
use tokio::runtime::Runtime;

use crate::echo::or_exit;
use crate::measure::{Figure, pairs, time};

/// The argument that makes this program the one that measures, with an index of its own.
pub(crate) const CHILD: &str = "--measure-cached";

/// The figures of this module.
pub(crate) const NAMES: [&str; 3] = ["cache_hit", "cache_miss_overhead", "durable_chain"];

/// Tasks in one measurement.
const HITS: usize = 100_000;
const MISSES: usize = 20_000;
const LENGTH: usize = 1000;

/// About what the record of one link of the chain takes.
const RECORD: [u8; 256] = [7; 256];

#[task]
fn plain(number: u64) -> u64 {
    number
}

#[task(cache)]
fn cached(number: u64) -> u64 {
    number
}

#[task(cache)]
fn after(number: u64) -> u64 {
    number + 1
}

/// Has the figures measured by a process whose index is not the user's.
pub(crate) fn measure_apart(names: &[&str]) {
    let measured = tempfile::tempdir().and_then(|caches| {
        Command::new(std::env::current_exe()?)
            .arg(CHILD)
            .args(names)
            .env("XDG_CACHE_HOME", caches.path())
            .status()
    });
    let status = or_exit("the figures of the cache", measured);
    assert!(status.success(), "the figures of the cache: {status}");
}

/// The child's part.
pub(crate) fn measure(names: &[String]) -> chiltepin::Result<()> {
    let runs = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(crate::threads::threads())
        .enable_all()
        .build()?;
    let workflow = Workflow::builder().run_dir(runs.path()).open()?;
    for name in names {
        match name.as_str() {
            "cache_hit" => cache_hit(&runtime, &workflow),
            "cache_miss_overhead" => cache_miss_overhead(&runtime, &workflow),
            "durable_chain" => durable_chain(&runtime, &workflow, runs.path()),
            _ => {}
        }
    }
    workflow.close_blocking();
    Ok(())
}

/// Numbers that no call has had.
fn fresh(count: usize) -> std::ops::Range<u64> {
    static USED: AtomicU64 = AtomicU64::new(1 << 40);
    let first = USED.fetch_add(count as u64 + 1, Ordering::Relaxed);
    first..first + count as u64
}

async fn all(futures: Vec<AppFuture<u64>>) {
    for future in futures {
        black_box(or_exit("a call", future.await));
    }
}

fn plain_all(runtime: &Runtime, workflow: &Workflow, numbers: std::ops::Range<u64>) -> Duration {
    let submit = || numbers.map(|number| plain(number).submit(workflow));
    time(|| runtime.block_on(async { all(submit().collect()).await }))
}

fn cached_all(runtime: &Runtime, workflow: &Workflow, numbers: std::ops::Range<u64>) -> Duration {
    let submit = || numbers.map(|number| cached(number).submit(workflow));
    time(|| runtime.block_on(async { all(submit().collect()).await }))
}

fn cache_hit(runtime: &Runtime, workflow: &Workflow) {
    cached_all(runtime, workflow, 0..HITS as u64);
    let before = workflow.status().tasks.cached;
    let pairs = pairs(
        || plain_all(runtime, workflow, 0..HITS as u64),
        || cached_all(runtime, workflow, 0..HITS as u64),
    );
    let rounds = crate::measure::PAIRS + 1;
    let found = workflow.status().tasks.cached - before;
    assert_eq!(found, (rounds * HITS) as u64, "all are there");
    Figure {
        name: "cache_hit",
        unit: "tasks/s",
        value: HITS as f64 / pairs.subject,
        baseline: HITS as f64 / pairs.baseline,
        ratio: pairs.speed,
        budget: "value >= 100,000",
    }
    .report();
}

fn cache_miss_overhead(runtime: &Runtime, workflow: &Workflow) {
    let before = workflow.status().tasks.cached;
    let pairs = pairs(
        || plain_all(runtime, workflow, fresh(MISSES)),
        || cached_all(runtime, workflow, fresh(MISSES)),
    );
    assert_eq!(workflow.status().tasks.cached, before, "none is there");
    let each = |seconds: f64| seconds / MISSES as f64 * 1e6;
    Figure {
        name: "cache_miss_overhead",
        unit: "us",
        value: each(pairs.subject) - each(pairs.baseline),
        baseline: each(pairs.baseline),
        ratio: 1.0 / pairs.speed,
        budget: "value <= 20",
    }
    .report();
}

/// What the disk takes for a chain of records, each durable before the next.
fn raw_chain(folder: &Path) -> io::Result<Duration> {
    let mut file = File::options()
        .append(true)
        .create(true)
        .open(folder.join("raw"))?;
    let start = std::time::Instant::now();
    for _ in 0..LENGTH {
        file.write_all(&RECORD)?;
        file.sync_data()?;
    }
    Ok(start.elapsed())
}

fn durable_chain(runtime: &Runtime, workflow: &Workflow, folder: &Path) {
    let chain = || {
        time(|| {
            runtime.block_on(async {
                let first = fresh(LENGTH).start;
                let mut last = AppFuture::ready(first);
                for _ in 0..LENGTH {
                    last = after(last).submit(workflow);
                }
                assert_eq!(last.await.ok(), Some(first + LENGTH as u64));
            });
        })
    };
    let pairs = pairs(|| or_exit("a chain of records", raw_chain(folder)), chain);
    Figure {
        name: "durable_chain",
        unit: "us",
        value: pairs.subject / LENGTH as f64 * 1e6,
        baseline: pairs.baseline / LENGTH as f64 * 1e6,
        ratio: 1.0 / pairs.speed,
        budget: "ratio <= 2",
    }
    .report();
}
