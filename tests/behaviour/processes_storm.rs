//! Thousands of tasks while their workers are killed at random moments.

use std::path::PathBuf;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chiltepin::{AppFuture, ErrorKind, ProcessEnd, Workflow, task};

use crate::crew::{Crew, MARK, note, notes};
use crate::place::{shell, until};

/// Numbers that are the same in each run with the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

#[task]
fn add(left: u64, right: u64) -> u64 {
    left.wrapping_mul(3).wrapping_add(right)
}

/// Has this process known as one that runs tasks. Those that only start are left alone: a pool gives
/// up when its workers end one after the other before they can be used.
fn be_known() {
    static KNOWN: Once = Once::new();
    KNOWN.call_once(|| {
        let place = PathBuf::from(std::env::var(MARK).unwrap());
        note(&place.join("known"), &std::process::id().to_string());
    });
}

/// Takes a while, so that it is often under way when its worker is killed.
#[task]
fn add_slowly(left: u64, right: u64, micros: u64) -> u64 {
    be_known();
    std::thread::sleep(Duration::from_micros(micros));
    left.wrapping_mul(5).wrapping_add(right)
}

#[task]
async fn add_later(left: u64, right: u64, micros: u64) -> u64 {
    be_known();
    tokio::time::sleep(Duration::from_micros(micros)).await;
    left.wrapping_mul(7).wrapping_add(right)
}

#[task]
fn sum(values: Vec<u64>) -> u64 {
    values.into_iter().fold(0, u64::wrapping_add)
}

/// Aborts now and then by itself: whenever its file has fewer than this many lines.
#[task]
fn abort_so_often(times: u64, file: PathBuf, value: u64) -> u64 {
    note(&file, "begun");
    if (notes(&file).len() as u64) <= times {
        std::process::abort();
    }
    value
}

/// A task of the storm, and the value that it is to have.
struct Expected {
    future: AppFuture<u64>,
    value: u64,
}

fn submit(crew: &Crew, workflow: &Workflow, random: &mut Random, count: usize) -> Vec<Expected> {
    let mut all: Vec<Expected> = Vec::with_capacity(count);
    for number in 0..count {
        let pick = |random: &mut Random| {
            let known = all.len() as u64;
            // Mostly recent ones, so that chains grow long.
            let back = 1 + random.below(known.clamp(1, 50));
            known
                .checked_sub(back)
                .and_then(|at| all.get(usize::try_from(at).ok()?))
        };
        let constant = random.below(1000);
        let (left, left_value) = pick(random).map_or_else(
            || (AppFuture::ready(constant), constant),
            |known| (known.future.clone(), known.value),
        );
        let (right, right_value) = pick(random).map_or_else(
            || (AppFuture::ready(1), 1),
            |known| (known.future.clone(), known.value),
        );
        let micros = random.below(3000);
        let (future, value) = match random.below(20) {
            0..=7 => (
                add(left, right).submit(workflow),
                left_value.wrapping_mul(3).wrapping_add(right_value),
            ),
            8..=12 => (
                add_slowly(left, right, micros).submit(workflow),
                left_value.wrapping_mul(5).wrapping_add(right_value),
            ),
            13..=16 => (
                add_later(left, right, micros).submit(workflow),
                left_value.wrapping_mul(7).wrapping_add(right_value),
            ),
            17 => {
                let exit = shell(format!("exit {}", number % 3))
                    .inputs(&left)
                    .allow_exit_codes([1, 2])
                    .submit(workflow);
                let code = exit.map(|code| u64::from(code.unsigned_abs()));
                (code, (number % 3) as u64)
            }
            18 => {
                let file = crew.place.path(&format!("abort-{number}"));
                let times = random.below(2);
                (
                    abort_so_often(times, file, left).submit(workflow),
                    left_value,
                )
            }
            _ => (
                sum(vec![left, right]).submit(workflow),
                left_value.wrapping_add(right_value),
            ),
        };
        all.push(Expected { future, value });
    }
    all
}

/// Kills a worker now and then, for as long as `act` takes; tells how many.
fn while_killing(crew: &Crew, random: &mut Random, act: impl FnOnce()) -> usize {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let killer = scope.spawn(|| {
            let mut killed = 0;
            while !over.load(Ordering::SeqCst) {
                let known = notes(&crew.place.path("known"));
                let mut workers = crew.workers();
                workers.retain(|worker| known.contains(&worker.id().to_string()));
                if !workers.is_empty() {
                    let which = random.below(workers.len() as u64);
                    workers[usize::try_from(which).unwrap()].kill();
                    killed += 1;
                }
                // A pause between two kills, not a wait for anything.
                std::thread::sleep(Duration::from_millis(20 + random.below(60)));
            }
            killed
        });
        // Also when it panics: the other thread would kill for ever.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act));
        over.store(true, Ordering::SeqCst);
        let killed = killer.join().unwrap();
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
        killed
    })
}

fn storm(seed: u64, settings: &str) {
    let crew = Crew::new();
    let settings = format!("crash_limit = 1000\nmax_workers_per_node = 3\n{settings}");
    let workflow = crew.open(&settings);
    let mut random = Random(seed);
    let all = submit(&crew, &workflow, &mut random, 3000);
    let killed = while_killing(&crew, &mut random, || {
        for (number, expected) in all.iter().enumerate() {
            match expected.future.result_timeout(Duration::from_secs(120)) {
                Some(Ok(value)) => assert_eq!(value, expected.value, "task {number}"),
                Some(Err(error)) => panic!("task {number} of seed {seed}: {error}"),
                None => panic!(
                    "task {number} of seed {seed} hangs: {:?}",
                    expected.future.status()
                ),
            }
        }
    });
    assert!(killed > 3, "{killed} workers were killed");
    workflow.close_blocking();
    crew.nobody_is_left();
}

#[chiltepin::test]
fn a_storm_of_kills_changes_no_value() {
    storm(0x5eed_0001, "");
}

#[chiltepin::test]
fn a_storm_of_kills_changes_no_value_with_threads_in_workers() {
    storm(0x5eed_0002, "threads_per_worker = 4");
}

#[chiltepin::test]
fn with_a_low_crash_limit_every_future_ends_with_its_value_or_the_loss() {
    let crew = Crew::new();
    let workflow = crew.open("crash_limit = 1\nmax_workers_per_node = 3");
    let mut random = Random(0x5eed_0003);
    let futures = workflow.map(0..2000_u64, |value| add_slowly(value, 1, value % 2000));
    let mut lost = 0;
    let killed = while_killing(&crew, &mut random, || {
        for (value, future) in (0..).zip(&futures) {
            match future.result_timeout(Duration::from_secs(120)) {
                Some(Ok(result)) => assert_eq!(result, value * 5 + 1),
                Some(Err(error)) => {
                    assert!(
                        matches!(
                            error.kind(),
                            ErrorKind::WorkerLost {
                                end: ProcessEnd::Signal(9),
                                losses: 1,
                                ..
                            }
                        ),
                        "{error}"
                    );
                    lost += 1;
                }
                None => panic!("task {value} hangs: {:?}", future.status()),
            }
        }
    });
    // A worker killed while it runs one task loses at most that.
    assert!(
        killed > 3 && lost > 0 && lost <= killed,
        "{lost} lost, {killed} killed"
    );
    workflow.close_blocking();
    crew.nobody_is_left();
}

#[chiltepin::test]
fn the_parent_of_all_workers_can_be_killed() {
    let crew = Crew::new();
    let workflow = crew.open("max_workers_per_node = 2");
    let futures = workflow.map(0..300_u64, |value| add_slowly(value, 1, 3000));
    until("workers to run", || crew.workers().len() == 2);
    let old = crew.processes();
    let (workers, parents): (Vec<_>, Vec<_>) = old.iter().partition(|old| old.is_worker());
    for parent in &parents {
        parent.kill();
    }
    until("all that it started to be gone", || {
        workers.iter().all(|worker| !worker.runs())
    });
    for (value, future) in (0..).zip(futures) {
        assert_eq!(future.result().unwrap(), value * 5 + 1);
    }
    workflow.close_blocking();
    crew.nobody_is_left();
}
