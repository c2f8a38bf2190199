use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::{Handle, Runtime};

use super::{Shared, attempt, functions, start};
use crate::agent::desk::Desk;
use crate::agent::ending::Departure;
use crate::agent::message::{AttemptEnd, FromAgent};
use crate::wire::{WireFailureKind, WireValue};
use crate::{Failure, FailureKind, Invocation, Outcome, Work};

struct Place {
    desk: Arc<Desk>,
    said: Shared<FromAgent>,
    runtime: Runtime,
}

impl Place {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .unwrap();
        let said = Shared::default();
        let handle: Handle = runtime.handle().clone();
        let desk = Desk::new(Arc::clone(&said) as _, functions(), handle);
        Self {
            desk,
            said,
            runtime,
        }
    }

    fn take(&self, task: u64, function: u32) -> Arc<dyn Work> {
        let taken = self
            .desk
            .take(start(task, function), Bytes::from_static(b"ab"));
        taken.unwrap().unwrap().work
    }

    fn finish(&self, task: u64, work: &Arc<dyn Work>, outcome: Outcome) {
        let attempt = crate::Attempt {
            id: attempt(task),
            deadline: None,
            last: true,
        };
        assert!(Arc::clone(work).finish(&attempt, outcome).is_none());
    }

    /// Waits until so much was said.
    fn said(&self, count: usize) -> Vec<FromAgent> {
        let begun = Instant::now();
        while self.said.said.lock().len() < count {
            assert!(begun.elapsed() < Duration::from_secs(30), "it says no more");
            std::thread::yield_now();
        }
        self.said.take()
    }
}

fn ends(said: &[FromAgent]) -> Vec<(u64, AttemptEnd)> {
    let end = |message: &FromAgent| match message {
        FromAgent::Finished(finished) => Some((finished.attempt.task, finished.end.clone())),
        _ => None,
    };
    said.iter().filter_map(end).collect()
}

fn by_term() -> Outcome {
    let stderr = String::new();
    Outcome::Failed(Failure::new(FailureKind::Signal { signal: 15, stderr }))
}

#[test]
fn an_end_is_told_once_with_what_it_gave() {
    let place = Place::new();
    let function = place.take(1, 1);
    let gives = function.returned(Bytes::from_static(b"value"));
    place.finish(1, &function, gives);
    place.finish(1, &function, Outcome::Stopped);
    function.begun(attempt(1));
    let command = place.take(2, 0);
    let gives = command.exited(3);
    place.finish(2, &command, gives);
    let bodies: Vec<_> = place
        .said
        .said
        .lock()
        .iter()
        .map(|(_, body)| body.clone())
        .collect();
    assert_eq!(bodies, [&b"value"[..], b""]);
    let expected = vec![
        (1, AttemptEnd::Value(WireValue::Inline(5))),
        (2, AttemptEnd::Exited(3)),
    ];
    assert_eq!(ends(&place.said.take()), expected);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let place = Place::new();
    let refused = |call| match place.desk.take(call, Bytes::new()) {
        Ok(_) => panic!("it was taken"),
        Err(reason) => reason,
    };
    assert!(refused(start(1, 7)).contains("function 7"));
    assert!(
        refused(start(1, 2)).contains("another kind"),
        "joins stay in the driver"
    );
    let mut bare = start(1, 0);
    bare.command = None;
    assert!(refused(bare).contains("another kind"));
    let _work = place.take(1, 1);
    assert!(refused(start(1, 1)).contains("here already"));
    assert!(place.said.take().is_empty());
}

#[test]
fn an_end_that_may_be_the_node_s_own_waits_for_what_follows() {
    let place = Place::new();
    let work = place.take(1, 0);
    place.finish(1, &work, by_term());
    assert!(place.said.take().is_empty(), "it may be the end of the job");
    assert_eq!(place.desk.begin_end(Departure::Signal(15)).len(), 1);
    let said = place.said(2);
    assert_eq!(said[0], FromAgent::Leaving { signal: 15 });
    assert!(
        matches!(&ends(&said)[..], [(1, AttemptEnd::Returned { .. })]),
        "{said:?}"
    );
    // Without anything to follow it is what it seems.
    let place = Place::new();
    let work = place.take(1, 0);
    place.finish(1, &work, by_term());
    let said = place.said(1);
    match &ends(&said)[..] {
        [(1, AttemptEnd::Failed(failure))] => {
            assert!(matches!(failure.kind, WireFailureKind::Command { .. }));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn workers_are_counted_before_the_end_and_not_where_the_node_goes() {
    let place = Place::new();
    let work = place.take(1, 1);
    assert_eq!(
        (work.count_loss(), work.count_loss(), work.losses()),
        (1, 2, 2)
    );
    place.finish(1, &work, Outcome::Stopped);
    let said = place.said(3);
    let lost = FromAgent::WorkerLost {
        attempt: attempt(1).into(),
    };
    assert_eq!(said[..2], [lost.clone(), lost.clone()]);
    // While it runs, it is told after a while.
    let work = place.take(2, 1);
    work.count_loss();
    assert!(matches!(place.said(1)[..], [FromAgent::WorkerLost { .. }]));
    work.count_loss();
    place.desk.begin_end(Departure::Signal(15));
    place.finish(2, &work, Outcome::Stopped);
    let said = place.said(2);
    assert!(!said.contains(&lost), "{said:?}");
    assert_eq!(ends(&said).len(), 1);
}

#[test]
fn a_node_that_is_closed_takes_nothing_more_and_leaves_the_rest_its_time() {
    let place = Place::new();
    let work = place.take(1, 1);
    place.desk.close(Departure::Closed);
    let late = place.desk.take(start(2, 1), Bytes::new()).unwrap();
    assert!(late.is_none());
    let gives = work.returned(Bytes::new());
    place.finish(1, &work, gives);
    let said = place.said.take();
    let ends = ends(&said);
    assert!(
        matches!(&ends[0], (2, AttemptEnd::Returned { .. })),
        "{ends:?}"
    );
    assert!(matches!(&ends[1], (1, AttemptEnd::Value(_))), "{ends:?}");
    place.runtime.block_on(place.desk.emptied());
}

#[test]
fn a_node_that_can_run_nothing_says_so_once_and_first() {
    let place = Place::new();
    for task in [1, 2] {
        let work = place.take(task, 1);
        let reason = "no bash".to_owned();
        let failure = Failure::permanent(FailureKind::Unavailable { reason });
        place.finish(task, &work, Outcome::Failed(failure));
    }
    let said = place.said(3);
    let reason = "no bash".to_owned();
    assert_eq!(said[0], FromAgent::Broken { reason });
    let returned = ends(&said);
    let are_returned = returned.iter().all(|(_, end)| match end {
        AttemptEnd::Returned { reason } => reason == "can run nothing: no bash",
        _ => false,
    });
    assert!(returned.len() == 2 && are_returned, "{said:?}");
}

#[test]
fn what_is_left_is_returned_in_the_end() {
    let place = Place::new();
    let works = [place.take(1, 1), place.take(2, 0)];
    assert_eq!(place.desk.begin_end(Departure::Signal(2)).len(), 2);
    place.desk.return_all();
    place.runtime.block_on(place.desk.emptied());
    place.finish(1, &works[0], Outcome::Stopped);
    let mut ends = ends(&place.said.take());
    ends.sort_by_key(|(task, _)| *task);
    let returned = |(_, end): &(u64, AttemptEnd)| matches!(end, AttemptEnd::Returned { .. });
    assert!(ends.len() == 2 && ends.iter().all(returned), "{ends:?}");
}

#[test]
fn a_call_keeps_its_own_bytes_alone() {
    let place = Place::new();
    let chunk = Bytes::from(vec![7; 100_000]);
    let taken = place.desk.take(start(1, 1), chunk.slice(10..12));
    let Invocation { attempt, work, .. } = taken.unwrap().unwrap();
    let encoded = work.encode(&attempt, 100).unwrap();
    assert_eq!(&encoded.arguments.bytes[..], [7, 7]);
    assert!(
        chunk.try_into_mut().is_ok(),
        "nobody else has what was read"
    );
}
