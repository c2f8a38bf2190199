use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::net::UnixStream;
use tokio::sync::Notify;

use super::message::ToSpawner;
use crate::wire::{FrameError, Outbox};

/// The driver's messages to the spawner, sent by whoever has something to say.
///
/// What the socket does not take at once is sent by the task that reads from it, when it does;
/// meanwhile messages gather, and go together. So do those of the time before there is a socket.
#[derive(Debug, Default)]
pub(super) struct Requests {
    state: Mutex<State>,
    /// Tells the task that something waits.
    notify: Notify,
}

#[derive(Debug, Default)]
struct State {
    connection: Connection,
    waiting: Outbox,
}

#[derive(Debug, Default)]
enum Connection {
    #[default]
    NotYet,
    Open(Arc<UnixStream>),
    /// Nobody listens any more.
    Over,
}

impl Requests {
    /// Sends a message, now or soon.
    ///
    /// # Errors
    /// It cannot be encoded.
    pub(super) fn send(&self, message: &ToSpawner) -> Result<(), FrameError> {
        let mut state = self.state.lock();
        if matches!(state.connection, Connection::Over) {
            return Ok(());
        }
        let was_idle = state.waiting.is_empty();
        state.waiting.add(message, &Bytes::new())?;
        if was_idle && !state.write() {
            drop(state);
            self.wake();
        }
        Ok(())
    }

    /// Sends over this connection from now on.
    pub(super) fn connect(&self, stream: Arc<UnixStream>) {
        let mut state = self.state.lock();
        if !matches!(state.connection, Connection::Over) {
            state.connection = Connection::Open(stream);
            state.write();
        }
    }

    /// Lets go of the connection, and of what was to be sent.
    pub(super) fn disconnect(&self) {
        let mut state = self.state.lock();
        state.connection = Connection::Over;
        state.waiting.clear();
    }

    /// Sends what waits, as far as the socket takes it.
    pub(super) fn flush(&self) {
        self.state.lock().write();
    }

    /// Whether something waits for the socket.
    pub(super) fn is_waiting(&self) -> bool {
        !self.state.lock().waiting.is_empty()
    }

    /// Has the task look what there is to do.
    pub(super) fn wake(&self) {
        self.notify.notify_one();
    }

    /// Waits until the task is to look.
    pub(super) async fn woken(&self) {
        self.notify.notified().await;
    }
}

impl State {
    /// True when nothing is left.
    fn write(&mut self) -> bool {
        let Connection::Open(stream) = &self.connection else {
            return self.waiting.is_empty();
        };
        self.waiting.send(|bytes| stream.try_write(bytes))
    }
}
