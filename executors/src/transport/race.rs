use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::connection::{Broken, Connection};
use super::control::{Answer, Opening};
use super::handshake::introduce;
use super::preface::Identity;
use super::{DialFailure, Key, Tried};
use crate::wire::{split_message, write_frame};

/// How long the next address waits for the one before it. Only one of them is the driver's that
/// is reached first; a busy driver should not get the same agent over all of them.
const NEXT_AFTER: Duration = Duration::from_millis(300);

/// Whom to reach, and how to prove who this is.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) candidates: Vec<String>,
    pub(super) key: Key,
    pub(super) identity: Identity,
    pub(super) largest_frame: usize,
    /// How long an address may take to answer.
    pub(super) answers_within: Duration,
}

/// A connection to the driver, over which nothing was said yet.
pub(super) struct Reached {
    /// Which of the candidates led there.
    pub(super) candidate: usize,
    pub(super) connection: Connection,
    answers_within: Duration,
}

impl Target {
    /// Reaches the driver at the first of these candidates that leads there. If the decisive one
    /// finds that it is not there, the others are not waited for.
    pub(super) async fn reach(
        &self,
        order: &[usize],
        decisive: Option<usize>,
    ) -> Result<Reached, Vec<Tried>> {
        let mut waiting = order.iter().copied();
        let mut running = FuturesUnordered::new();
        let mut tried = Vec::new();
        loop {
            if running.is_empty() {
                match waiting.next() {
                    Some(candidate) => running.push(self.try_one(candidate)),
                    None => return Err(tried),
                }
            }
            tokio::select! {
                Some((candidate, outcome)) = running.next() => match outcome {
                    Ok(connection) => {
                        let answers_within = self.answers_within;
                        return Ok(Reached { candidate, connection, answers_within });
                    }
                    Err(failure) => {
                        let is_over = decisive == Some(candidate) && failure.is_absence();
                        let address = self.address(candidate);
                        tried.push(Tried { address, failure });
                        if is_over {
                            return Err(tried);
                        }
                        running.extend(waiting.next().map(|next| self.try_one(next)));
                    }
                },
                () = sleep(NEXT_AFTER), if waiting.len() > 0 => {
                    running.extend(waiting.next().map(|next| self.try_one(next)));
                }
            }
        }
    }

    pub(super) fn address(&self, candidate: usize) -> String {
        self.candidates.get(candidate).cloned().unwrap_or_default()
    }

    async fn try_one(&self, candidate: usize) -> (usize, Result<Connection, DialFailure>) {
        let limit = self.answers_within;
        let outcome = timeout(limit, self.connect(candidate)).await;
        (
            candidate,
            outcome.unwrap_or(Err(DialFailure::Silent(limit))),
        )
    }

    async fn connect(&self, candidate: usize) -> Result<Connection, DialFailure> {
        let address = self.address(candidate);
        let stream = TcpStream::connect(address).await;
        let stream = stream.map_err(DialFailure::Connect)?;
        stream.set_nodelay(true)?;
        let records = introduce(&stream, &self.identity, &self.key).await?;
        Ok(Connection::new(stream, records, self.largest_frame))
    }
}

impl Reached {
    /// Says who this is, and waits for the answer; its body and the frames behind it come with it.
    pub(super) async fn ask(
        mut self,
        opening: &Opening,
        body: &[u8],
        unanswered: &mut Unanswered,
    ) -> Result<(Connection, Answer, Bytes, Vec<Bytes>), DialFailure> {
        let talk = async {
            let mut text = Vec::new();
            write_frame(&mut text, opening, body)
                .map_err(|error| Broken::Misspoke(error.to_string()))?;
            self.connection.say(text).await?;
            let mut frames = Vec::new();
            self.connection.first(&mut frames).await?;
            let (answer, body) = split_message(&frames.remove(0))
                .map_err(|error| Broken::Misspoke(error.to_string()))?;
            Ok((answer, body, frames))
        };
        let limit = self.answers_within;
        match timeout(limit, talk).await {
            Ok(Ok((answer, body, frames))) => Ok((self.connection, answer, body, frames)),
            Ok(Err(Broken::Closed | Broken::Reset)) => Err(DialFailure::Lost(
                std::io::ErrorKind::ConnectionReset.into(),
            )),
            Ok(Err(Broken::Failed(reason))) => {
                Err(DialFailure::Lost(std::io::Error::other(reason)))
            }
            Ok(Err(Broken::Misspoke(reason))) => Err(DialFailure::Misspoke(reason)),
            Err(_) => {
                unanswered.keep(self.connection);
                Err(DialFailure::Silent(limit))
            }
        }
    }
}

/// How many connections without an answer are kept. Each was made over a network that let
/// something through, so there are few.
const MOST_UNANSWERED: usize = 16;

/// Connections over which the driver was asked and did not answer in time.
///
/// It may have gone over to any of them. They are kept until it has answered over another: closed,
/// they would say to it, once the network lets that through, that this agent is gone.
#[derive(Default)]
pub(super) struct Unanswered(VecDeque<Connection>);

impl Unanswered {
    fn keep(&mut self, connection: Connection) {
        if self.0.len() >= MOST_UNANSWERED {
            // The driver has gone over to a later one, if to any.
            self.0.pop_front();
        }
        self.0.push_back(connection);
    }

    /// The driver has answered over another one.
    pub(super) fn close(&mut self) {
        self.0.clear();
    }
}
