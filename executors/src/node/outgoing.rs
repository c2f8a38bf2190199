use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::message::FromSpawner;
use crate::command::Bell;
use crate::wire::Outbox;

/// The spawner's messages to the driver, sent by whoever has something to say.
///
/// What the socket does not take at once is sent by the main thread when it does; meanwhile
/// messages gather, and go together.
#[derive(Debug)]
pub(super) struct Outgoing {
    socket: UnixStream,
    waiting: Mutex<Outbox>,
    /// Wakes the main thread.
    bell: Arc<Bell>,
}

impl Outgoing {
    /// Messages over this socket, which does not block.
    pub(super) fn new(socket: UnixStream, bell: Arc<Bell>) -> Self {
        Self {
            socket,
            waiting: Mutex::default(),
            bell,
        }
    }

    /// Sends a message, now or soon.
    pub(super) fn send(&self, message: &FromSpawner) {
        let mut waiting = self.waiting.lock();
        let is_idle = waiting.is_empty();
        if let Err(error) = waiting.add(message, &Bytes::new()) {
            tracing::error!(%error, "a message to the driver is lost");
        }
        if is_idle && !self.write(&mut waiting) {
            drop(waiting);
            self.wake_main();
        }
    }

    /// Sends what waits, as far as the socket takes it.
    pub(super) fn flush(&self) {
        self.write(&mut self.waiting.lock());
    }

    /// Whether something waits for the socket.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.lock().is_empty()
    }

    /// Has the main thread look what there is to do.
    pub(super) fn wake_main(&self) {
        std::task::Wake::wake_by_ref(&self.bell);
    }

    /// True when nothing is left.
    fn write(&self, waiting: &mut Outbox) -> bool {
        waiting.send(|bytes| (&self.socket).write(bytes))
    }
}
