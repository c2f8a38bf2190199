//! What executors and the driver tell each other beside invocations.

mod elsewhere;
mod returned;
mod rooms;
mod status;
mod wanted;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chiltepin_executors::{Capacity, Invocation, Outcome};

use crate::Workflow;
use crate::workflow::open_with;
use elsewhere::Elsewhere;

/// So many cores, and nothing else.
fn cores(cores: u32) -> Capacity {
    Capacity {
        async_bodies: 0,
        cores,
        memory: 0,
        gpus: 0,
    }
}

/// A workflow that has an executor `elsewhere`.
fn workflow(elsewhere: Elsewhere) -> (Workflow, Arc<Elsewhere>) {
    let elsewhere = Arc::new(elsewhere);
    let workflow = open_with(Arc::clone(&elsewhere) as _);
    (workflow, elsewhere)
}

/// Ends an attempt, and what came back to be started next.
fn finish(invocation: Invocation, outcome: Outcome) {
    let Invocation { attempt, work, .. } = invocation;
    let next = work.finish(&attempt, outcome);
    assert!(next.is_none(), "it has no room there");
}

/// Waits for a condition, far longer than it should take even on a busy machine.
#[track_caller]
fn until(mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(40), "waited in vain");
        std::thread::sleep(Duration::from_millis(1));
    }
}
