use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::Poll;
use std::time::Instant;

use futures::future::{Either, select};
use parking_lot::Mutex;
use tokio::runtime::Runtime;

use super::invoke::{body_of, failed, not_here, panicked, value_end, wire_usage};
use super::main_loop::Worker;
use super::streams::Positions;
use crate::panic::catch;
use crate::registry::Entry;
use crate::system::ThreadUsage;
use crate::wire::{CallEnd, FinishedCall, FromWorker};
use crate::{Failure, FailureKind, ServedCall};

/// The async bodies of a worker, and the runtime that drives them, started with the first.
#[derive(Debug)]
pub(super) struct Bodies {
    runtime: OnceLock<Result<Runtime, String>>,
    threads: usize,
    running: Mutex<HashMap<u64, Arc<ServedCall>>>,
    /// Somebody is about to send what is finished.
    flushing: AtomicBool,
}

impl Bodies {
    pub(super) fn new(threads: usize) -> Self {
        Self {
            runtime: OnceLock::new(),
            threads: threads.max(1),
            running: Mutex::default(),
            flushing: AtomicBool::new(false),
        }
    }

    fn runtime(&self) -> &Result<Runtime, String> {
        self.runtime.get_or_init(|| {
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(self.threads)
                .thread_name("chiltepin-async")
                .enable_all()
                .build()
                .map_err(|error| error.to_string())
        })
    }

    /// Whether none runs.
    pub(super) fn are_none(&self) -> bool {
        self.running.lock().is_empty()
    }

    /// Asks a body to stop; false if there is none of this number.
    pub(super) fn stop(&self, sequence: u64) -> bool {
        let call = self.running.lock().get(&sequence).map(Arc::clone);
        let is_there = call.is_some();
        if let Some(call) = call {
            call.stop.request(call.attempt.id.attempt);
        }
        is_there
    }

    /// Starts a body.
    pub(super) fn start(&self, worker: &Arc<Worker>, sequence: u64, call: Arc<ServedCall>) {
        let runtime = match self.runtime() {
            Ok(runtime) => runtime,
            Err(error) => {
                let failure = Failure::new(FailureKind::System {
                    action: "start the worker's async runtime".to_owned(),
                    error: Arc::new(std::io::Error::other(error.clone())),
                });
                let end = failed(&call, failure);
                worker.report(&finished(sequence, end), &[], Instant::now());
                return;
            }
        };
        self.running.lock().insert(sequence, Arc::clone(&call));
        let worker = Arc::downgrade(worker);
        runtime.spawn(async move {
            let before = worker.upgrade().map(|worker| {
                worker.company.enter();
                Positions::now(&worker.company)
            });
            let begun = Instant::now();
            let (end, value, taken) = run(&worker, &call).await;
            let Some(worker) = worker.upgrade() else {
                return;
            };
            let (stdout, stderr) =
                Positions::now(&worker.company).since(before.unwrap_or_default());
            worker.company.leave();
            let finished = FinishedCall {
                usage: wire_usage(begun.elapsed(), taken),
                stdout,
                stderr,
                ..finished(sequence, end)
            };
            let body = body_of(&finished.end, &value);
            worker.report(&finished, body, Instant::now());
            let bodies = &worker.bodies;
            bodies.running.lock().remove(&sequence);
            bodies.send(&worker).await;
        });
    }

    /// Whether somebody is about to send what is finished, but has to wait for others.
    pub(super) fn are_unsent(&self) -> bool {
        self.flushing.load(Ordering::SeqCst)
    }

    /// Sends what is finished, after those that finish at this moment too.
    async fn send(&self, worker: &Arc<Worker>) {
        if self.flushing.swap(true, Ordering::SeqCst) {
            return;
        }
        if !self.are_none() {
            // The next body may block this thread for as long as it likes; then the watcher sends.
            worker.watcher.wake();
            tokio::task::yield_now().await;
        }
        self.flushing.store(false, Ordering::SeqCst);
        worker.flush();
        worker.end_if_closed();
    }
}

fn finished(sequence: u64, end: CallEnd) -> FinishedCall {
    FinishedCall {
        end,
        ..super::invoke::stopped(sequence)
    }
}

/// Runs a body to its end or until it is stopped.
async fn run(worker: &Weak<Worker>, call: &Arc<ServedCall>) -> (CallEnd, Vec<u8>, ThreadUsage) {
    let Entry::AsyncFunction(entry) = call.info.entry else {
        let end = failed(call, not_here(call));
        return (end, Vec::new(), ThreadUsage::default());
    };
    let mut taken = ThreadUsage::default();
    let mut body = match catch(|| entry(Arc::clone(call))) {
        Ok(body) => body,
        Err(report) => return (panicked(call, report), Vec::new(), taken),
    };
    let result = {
        let measured = poll_fn(|context| {
            let before = ThreadUsage::now();
            let poll = catch(|| body.as_mut().poll(context));
            taken.add(ThreadUsage::now().since(before));
            match poll {
                Ok(poll) => poll.map(Ok),
                Err(report) => Poll::Ready(Err(report)),
            }
        });
        let stop = call.stop.requested(call.attempt.id.attempt);
        match select(pin!(measured), pin!(stop)).await {
            Either::Left((result, _)) => Some(result),
            Either::Right(_) => None,
        }
    };
    // What a body that is stopped still holds may panic when it is dropped, and so may an error.
    // That changes nothing about how the call ended, which is to be told all the same.
    let _ = catch(|| drop(body));
    let largest = worker.upgrade().map_or(0, |worker| worker.largest);
    match result {
        None => (CallEnd::Stopped, Vec::new(), taken),
        Some(Ok(Ok(value))) => (value_end(call, value.len(), largest), value, taken),
        Some(Ok(Err(failure))) => (failed(call, failure), Vec::new(), taken),
        Some(Err(report)) => (panicked(call, report), Vec::new(), taken),
    }
}

/// Tells that a call ended so, for [`FromWorker`].
impl From<FinishedCall> for FromWorker {
    fn from(finished: FinishedCall) -> Self {
        Self::Finished(finished)
    }
}
