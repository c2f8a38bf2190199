//! Functions on threads against the pools they are built on.

use std::hint::black_box;
use std::time::{Duration, Instant};

use chiltepin::{AppFuture, Workflow, task};
use tokio::runtime::Runtime;

use crate::measure::{Figure, Pairs, median, pairs, time};

/// Tasks in one measurement.
pub(crate) const COUNT: usize = 100_000;
/// Round trips in one measurement.
const ROUND_TRIPS: usize = 20_000;

#[task]
async fn noop() {}

#[task]
fn noop_sync() {}

#[task]
async fn next(number: u64) -> u64 {
    number + 1
}

#[task]
async fn count(numbers: Vec<u64>) -> u64 {
    numbers.iter().sum()
}

fn throughput(name: &'static str, pairs: &Pairs, count: usize, budget: &'static str) {
    Figure {
        name,
        unit: "tasks/s",
        value: count as f64 / pairs.subject,
        baseline: count as f64 / pairs.baseline,
        ratio: pairs.speed,
        budget,
    }
    .report();
}

/// Spawns and awaits no-op tokio tasks.
async fn tokio_noop(count: usize) {
    let handles: Vec<_> = (0..count).map(|_| tokio::spawn(async {})).collect();
    for handle in handles {
        black_box(handle.await.ok());
    }
}

/// Submits and awaits no-op tasks.
pub(crate) async fn chiltepin_noop(workflow: &Workflow, count: usize) {
    let futures: Vec<_> = (0..count).map(|_| noop().submit(workflow)).collect();
    for future in futures {
        black_box(future.await.ok());
    }
}

pub(crate) fn threads_noop(runtime: &Runtime, workflow: &Workflow) {
    let pairs = pairs(
        || time(|| runtime.block_on(tokio_noop(COUNT))),
        || time(|| runtime.block_on(chiltepin_noop(workflow, COUNT))),
    );
    throughput("threads_noop", &pairs, COUNT, "ratio >= 0.6");
}

/// A pool as one would write it with crossbeam: a queue of closures, a oneshot for each reply.
struct CrossbeamPool {
    sender: crossbeam_channel::Sender<Box<dyn FnOnce() + Send>>,
}

impl CrossbeamPool {
    fn new(threads: usize) -> Self {
        let (sender, receiver) = crossbeam_channel::unbounded::<Box<dyn FnOnce() + Send>>();
        for _ in 0..threads {
            let receiver = receiver.clone();
            std::thread::spawn(move || receiver.into_iter().for_each(|job| job()));
        }
        Self { sender }
    }

    fn submit(&self) -> tokio::sync::oneshot::Receiver<()> {
        let (reply, receiver) = tokio::sync::oneshot::channel();
        let job = Box::new(move || {
            // Whoever asked may have gone.
            let _ = reply.send(());
        });
        let sent = self.sender.send(job);
        assert!(sent.is_ok(), "the pool lives");
        receiver
    }
}

pub(crate) fn threads_noop_sync(runtime: &Runtime, workflow: &Workflow) {
    let pool = CrossbeamPool::new(threads());
    let baseline = || {
        time(|| {
            runtime.block_on(async {
                let replies: Vec<_> = (0..COUNT).map(|_| pool.submit()).collect();
                for reply in replies {
                    black_box(reply.await.ok());
                }
            });
        })
    };
    let subject = || {
        time(|| {
            runtime.block_on(async {
                let futures: Vec<_> = (0..COUNT).map(|_| noop_sync().submit(workflow)).collect();
                for future in futures {
                    black_box(future.await.ok());
                }
            });
        })
    };
    throughput(
        "threads_noop_sync",
        &pairs(baseline, subject),
        COUNT,
        "ratio >= 0.5",
    );
}

/// The cores of this machine, which both sides use.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn per_round_trip(total: Duration) -> Duration {
    total / ROUND_TRIPS as u32
}

async fn tokio_round_trips() -> Duration {
    let start = Instant::now();
    for _ in 0..ROUND_TRIPS {
        black_box(tokio::spawn(async {}).await.ok());
    }
    per_round_trip(start.elapsed())
}

async fn chiltepin_round_trips(workflow: &Workflow) -> Duration {
    let start = Instant::now();
    for _ in 0..ROUND_TRIPS {
        black_box(noop().submit(workflow).await.ok());
    }
    per_round_trip(start.elapsed())
}

/// Round trips from a task of the workflow's own runtime, where `#[chiltepin::main]` runs main.
pub(crate) async fn round_trip_spawned(workflow: &Workflow) {
    tokio_round_trips().await;
    chiltepin_round_trips(workflow).await;
    let mut times = Vec::new();
    for _ in 0..crate::measure::PAIRS {
        let baseline = tokio_round_trips().await.as_secs_f64() * 1e6;
        times.push((
            baseline,
            chiltepin_round_trips(workflow).await.as_secs_f64() * 1e6,
        ));
    }
    Figure {
        name: "threads_round_trip",
        unit: "us",
        value: median(times.iter().map(|pair| pair.1)),
        baseline: median(times.iter().map(|pair| pair.0)),
        ratio: median(times.iter().map(|pair| pair.1 / pair.0)),
        budget: "value <= 5 and ratio <= 5",
    }
    .report();
}

/// Round trips from a thread that blocks.
pub(crate) fn round_trip_block_on(runtime: &Runtime, workflow: &Workflow) {
    let pairs = pairs(
        || runtime.block_on(tokio_round_trips()),
        || runtime.block_on(chiltepin_round_trips(workflow)),
    );
    Figure {
        name: "threads_round_trip_block_on",
        unit: "us",
        value: pairs.subject * 1e6,
        baseline: pairs.baseline * 1e6,
        ratio: 1.0 / pairs.speed,
        budget: "ratio <= 1.5",
    }
    .report();
}

async fn chain_of(workflow: &Workflow, length: usize) {
    let mut last = AppFuture::ready(0);
    for _ in 0..length {
        last = next(last).submit(workflow);
    }
    assert_eq!(last.await.ok(), Some(length as u64));
}

pub(crate) fn chain(runtime: &Runtime, workflow: &Workflow) {
    let pairs = pairs(
        || time(|| runtime.block_on(chiltepin_noop(workflow, COUNT))),
        || time(|| runtime.block_on(chain_of(workflow, COUNT))),
    );
    throughput("chain", &pairs, COUNT, "ratio >= 0.5 of threads_noop");
    let cost = |length: usize| {
        let before = cpu_time();
        runtime.block_on(chain_of(workflow, length));
        (cpu_time() - before) / length as f64 * 1e6
    };
    cost(10_000);
    let short = median((0..31).map(|_| cost(10_000)));
    let long = median((0..3).map(|_| cost(1_000_000)));
    Figure {
        name: "chain_cpu_per_task",
        unit: "us",
        value: long,
        baseline: short,
        ratio: long / short,
        budget: "0.7 <= ratio <= 1.3 (1,000,000 against 10,000)",
    }
    .report();
}

/// The processor time this process has used, in seconds.
fn cpu_time() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

pub(crate) fn fan(runtime: &Runtime, workflow: &Workflow) {
    let fan = || {
        time(|| {
            runtime.block_on(async {
                let one = next(0).submit(workflow);
                let many: Vec<_> = (0..COUNT).map(|_| next(&one).submit(workflow)).collect();
                let sum = count(many).submit(workflow).await;
                assert_eq!(sum.ok(), Some(2 * COUNT as u64));
            });
        })
    };
    let pairs = pairs(
        || time(|| runtime.block_on(chiltepin_noop(workflow, COUNT))),
        fan,
    );
    throughput("fan", &pairs, COUNT, "ratio >= 0.5 of threads_noop");
}
