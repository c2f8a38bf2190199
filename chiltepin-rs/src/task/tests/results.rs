use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize};

use super::loopback::THREAD;
use super::workflow;
use crate::{AppFuture, join_task, task};

/// How often a [`Counted`] was decoded in the driver.
static DECODED: AtomicUsize = AtomicUsize::new(0);

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Counted(u32);

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if std::thread::current().name() != Some(THREAD) {
            DECODED.fetch_add(1, Ordering::SeqCst);
        }
        u32::deserialize(deserializer).map(Self)
    }
}

#[task]
fn count(from: Counted) -> Counted {
    Counted(from.0 + 1)
}

#[task]
fn total(counts: Vec<Counted>) -> u32 {
    counts.iter().map(|count| count.0).sum()
}

#[test]
fn a_result_is_decoded_when_somebody_reads_it_and_twice_at_most() {
    let (workflow, _) = workflow();
    let first = count(Counted(1)).on("elsewhere").submit(&workflow);
    let second = count(&first).on("elsewhere").submit(&workflow);
    let third = count(&second).on("elsewhere").submit(&workflow);
    let counts = [first.clone(), second.clone(), third.clone()];
    let sum = total(counts).on("elsewhere").submit(&workflow);
    assert_eq!(sum.result().unwrap(), 2 + 3 + 4);
    assert_eq!(DECODED.load(Ordering::SeqCst), 0);
    assert_eq!(third.result().unwrap(), Counted(4));
    assert_eq!(DECODED.load(Ordering::SeqCst), 1);
    // There are several readers: from here on it is kept decoded.
    for _ in 0..3 {
        assert_eq!(third.result().unwrap(), Counted(4));
    }
    assert_eq!(third.map(|count| count.0).result().unwrap(), 4);
    assert_eq!(DECODED.load(Ordering::SeqCst), 2);
    // A consumer on threads is a reader too; the last one takes what it decodes.
    let sum = total([first, second, third]).on("local").submit(&workflow);
    assert_eq!(sum.result().unwrap(), 2 + 3 + 4);
    assert_eq!(DECODED.load(Ordering::SeqCst), 4);
}

#[task]
async fn slow_half(x: u64) -> u64 {
    tokio::task::yield_now().await;
    x / 2
}

#[join_task]
async fn halves(workflow: &crate::Workflow, values: Vec<u64>) -> Vec<AppFuture<u64>> {
    let calls = values.into_iter().map(|x| slow_half(x).on("elsewhere"));
    calls.map(|call| call.submit(workflow)).collect()
}

#[test]
fn async_bodies_and_the_results_of_joins_travel() {
    let (workflow, _) = workflow();
    let halved = halves(vec![2, 4, 9]).submit(&workflow);
    assert_eq!(halved.result().unwrap(), [1, 2, 4]);
}

#[test]
fn a_small_result_does_not_keep_what_it_was_read_with() {
    let task = count(Counted(1)).into_task();
    let chunk = Bytes::from(vec![1; 70_000]);
    let outcome = task.returned(chunk.slice(..100));
    assert!(matches!(outcome, chiltepin_executors::Outcome::Succeeded));
    let chunk = chunk.try_into_mut().expect("nobody else has it").freeze();
    // A large one is not worth a copy.
    let _ = task.returned(chunk.slice(..5000));
    assert!(chunk.try_into_mut().is_err());
}
