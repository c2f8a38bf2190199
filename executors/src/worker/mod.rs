//! A worker process: runs the calls it is sent, until the pool is done with it or gone.
//!
//! ```text
//!                        ┌─► queue ─► synchronous bodies: the main thread, and more if asked for
//!   socket ─► main_loop ─┤                                            │
//!      ▲        ▲        └─► async bodies: a runtime of their own ────┤
//!      │        │ reads while the main thread runs a body             │
//!      │     watcher                                                  ▼
//!      └───────────────────────────────────────────────────── output: batches of results
//! ```
//!
//! The main thread reads, runs and answers by itself: handing a call to another thread would cost
//! a wake-up each way, which is most of a round trip. While it is in a body, the watcher takes
//! over: it sends what is finished and not sent yet, and listens for calls that are to be stopped
//! or given back.
//!
//! What has begun stands in a page of memory that outlives the process ([`ledger`]), so that the
//! pool knows which calls a lost worker had begun.

mod bodies;
mod company;
mod invoke;
mod ledger;
mod main_loop;
mod output;
mod queue;
mod streams;
mod watcher;

use std::process;

use crate::causes::WithCauses;
use crate::start::WorkerStart;

pub(crate) use ledger::Ledger;

/// The exit code of a worker that could not begin to serve, or was told what makes no sense.
const FAILED: i32 = 70;

/// Serves until the pool is done with it.
pub(crate) fn run(start: &WorkerStart) -> ! {
    match main_loop::serve(start) {
        Ok(never) => match never {},
        Err(error) => {
            eprintln!("chiltepin: worker process: {}", WithCauses(&error));
            process::exit(FAILED)
        }
    }
}
