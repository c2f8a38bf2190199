//! Workers that connect: who they are, and what they say from then on.

use std::io;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::net::{UnixListener, UnixStream};

use super::connection::{Connection, Received};
use super::job::{Command, WorkerId};
use super::link::Facts;
use super::manager::Shared;
use super::turn::{self, Sending};
use crate::start::stranger;
use crate::wire::{
    FinishedCall, FrameError, FrameReader, FromWorker, Hello, PROTOCOL, ToWorker, Welcome,
    read_message,
};

/// How long who connects may take to say who it is.
const INTRODUCES_ITSELF_WITHIN: Duration = Duration::from_secs(10);

/// The most bytes of a frame beside the value in it.
const FRAME_OVERHEAD: usize = 1 << 20;

/// Why a worker is not taken, or not kept.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("it belongs to user {0}, not to the one who runs the program")]
    OtherUser(u32),
    #[error("it closed the connection before it said who it is")]
    Left,
    #[error("it did not say who it is within {INTRODUCES_ITSELF_WITHIN:?}")]
    Silent,
    #[error("it sent something else before it said who it is")]
    NoHello,
    #[error("no worker {0} is expected")]
    NotExpected(u32),
    #[error(
        "it is another program, or another version of it, than the one it was started from \
         ({0}); was the file replaced?"
    )]
    OtherProgram(&'static str),
    #[error("it gave back calls that it does not have")]
    NotItsCalls,
    #[error("it reported the end of a call that it does not have")]
    NotItsCall,
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    System(#[from] io::Error),
}

/// Accepts workers until the pool is gone.
pub(super) async fn accept_all(listener: UnixListener, shared: Weak<Shared>) {
    loop {
        let accepted = listener.accept().await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        match accepted {
            Ok((socket, _)) => {
                let runtime = shared.runtime.clone();
                runtime.spawn(async move { shared.serve(socket).await });
            }
            Err(error) => {
                // As when there are no more descriptors: that may pass.
                tracing::warn!(executor = shared.settings.name, %error, "cannot accept a worker");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

impl Shared {
    /// Serves a worker for as long as it lives.
    async fn serve(self: Arc<Self>, socket: UnixStream) {
        let mut reader = FrameReader::new(self.settings.largest_value + FRAME_OVERHEAD);
        let introduced = tokio::time::timeout(
            INTRODUCES_ITSELF_WITHIN,
            self.introduce(socket, &mut reader),
        );
        let introduced = introduced.await.unwrap_or(Err(Refusal::Silent));
        let (worker, connection, facts) = match introduced {
            Ok(introduced) => introduced,
            Err(refusal) => {
                tracing::warn!(executor = self.settings.name, %refusal, "a worker is refused");
                return;
            }
        };
        let read = self
            .read_all(worker, &connection, &facts, &mut reader)
            .await;
        let misspoke = read.err().map(|refusal| {
            tracing::warn!(worker = %facts.name, %refusal, "a worker is given up");
            format!("it was given up: {refusal}\n")
        });
        self.is_read(worker, misspoke);
    }

    async fn introduce(
        self: &Arc<Self>,
        socket: UnixStream,
        reader: &mut FrameReader,
    ) -> Result<(WorkerId, Arc<Connection>, Facts), Refusal> {
        if let Some(user) = stranger(&socket)? {
            return Err(Refusal::OtherUser(user.as_raw()));
        }
        let connection = Arc::new(Connection::new(socket));
        let frame = loop {
            if let Some(frame) = reader.next()? {
                break frame;
            }
            if connection.receive(reader).await? == Received::End {
                return Err(Refusal::Left);
            }
        };
        let (FromWorker::Hello(hello), _) = read_message(&frame)? else {
            return Err(Refusal::NoHello);
        };
        let worker = WorkerId(hello.worker);
        let facts = self.welcome(worker, &hello, &connection)?;
        Ok((worker, connection, facts))
    }

    /// Takes a worker, if it is what it should be.
    fn welcome(
        self: &Arc<Self>,
        worker: WorkerId,
        hello: &Hello,
        connection: &Arc<Connection>,
    ) -> Result<Facts, Refusal> {
        let unexpected = || Refusal::NotExpected(hello.worker);
        let mut inner = self.inner.lock();
        let program = inner.place.program().ok_or_else(unexpected)?;
        let node = inner.node_name.clone();
        let link = inner.links.get_mut(&worker).ok_or_else(unexpected)?;
        // What somebody says who is none of those that were started is of no account.
        if link.connection.is_some() {
            return Err(unexpected());
        }
        let difference = if hello.protocol != PROTOCOL {
            Some("protocol")
        } else if hello.program != program {
            Some("file")
        } else if hello.registry != self.functions.fingerprint() {
            Some("tasks")
        } else {
            None
        };
        if let Some(difference) = difference {
            let refusal = Refusal::OtherProgram(difference);
            let reason = format!("a worker was refused: {refusal}");
            drop(inner);
            self.with(|state, now, commands| {
                state.give_up(reason, commands);
                commands.push(Command::Destroy { worker });
                state.schedule(now, commands);
            });
            return Err(refusal);
        }
        let welcome = ToWorker::Welcome(Welcome {
            name: link.facts.name.to_string(),
            threads: self.settings.threads_per_worker,
            cores: self.settings.cores_per_worker,
            largest_value: u64::try_from(self.settings.largest_value).unwrap_or(u64::MAX),
        });
        connection.add(&welcome, &Bytes::new())?;
        link.facts.process = hello.process;
        link.connection = Some(Arc::clone(connection));
        link.facts.node = node.unwrap_or_default();
        let facts = link.facts.clone();
        drop(inner);
        connection.flush();
        self.with(|state, now, commands| {
            if state.connected(worker, now, commands) {
                state.schedule(now, commands);
            }
        });
        Ok(facts)
    }

    /// Takes what a worker says, until it has nothing more to say.
    async fn read_all(
        self: &Arc<Self>,
        worker: WorkerId,
        connection: &Connection,
        facts: &Facts,
        reader: &mut FrameReader,
    ) -> Result<(), Refusal> {
        let mut ended = Vec::new();
        loop {
            while let Some(frame) = reader.next()? {
                match read_message(&frame)? {
                    (FromWorker::Finished(finished), body) => ended.push((finished, body)),
                    (FromWorker::Withdrawn { sequences }, _) => {
                        // In order: what has ended before is no more to be given back.
                        self.finish_all(worker, facts, &mut ended)?;
                        let are_its = self.with(|state, now, commands| {
                            let are_its = state.withdrawn(worker, &sequences, now, commands);
                            state.schedule(now, commands);
                            are_its
                        });
                        if !are_its {
                            return Err(Refusal::NotItsCalls);
                        }
                    }
                    (FromWorker::Hello(_), _) => return Err(Refusal::NoHello),
                }
            }
            self.finish_all(worker, facts, &mut ended)?;
            if connection.receive(reader).await? == Received::End {
                return Ok(());
            }
        }
    }

    /// Reports the calls that have ended, and sends what follows on them.
    fn finish_all(
        self: &Arc<Self>,
        worker: WorkerId,
        facts: &Facts,
        ended: &mut Vec<(FinishedCall, Bytes)>,
    ) -> Result<(), Refusal> {
        if ended.is_empty() {
            return Ok(());
        }
        let mut jobs = Vec::with_capacity(ended.len());
        let mut commands = Vec::new();
        let mut result = Ok(());
        let now = Instant::now();
        let mut inner = self.inner.lock();
        for (finished, body) in ended.drain(..) {
            let run = Duration::from_micros(finished.usage.run);
            let job = inner
                .state
                .finished(worker, finished.sequence, run, now, &mut commands);
            match job {
                Some(job) => jobs.push((job, finished, body)),
                None => result = Err(Refusal::NotItsCall),
            }
        }
        inner.state.schedule(now, &mut commands);
        let turnover = self.perform(&mut inner, &mut commands);
        drop(inner);
        turn::within(Sending::Now, || {
            self.complete(turnover);
            for (job, finished, body) in jobs {
                let call = job.payload;
                let outcome = call.settle(finished, body, facts);
                self.finish(&call.attempt, Arc::clone(&call.work), outcome);
            }
        });
        result
    }
}
