use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::sleep;

use super::connection::Connection;
use super::control::{Answer, Opening, SessionId};
use super::drive::Drive;
use super::preface::Identity;
use super::race::{Target, Unanswered};
use super::random::random;
use super::redial::Redial;
use super::{DialError, DialFailure, Key, Link, LinkSettings, Receive, Tried};

/// The most bytes that a peer may say first.
pub(super) const LONGEST_HELLO: usize = 64 << 10;

/// How long to wait before all addresses are tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How long to wait where the driver was asked and did not answer: if it has taken this peer, it
/// does not wait long for it to come back.
const ASKED_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// How often all addresses are tried where each fails for a reason that lasts.
const ROUNDS_IN_VAIN: u32 = 2;

/// How to reach the driver.
#[derive(Clone, Debug)]
pub struct Dial {
    /// Addresses with ports, the best one first.
    pub candidates: Vec<String>,
    /// The run's key.
    pub key: Key,
    /// The run and the program.
    pub identity: Identity,
    /// The most bytes of a message with its body.
    pub largest_frame: usize,
    /// How long an address may take to answer; [`Dial::ANSWERS_WITHIN`] suits most.
    pub answers_within: Duration,
    /// How long to go on trying.
    pub patience: Duration,
}

/// A driver that was reached and has taken this peer.
pub struct Dialed {
    /// Where to send to.
    pub link: Arc<Link>,
    /// What the driver has answered to the hello.
    pub welcome: Bytes,
    /// The times of the link, which the driver says.
    pub times: LinkSettings,
    connection: Connection,
    frames: Vec<Bytes>,
    redial: Redial,
}

/// What an agent says until it is answered.
struct Call {
    target: Target,
    hello: Vec<u8>,
    session: SessionId,
    /// How often it was said.
    attempt: u32,
    unanswered: Unanswered,
}

/// A round that led to nothing.
struct InVain {
    tried: Vec<Tried>,
    /// When to try again.
    again_after: Duration,
}

impl Dial {
    /// How long an address may take to answer, ordinarily.
    pub const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

    /// Reaches the driver, says this, and waits for its answer.
    ///
    /// # Errors
    /// The driver cannot be reached, or does not take this peer.
    pub async fn connect(self, hello: Vec<u8>) -> Result<Dialed, DialError> {
        if self.candidates.is_empty() {
            return Err(DialError::NoAddress);
        }
        // The rest is for what goes with it.
        let limit = LONGEST_HELLO - 64;
        if hello.len() > limit {
            let length = hello.len();
            return Err(DialError::HelloTooLong { length, limit });
        }
        let target = Target {
            candidates: self.candidates,
            key: self.key,
            identity: self.identity,
            largest_frame: self.largest_frame.saturating_add(1),
            answers_within: self.answers_within,
        };
        let mut call = Call {
            target,
            hello,
            session: random().map_err(DialError::Random)?,
            attempt: 0,
            unanswered: Unanswered::default(),
        };
        let start = Instant::now();
        let mut in_vain = 0;
        loop {
            let InVain { tried, again_after } = match call.round().await? {
                Ok(dialed) => return Ok(*dialed),
                Err(in_vain) => in_vain,
            };
            let is_lasting = tried.iter().all(|one| one.failure.is_lasting());
            in_vain = if is_lasting { in_vain + 1 } else { 0 };
            if in_vain >= ROUNDS_IN_VAIN || start.elapsed() + again_after > self.patience {
                return Err(DialError::NotReached(tried));
            }
            sleep(again_after).await;
        }
    }
}

impl Call {
    /// Tries all addresses once.
    async fn round(&mut self) -> Result<Result<Box<Dialed>, InVain>, DialError> {
        let target = &self.target;
        let order: Vec<_> = (0..target.candidates.len()).collect();
        let reached = match target.reach(&order, None).await {
            Ok(reached) => reached,
            Err(tried) => {
                let again_after = AGAIN_AFTER;
                return Ok(Err(InVain { tried, again_after }));
            }
        };
        let candidate = reached.candidate;
        let address = target.address(candidate);
        self.attempt += 1;
        let (session, attempt) = (self.session, self.attempt);
        let opening = Opening::New { session, attempt };
        let asked = reached.ask(&opening, &self.hello, &mut self.unanswered);
        let failure = match asked.await {
            Ok((connection, Answer::Welcome { times }, welcome, frames)) => {
                let named = (session, attempt);
                return Ok(Ok(Box::new(Dialed {
                    link: Arc::new(Link::new(target.largest_frame, attempt)),
                    welcome,
                    times,
                    connection,
                    frames,
                    redial: Redial::new(target.clone(), candidate, named, times.absence),
                })));
            }
            Ok((_, Answer::Refused { reason }, ..)) => {
                return Err(DialError::Refused { address, reason });
            }
            Ok((_, Answer::Resumed { .. }, ..)) => {
                DialFailure::Misspoke("it took back a node that is new".to_owned())
            }
            Err(failure) => failure,
        };
        Ok(Err(InVain {
            tried: vec![Tried { address, failure }],
            again_after: ASKED_AGAIN_AFTER,
        }))
    }
}

impl Dialed {
    /// Serves the link to its end; when its connection is lost, it makes another.
    pub async fn run(self, receive: Box<dyn Receive>) {
        let Self {
            link,
            times,
            connection,
            frames,
            redial,
            ..
        } = self;
        let drive = Drive::of_agent(link, redial, times, receive, frames);
        drive.run(connection).await;
    }
}

impl fmt::Debug for Dialed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Dialed")
            .field("times", &self.times)
            .finish_non_exhaustive()
    }
}
