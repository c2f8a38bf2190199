//! What an agent makes of its driver's messages.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::desk::Desk;
use super::ending::Departure;
use super::message::{FromAgent, ToAgent};
use crate::command::kill_application;
use crate::pool::Processes;
use crate::transport::{Link, LinkEnd, Receive};
use crate::wire::read_message;
use crate::{Capacity, Executor, Invocation, Rooms};

/// The number of the pool's offer for calls that wait here.
const AHEAD: u32 = 1;

/// Takes the driver's messages.
pub(super) struct Orders {
    pub(super) desk: Arc<Desk>,
    pub(super) pool: Arc<Processes>,
    pub(super) link: Arc<Link>,
    /// Is told to end, with this grace.
    pub(super) closing: mpsc::UnboundedSender<Duration>,
    /// Is told that the link has ended.
    pub(super) ended: Option<oneshot::Sender<LinkEnd>>,
}

impl Orders {
    fn obey(&mut self, frame: &Bytes, starting: &mut Vec<Invocation>) -> Result<(), String> {
        let (message, body) = read_message(frame).map_err(|error| error.to_string())?;
        if let ToAgent::Start(call) = message {
            starting.extend(self.desk.take(call, body)?);
            return Ok(());
        }
        // What came before it comes before it.
        self.start(starting);
        match message {
            ToAgent::Start(_) => {}
            ToAgent::Stop { attempt } => {
                if let Some(work) = self.desk.ask_to_stop(attempt.into()) {
                    self.pool.stop(work.id(), &(Arc::clone(&work) as _));
                }
            }
            ToAgent::Hurry => self.pool.hurry(),
            ToAgent::Sweep {
                number,
                application,
            } => {
                let link = Arc::clone(&self.link);
                tokio::task::spawn_blocking(move || {
                    let swept = kill_application(&application);
                    let message = FromAgent::Swept {
                        number,
                        found: swept.found,
                        left: swept.left,
                    };
                    let _ = link.send(&message, &Bytes::new());
                });
            }
            ToAgent::Close { grace } => {
                // What comes after it comes too late.
                self.desk.close(Departure::Closed);
                let _ = self.closing.send(grace);
            }
        }
        Ok(())
    }

    fn start(&self, starting: &mut Vec<Invocation>) {
        if !starting.is_empty() {
            self.pool.start_all(std::mem::take(starting));
        }
    }
}

impl Receive for Orders {
    fn received(&mut self, frames: &mut Vec<Bytes>) {
        let mut starting = Vec::new();
        for frame in frames.drain(..) {
            if let Err(reason) = self.obey(&frame, &mut starting) {
                eprintln!("error: what the driver says makes no sense: {reason}");
                self.link.abort();
                break;
            }
        }
        self.start(&mut starting);
    }

    fn silent(&mut self) {
        tracing::warn!("nothing is heard of the driver; results are kept for it");
    }

    fn back(&mut self) {
        tracing::info!("the driver is heard again");
    }

    fn ended(&mut self, end: LinkEnd) {
        if let Some(ended) = self.ended.take() {
            let _ = ended.send(end);
        }
    }
}

/// Takes no messages.
pub(super) struct Deaf;

impl Receive for Deaf {
    fn received(&mut self, frames: &mut Vec<Bytes>) {
        frames.clear();
    }

    fn silent(&mut self) {}

    fn back(&mut self) {}

    fn ended(&mut self, _end: LinkEnd) {}
}

/// Tells the driver of room for calls that wait here.
pub(super) struct AheadRooms(pub(super) Arc<Link>);

impl Rooms for AheadRooms {
    fn offered_until(&self, offer: u32, capacity: Capacity, _until: Option<Instant>) {
        if offer == AHEAD {
            let _ = self.0.send(&FromAgent::Ahead { capacity }, &Bytes::new());
        }
    }

    fn withdrawn(&self, _offer: u32) {}

    fn largest(&self, _capacity: Capacity) {}

    fn broken(&self, _reason: String) {}
}
