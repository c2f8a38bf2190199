//! An executor that does all that another process would, in this one: what goes there and comes
//! back is bytes.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use chiltepin_executors::panic::catch;
use chiltepin_executors::registry::Entry;
use chiltepin_executors::wire::WireFailure;
use chiltepin_executors::{
    Attempt, AttemptId, Capacity, EncodedCall, Executor, Failure, FailureKind, Invocation, Outcome,
    OutputPart, Report, Rooms, ServedCall, StopSignal, Usage, Work,
};
use parking_lot::Mutex;

/// What its threads are called.
pub(super) const THREAD: &str = "elsewhere";

/// The most bytes of an argument.
pub(super) const LARGEST: usize = 64 << 10;

#[derive(Default)]
pub(super) struct Loopback {
    pub(super) rooms: OnceLock<Arc<dyn Rooms>>,
    /// The calls that went there.
    pub(super) calls: Arc<Mutex<Vec<EncodedCall>>>,
    /// A file that is said to hold what tasks write.
    pub(super) written: Option<Arc<Path>>,
}

impl std::fmt::Debug for Loopback {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Loopback")
    }
}

#[async_trait]
impl Executor for Loopback {
    fn offer(&self) -> Option<Capacity> {
        None
    }

    fn attach(&self, rooms: Arc<dyn Rooms>) {
        rooms.offered(1, Capacity::UNBOUNDED);
        assert!(self.rooms.set(rooms).is_ok(), "it is told once");
    }

    fn start(&self, invocation: Invocation) {
        let (calls, written) = (Arc::clone(&self.calls), self.written.clone());
        let thread = std::thread::Builder::new().name(THREAD.to_owned());
        let run = move || {
            let mut next = Some(invocation);
            while let Some(Invocation { attempt, work, .. }) = next.take() {
                let begun = Instant::now();
                let outcome = run(&attempt, &*work, &calls);
                work.report(report(&attempt, begun, written.as_ref()));
                next = work.finish(&attempt, outcome);
            }
        };
        thread.spawn(run).unwrap();
    }

    fn stop(&self, attempt: AttemptId, work: &Arc<dyn Work>) {
        work.stop_signal().request(attempt.attempt);
    }

    fn hurry(&self) {}

    async fn shutdown(&self, _grace: Duration) {}
}

fn run(attempt: &Attempt, work: &dyn Work, calls: &Mutex<Vec<EncodedCall>>) -> Outcome {
    let call = match work.encode(attempt, LARGEST) {
        Ok(call) => call,
        Err(failure) => return Outcome::Failed(failure),
    };
    calls.lock().push(call.clone());
    let info = call.info;
    let served = Arc::new(ServedCall {
        info,
        name: call.name,
        directory: call.directory,
        attempt: *attempt,
        arguments: call.arguments.into(),
        variables: call.variables,
        stop: StopSignal::new(),
    });
    let caught = catch(|| match info.entry {
        Entry::Function(entry) => {
            let mut value = Vec::new();
            entry(&served, &mut value).map(|()| value)
        }
        Entry::AsyncFunction(entry) => {
            crate::future::block_on(entry(served), None).expect("there is no deadline")
        }
        Entry::Command(entry) => {
            // What it would execute is in the error.
            let reason = entry(&served)?;
            Err(Failure::permanent(FailureKind::Invalid { reason }))
        }
        Entry::Join => panic!("joins run in the driver"),
    });
    let result = caught.unwrap_or_else(|report| Err(Failure::new(FailureKind::Panicked(report))));
    match result {
        Ok(value) => {
            // As it is read from a socket, with more before and behind it.
            let chunk = Bytes::from([&[7; 100], &value[..], &[7; 70_000]].concat());
            work.returned(chunk.slice(100..100 + value.len()))
        }
        Err(failure) => Outcome::Failed(WireFailure::of(&failure, info).into_failure(info)),
    }
}

fn report(attempt: &Attempt, begun: Instant, written: Option<&Arc<Path>>) -> Report {
    let part = |bytes| {
        written.map(|file| OutputPart {
            file: Arc::clone(file),
            bytes,
        })
    };
    Report {
        node: Arc::from("node-7"),
        worker: Some(Arc::from("elsewhere-3")),
        process: 4321,
        attempt: attempt.id.attempt,
        begun,
        usage: Usage {
            run: Duration::from_micros(5),
            user: Duration::from_micros(3),
            system: Duration::from_micros(2),
            peak_memory: Some(1 << 20),
        },
        stdout: part(6..11),
        stderr: part(0..6),
    }
}
