use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::sleep;

use super::connection::Connection;
use super::control::{Answer, Opening};
use super::drive::Drive;
use super::preface::Identity;
use super::race::{Target, Unanswered};
use super::redial::Redial;
use super::{DialError, DialFailure, Key, Link, LinkSettings, Receive, Tried};

/// The most bytes that a peer may say first.
pub(super) const LONGEST_HELLO: usize = 64 << 10;

/// How long to wait before all addresses are tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

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
        let start = Instant::now();
        let mut in_vain = 0;
        let mut unanswered = Unanswered::default();
        loop {
            let tried = match round(&target, &hello, &mut unanswered).await? {
                Ok(dialed) => return Ok(dialed),
                Err(tried) => tried,
            };
            let is_lasting = tried.iter().all(|one| one.failure.is_lasting());
            in_vain = if is_lasting { in_vain + 1 } else { 0 };
            if in_vain >= ROUNDS_IN_VAIN || start.elapsed() + AGAIN_AFTER > self.patience {
                return Err(DialError::NotReached(tried));
            }
            sleep(AGAIN_AFTER).await;
        }
    }
}

/// Tries all addresses once.
async fn round(
    target: &Target,
    hello: &[u8],
    unanswered: &mut Unanswered,
) -> Result<Result<Dialed, Vec<Tried>>, DialError> {
    let order: Vec<_> = (0..target.candidates.len()).collect();
    let reached = match target.reach(&order, None).await {
        Ok(reached) => reached,
        Err(tried) => return Ok(Err(tried)),
    };
    let candidate = reached.candidate;
    let address = target.address(candidate);
    let failure = match reached.ask(&Opening::New, hello, unanswered).await {
        Ok((connection, Answer::Welcome { session, times }, welcome, frames)) => {
            return Ok(Ok(Dialed {
                link: Arc::new(Link::new()),
                welcome,
                times,
                connection,
                frames,
                redial: Redial::new(target.clone(), candidate, session, times.absence),
            }));
        }
        Ok((_, Answer::Refused { reason }, ..)) => {
            return Err(DialError::Refused { address, reason });
        }
        Ok((_, Answer::Resumed { .. }, ..)) => {
            DialFailure::Misspoke("it took back a node that is new".to_owned())
        }
        Err(failure) => failure,
    };
    Ok(Err(vec![Tried { address, failure }]))
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
