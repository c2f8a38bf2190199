use std::sync::Arc;

use super::call::{Call, refused};
use super::connection::Connection;
use super::job::{Command, JobEnd, WorkerId};
use super::manager::{Inner, Shared};
use super::place::Request;
use crate::wire::ToWorker;
use crate::{Failure, FailureKind, Outcome};
use bytes::Bytes;
use serde::Serialize;

/// What is left to do after unlocking.
#[derive(Default)]
pub(super) struct Turnover {
    /// Calls that have ended, to be reported.
    pub(super) ended: Vec<(Arc<Call>, Outcome)>,
    /// Workers that had nothing to do and wait for what was added.
    pub(super) urgent: Vec<Arc<Connection>>,
    /// Calls whose time begins.
    pub(super) begun: Vec<Arc<Call>>,
    /// How many calls may wait here has changed.
    pub(super) has_other_room: bool,
    /// Commands whose bodies are to be run, with the GPUs they get.
    pub(super) bodies: Vec<(Arc<Call>, Vec<u32>)>,
    /// The first process is asked for.
    pub(super) begins_place: bool,
}

impl Shared {
    /// Does what the state commands, as far as that may be done under the lock.
    pub(super) fn perform(
        &self,
        inner: &mut Inner,
        commands: &mut Vec<Command<Arc<Call>>>,
    ) -> Turnover {
        let mut turnover = Turnover::default();
        for command in commands.drain(..) {
            self.perform_one(inner, command, &mut turnover);
        }
        // The timer hears of a time that is earlier than the one it waits for.
        if let Some(wake) = inner.state.wake
            && inner.armed.is_none_or(|armed| wake < armed)
        {
            inner.armed = Some(wake);
            self.earlier.notify_one();
        }
        turnover
    }

    fn perform_one(&self, inner: &mut Inner, command: Command<Arc<Call>>, turnover: &mut Turnover) {
        match command {
            Command::Launch { worker, number } => {
                inner.links.insert(worker, self.new_link(number));
                self.ask(inner, Request::Launch { worker, number }, turnover);
            }
            Command::Send {
                worker,
                sequence,
                payload,
            } => self.send(inner, worker, sequence, &payload, turnover),
            Command::Withdraw { worker, sequences } => {
                self.tell(inner, worker, &ToWorker::Withdraw { sequences }, turnover);
            }
            Command::Stop { worker, sequence } => {
                self.tell(inner, worker, &ToWorker::Stop { sequence }, turnover);
            }
            Command::Kill { worker, sequence } => {
                self.tell(inner, worker, &ToWorker::Kill { sequence }, turnover);
            }
            Command::Close { worker } => self.tell(inner, worker, &ToWorker::Close, turnover),
            Command::Destroy { worker } => self.ask(inner, Request::Kill { worker }, turnover),
            Command::Execute { payload, gpus } => turnover.bodies.push((payload, gpus)),
            Command::Interrupt { attempt } => {
                self.ask(inner, Request::Interrupt { attempt }, turnover);
            }
            Command::Release { attempt } => {
                self.ask(inner, Request::Release { attempt }, turnover);
            }
            Command::Begun { payload } => turnover.begun.push(payload),
            Command::Ended { payload, end } => {
                let outcome = match end {
                    JobEnd::Stopped => Outcome::Stopped,
                    JobEnd::Lost(lost) => {
                        Outcome::Failed(Failure::permanent(FailureKind::WorkerLost(lost)))
                    }
                    JobEnd::Unavailable(reason) => {
                        Outcome::Failed(Failure::permanent(FailureKind::Unavailable { reason }))
                    }
                };
                turnover.ended.push((payload, outcome));
            }
            Command::Ahead => turnover.has_other_room = true,
        }
    }

    fn send(
        &self,
        inner: &mut Inner,
        worker: WorkerId,
        sequence: u64,
        call: &Arc<Call>,
        turnover: &mut Turnover,
    ) {
        let connection = connection_of(inner, worker);
        let Some(connection) = connection else {
            debug_assert!(false, "only workers that are connected are sent calls");
            return;
        };
        if let Err(error) = call.send(&connection, sequence) {
            // Its values were measured, so this is about a message of more than 4 GiB.
            let failure = refused("send the call".to_owned(), std::io::Error::other(error));
            let now = std::time::Instant::now();
            let run = std::time::Duration::ZERO;
            let mut commands = Vec::new();
            let job = inner
                .state
                .finished(worker, sequence, run, now, &mut commands);
            if job.is_some() {
                turnover
                    .ended
                    .push((Arc::clone(call), Outcome::Failed(failure)));
            }
            return;
        }
        let was_idle = inner.state.has_one(worker);
        note(inner, connection, was_idle, turnover);
    }

    fn tell(
        &self,
        inner: &mut Inner,
        worker: WorkerId,
        message: &impl Serialize,
        turnover: &mut Turnover,
    ) {
        let Some(connection) = connection_of(inner, worker) else {
            return;
        };
        // A message of a few numbers always fits.
        if connection.add(message, &Bytes::new()).is_ok() {
            note(inner, connection, true, turnover);
        }
    }

    /// Asks for something of the place where processes are started.
    pub(super) fn ask(&self, inner: &mut Inner, request: Request, turnover: &mut Turnover) {
        if inner.place.ask(request, &mut inner.links, &self.settings) {
            turnover.begins_place = true;
        }
    }
}

fn connection_of(inner: &Inner, worker: WorkerId) -> Option<Arc<Connection>> {
    let connection = &inner.links.get(&worker)?.connection;
    connection.as_ref().map(Arc::clone)
}

fn note(inner: &mut Inner, connection: Arc<Connection>, is_urgent: bool, turnover: &mut Turnover) {
    if is_urgent {
        turnover.urgent.push(connection);
    } else if connection.schedule() {
        inner.dirty.push(connection);
    }
}
