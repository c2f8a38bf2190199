use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::sleep;

use super::connection::Connection;
use super::control::{Answer, Opening, SessionId};
use super::race::{Target, Unanswered};
use super::{DialFailure, LinkEnd, Tried};

/// How long to wait before the driver is tried again: little at first, as it does not wait long
/// for an agent whose connection was closed.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
const AGAIN_AFTER_AT_MOST: Duration = Duration::from_secs(1);

/// How often it is tried again, at least, while the driver waits for an agent whose connection was
/// closed.
const TIMES_IN_ABSENCE: u32 = 4;

/// How long the driver must not be where it was, each time it is tried, to be taken for dead.
const ABSENT_FOR: Duration = Duration::from_secs(1);

/// How an agent comes back to its driver.
pub(super) struct Redial {
    target: Target,
    /// Where the driver was reached last.
    last: usize,
    session: SessionId,
    attempt: u32,
    /// The longest pause before the driver is tried again.
    longest_pause: Duration,
    unanswered: Unanswered,
}

/// A connection over which the session goes on.
pub(super) struct Regained {
    pub(super) connection: Connection,
    /// What came with the answer.
    pub(super) frames: Vec<Bytes>,
    /// How many frames the driver has.
    pub(super) received: u64,
}

impl Redial {
    /// The driver, reached there by this attempt, waits that long for an agent whose connection was
    /// closed.
    pub(super) fn new(
        target: Target,
        last: usize,
        (session, attempt): (SessionId, u32),
        absence: Duration,
    ) -> Self {
        Self {
            target,
            last,
            session,
            attempt,
            longest_pause: AGAIN_AFTER_AT_MOST.min(absence / TIMES_IN_ABSENCE),
            unanswered: Unanswered::default(),
        }
    }

    /// Comes back, however long that takes, unless the driver is dead or does not want it.
    pub(super) async fn regain(&mut self, received: u64) -> Result<Regained, LinkEnd> {
        let mut absent_since = None;
        let mut pause = AGAIN_AFTER.min(self.longest_pause);
        loop {
            let tried = match self.try_once(received).await {
                Ok(outcome) => return outcome,
                Err(tried) => tried,
            };
            let last = self.target.address(self.last);
            let is_absent = tried
                .iter()
                .any(|one| one.address == last && one.failure.is_absence());
            for one in tried {
                tracing::debug!(%one, "the driver is not reached");
            }
            let now = Instant::now();
            let since = is_absent.then(|| absent_since.unwrap_or(now));
            if since.is_some_and(|since| now.duration_since(since) >= ABSENT_FOR) {
                return Err(LinkEnd::Gone);
            }
            absent_since = since;
            sleep(pause).await;
            pause = (pause * 2).min(self.longest_pause);
        }
    }

    async fn try_once(&mut self, received: u64) -> Result<Result<Regained, LinkEnd>, Vec<Tried>> {
        self.attempt += 1;
        let others = (0..self.target.candidates.len()).filter(|other| *other != self.last);
        let order: Vec<_> = std::iter::once(self.last).chain(others).collect();
        let reached = self.target.reach(&order, Some(self.last)).await?;
        let candidate = reached.candidate;
        let opening = Opening::Resume {
            session: self.session,
            attempt: self.attempt,
            received,
        };
        let failed = |failure| {
            let address = self.target.address(candidate);
            Err(vec![Tried { address, failure }])
        };
        let asked = reached.ask(&opening, &[], &mut self.unanswered).await;
        match asked {
            Ok((connection, Answer::Resumed { received }, _, frames)) => {
                self.last = candidate;
                self.unanswered.close();
                Ok(Ok(Regained {
                    connection,
                    frames,
                    received,
                }))
            }
            Ok((_, Answer::Refused { reason }, ..)) => Ok(Err(LinkEnd::Refused(reason))),
            Ok((_, Answer::Welcome { .. }, ..)) => {
                let text = "a new node was welcomed, where one came back".to_owned();
                failed(DialFailure::Misspoke(text))
            }
            Err(failure) => failed(failure),
        }
    }
}
