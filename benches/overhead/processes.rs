//! Functions on worker processes against a bare process that echoes.

use std::path::Path;
use std::time::{Duration, Instant};

use chiltepin::config::{Config, Progress};
use chiltepin::{AppFuture, Workflow, join_task, task};
use rustix::thread::{CpuSet, sched_setaffinity};
use tokio::runtime::Runtime;

use crate::echo::{Echo, FRAME, keep_to, or_exit};
use crate::measure::{Figure, pairs, time};
use crate::memory::resident;

/// Tasks in one measurement.
pub(crate) const COUNT: usize = 100_000;
/// Round trips in one measurement.
const ROUND_TRIPS: u32 = 5_000;
/// Dependent tasks in one measurement.
const CHAIN: usize = 10_000;

const MEBIBYTE: usize = 1 << 20;

/// Two workers, and nothing else that could run a function.
const CONFIG: &str = "
[workflow]
executors = [\"workers\"]

[workers]
provider = \"localhost\"
max_workers_per_node = 2
";

#[task]
fn same(number: u64) -> u64 {
    number
}

#[task]
fn next(number: u64) -> u64 {
    number + 1
}

#[task]
fn echo(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

/// The mean of so many round trips in nanoseconds, from where main runs: in the workflow's own
/// runtime.
#[join_task]
async fn round_trips(workflow: &Workflow, count: u32) -> u64 {
    let start = Instant::now();
    for number in 0..count {
        let answer = same(u64::from(number)).submit(workflow).await;
        assert_eq!(answer.ok(), Some(u64::from(number)));
    }
    (start.elapsed() / count).as_nanos() as u64
}

/// A workflow whose functions run on two worker processes.
pub(crate) fn open(runs: &Path, journal: bool) -> chiltepin::Result<Workflow> {
    let config = Config::from_toml(CONFIG)?;
    Workflow::builder()
        .config_value(config)
        .run_dir(runs)
        .journal(journal)
        .progress(Progress::Off)
        .open()
}

/// A workflow whose driver and one worker have a core each, as the bare processes have that wait for
/// each other: the driver the first, the worker the last.
pub(crate) fn open_apart(runs: &Path) -> chiltepin::Result<Workflow> {
    // The threads of the driver inherit this; its other processes are moved by a shell line.
    let allowed = keep_to(|cores| cores.next())?;
    let last = (0..CpuSet::MAX_CPU).rfind(|core| allowed.is_set(*core));
    let last = last.unwrap_or_default();
    let config = format!("{CONFIG}environment = [\"taskset -cp {last} $$\"]\n")
        .replace("max_workers_per_node = 2", "max_workers_per_node = 1");
    let workflow = Workflow::builder()
        .config_value(Config::from_toml(&config)?)
        .run_dir(runs)
        .journal(false)
        .open()?;
    assert_eq!(same(1).submit(&workflow).result().ok(), Some(1));
    sched_setaffinity(None, &allowed).map_err(std::io::Error::from)?;
    Ok(workflow)
}

/// Has the workers give back so many numbers.
pub(crate) fn noops(runtime: &Runtime, workflow: &Workflow) {
    runtime.block_on(async {
        let numbers = 0..COUNT as u64;
        let futures: Vec<_> = numbers
            .map(|number| same(number).submit(workflow))
            .collect();
        for (number, future) in futures.into_iter().enumerate() {
            assert_eq!(future.await.ok(), Some(number as u64));
        }
    });
}

pub(crate) fn process_noop(runtime: &Runtime, workflow: &Workflow) {
    let mut echo = Echo::start(FRAME);
    let subject = || time(|| noops(runtime, workflow));
    let pairs = pairs(|| echo.pipelined(COUNT), subject);
    Figure {
        name: "process_noop",
        unit: "tasks/s",
        value: COUNT as f64 / pairs.subject,
        baseline: COUNT as f64 / pairs.baseline,
        ratio: pairs.speed,
        budget: "value >= 200000 and ratio >= 0.3",
    }
    .report();
}

pub(crate) fn process_round_trip(runtime: &Runtime, workflow: &Workflow) {
    let mut echo = Echo::start(FRAME);
    let subject = || {
        let nanoseconds = runtime.block_on(round_trips(ROUND_TRIPS).submit(workflow));
        Duration::from_nanos(or_exit("process_round_trip", nanoseconds))
    };
    let pairs = pairs(|| echo.ping_pong(ROUND_TRIPS), subject);
    Figure {
        name: "process_round_trip",
        unit: "us",
        value: pairs.subject * 1e6,
        baseline: pairs.baseline * 1e6,
        ratio: pairs.subject / pairs.baseline,
        budget: "ratio <= 1.7",
    }
    .report();
}

pub(crate) fn process_chain(runtime: &Runtime, workflow: &Workflow) {
    let mut echo = Echo::start(FRAME);
    let subject = || {
        time(|| {
            runtime.block_on(async {
                let mut last = AppFuture::ready(0);
                for _ in 0..CHAIN {
                    last = next(last).submit(workflow);
                }
                assert_eq!(last.await.ok(), Some(CHAIN as u64));
            });
        })
    };
    let pairs = pairs(|| echo.ping_pong(CHAIN as u32) * CHAIN as u32, subject);
    Figure {
        name: "process_chain",
        unit: "tasks/s",
        value: CHAIN as f64 / pairs.subject,
        baseline: CHAIN as f64 / pairs.baseline,
        ratio: pairs.speed,
        budget: "ratio >= 0.5",
    }
    .report();
}

/// Sends this payload to a task and takes it back, so many times, one after the other.
fn echoed(runtime: &Runtime, workflow: &Workflow, payload: &[u8], count: u32) {
    for _ in 0..count {
        let answer = runtime.block_on(echo(payload.to_vec()).submit(workflow));
        let answer = or_exit("process_payload", answer);
        assert_eq!(answer.len(), payload.len());
    }
}

pub(crate) fn process_payload(runtime: &Runtime, workflow: &Workflow) {
    for (name, bytes, count) in [
        ("process_payload_1_mib", MEBIBYTE, 50),
        ("process_payload_16_mib", 16 * MEBIBYTE, 5),
    ] {
        let payload: Vec<_> = (0..bytes).map(|place| (place % 251) as u8).collect();
        let mut echo = Echo::start(bytes);
        let subject = || time(|| echoed(runtime, workflow, &payload, count)) / count;
        let pairs = pairs(|| echo.ping_pong(count), subject);
        let megabytes = bytes as f64 / 1e6;
        Figure {
            name,
            unit: "MB/s",
            value: megabytes / pairs.subject,
            baseline: megabytes / pairs.baseline,
            ratio: pairs.speed,
            budget: "ratio >= 0.3",
        }
        .report();
    }
    payload_memory(runtime, workflow);
}

/// What the driver keeps of a task that is finished and forgotten, as a part of its payload.
fn payload_memory(runtime: &Runtime, workflow: &Workflow) {
    const FINISHED: u32 = 400;

    let payload = vec![7; MEBIBYTE];
    echoed(runtime, workflow, &payload, 100);
    let before = resident();
    echoed(runtime, workflow, &payload, FINISHED);
    let kept = resident().saturating_sub(before) as f64 / f64::from(FINISHED);
    Figure {
        name: "process_payload_memory",
        unit: "bytes/task",
        value: kept,
        baseline: MEBIBYTE as f64,
        ratio: kept / MEBIBYTE as f64,
        budget: "ratio <= 0.02",
    }
    .report();
}
