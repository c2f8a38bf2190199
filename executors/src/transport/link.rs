use std::fmt;

use bytes::Bytes;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::Notify;

use super::bundle::Bundles;
use super::connection::Connection;
use super::control::DATA;
use super::session::Session;
use crate::wire::FrameError;

/// What everybody has of a link: frames are given to it here, and its own task sends them.
pub struct Link {
    state: Mutex<State>,
    wake: Notify,
    /// The most bytes of a frame.
    limit: usize,
}

#[derive(Default)]
struct State {
    waiting: Bundles,
    /// There is something that the task has not seen.
    has_news: bool,
    /// The task will look by itself before it sleeps.
    is_awake: bool,
    is_closing: bool,
    is_aborted: bool,
    is_over: bool,
    /// A new connection of the same peer.
    arrival: Option<Box<Arrived>>,
    /// The last attempt of the peer, to be taken or to come back.
    attempt: u32,
}

/// A peer that has come back.
pub(super) struct Arrived {
    pub(super) connection: Connection,
    /// Which attempt that is.
    pub(super) attempt: u32,
    /// How many frames it has; none if it does not know yet that it was taken.
    pub(super) received: Option<u64>,
}

/// Why a peer that comes back is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotTaken {
    /// The link is over.
    #[error("its link is over")]
    Over,
    /// It has come back since in another way.
    #[error("it has come back in another way")]
    Late,
}

/// What the task is to do.
pub(super) enum Order {
    /// To go on, and to close once all is sent if that is asked.
    GoOn { is_closing: bool },
    /// To end.
    Abort,
    /// To go on over this connection.
    Arrival(Box<Arrived>),
}

impl Link {
    /// A link whose task is about to start, with a peer that takes frames of so many bytes and made
    /// so many attempts until then.
    pub(super) fn new(limit: usize, attempt: u32) -> Self {
        let state = State {
            is_awake: true,
            attempt,
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
            wake: Notify::new(),
            limit,
        }
    }

    /// Sends a frame, from anywhere; what is added while frames are received leaves together. After
    /// [`close`](Self::close) and the link's end nothing is sent any more.
    ///
    /// # Errors
    /// The frame cannot be encoded, or is longer than the peer takes: sent, it would end the link.
    #[inline]
    pub fn send(&self, head: &impl Serialize, body: &Bytes) -> Result<(), FrameError> {
        let mut state = self.state.lock();
        if state.is_closing || state.is_aborted || state.is_over {
            return Ok(());
        }
        state.waiting.add(&(DATA, head), body, self.limit)?;
        self.tell(&mut state);
        Ok(())
    }

    /// Ends the link once the peer has all that was sent.
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.is_closing = true;
        self.tell(&mut state);
    }

    /// Ends the link at once; the peer is never taken back.
    pub fn abort(&self) {
        let mut state = self.state.lock();
        state.is_aborted = true;
        self.tell(&mut state);
    }

    /// A peer has come back.
    pub(super) fn arrive(&self, arrived: Box<Arrived>) -> Result<(), (NotTaken, Box<Arrived>)> {
        let mut state = self.state.lock();
        if state.is_aborted || state.is_over {
            return Err((NotTaken::Over, arrived));
        }
        if arrived.attempt <= state.attempt {
            return Err((NotTaken::Late, arrived));
        }
        state.attempt = arrived.attempt;
        state.arrival = Some(arrived);
        self.tell(&mut state);
        Ok(())
    }

    #[inline]
    fn tell(&self, state: &mut State) {
        state.has_news = true;
        if !state.is_awake {
            state.is_awake = true;
            self.wake.notify_one();
        }
    }

    /// The task takes what there is.
    pub(super) fn take(&self, session: &mut Session) -> Order {
        let mut state = self.state.lock();
        state.is_awake = true;
        if !state.has_news {
            let is_closing = state.is_closing;
            return Order::GoOn { is_closing };
        }
        state.has_news = false;
        if state.is_aborted {
            return Order::Abort;
        }
        if !state.waiting.is_empty() {
            let memory = session.memory();
            state.waiting.take(memory, |bundle| session.add(bundle));
        }
        match state.arrival.take() {
            Some(arrived) => Order::Arrival(arrived),
            None => Order::GoOn {
                is_closing: state.is_closing,
            },
        }
    }

    /// The task is about to sleep; false if there is something to do.
    pub(super) fn doze(&self) -> bool {
        let mut state = self.state.lock();
        state.is_awake = state.has_news;
        !state.is_awake
    }

    /// The task is awake for another reason.
    pub(super) fn rouse(&self) {
        self.state.lock().is_awake = true;
    }

    /// Waits until the task is told something while it sleeps.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// The link is over.
    pub(super) fn end(&self) {
        let mut state = self.state.lock();
        *state = State {
            is_awake: true,
            is_over: true,
            ..State::default()
        };
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock();
        formatter
            .debug_struct("Link")
            .field("is_closing", &state.is_closing)
            .field("is_over", &state.is_over)
            .finish_non_exhaustive()
    }
}
