use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use serde::Serialize;
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::sync::Notify;

use crate::wire::{FrameError, FrameReader, Outbox};

/// The pool's end of a worker's socket.
///
/// Anybody writes: frames are added to the outbox and sent at the next [`flush`](Self::flush), by
/// whoever calls it, as far as the socket takes them; the rest is sent by the task that reads.
#[derive(Debug)]
pub(super) struct Connection {
    socket: UnixStream,
    outgoing: Mutex<Outgoing>,
    /// The socket takes no more for now, or the worker's process has ended: its task has to look.
    attention: Notify,
    /// The process has ended, so that there will be no more than there is.
    ended: AtomicBool,
}

#[derive(Debug, Default)]
struct Outgoing {
    outbox: Outbox,
    /// The socket was full; whoever is told that it is not any more goes on.
    blocked: bool,
    /// Somebody will flush.
    scheduled: bool,
}

/// What came of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    Some,
    /// Nothing is there, and nothing will be.
    End,
}

impl Connection {
    /// Takes a socket that is driven by a tokio runtime.
    pub(super) fn new(socket: UnixStream) -> Self {
        Self {
            socket,
            outgoing: Mutex::default(),
            attention: Notify::new(),
            ended: AtomicBool::new(false),
        }
    }

    /// Adds a frame.
    pub(super) fn add(&self, head: &impl Serialize, body: &Bytes) -> Result<(), FrameError> {
        self.outgoing.lock().outbox.add(head, body)
    }

    /// Sends what the socket takes. An error says that nobody is at the other end, which whoever
    /// reads learns too.
    pub(super) fn flush(&self) {
        let mut outgoing = self.outgoing.lock();
        outgoing.scheduled = false;
        if !outgoing.blocked && !outgoing.send(&self.socket) {
            outgoing.blocked = true;
            drop(outgoing);
            self.attention.notify_one();
        }
    }

    /// Whether the caller has to see to it that what was added is sent soon; else somebody has
    /// been told already.
    pub(super) fn schedule(&self) -> bool {
        !std::mem::replace(&mut self.outgoing.lock().scheduled, true)
    }

    /// Is told that the process at the other end has ended.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        self.attention.notify_one();
    }

    /// Waits until something is read; sends meanwhile what the socket takes.
    pub(super) async fn receive(&self, reader: &mut FrameReader) -> io::Result<Received> {
        loop {
            // Asked before reading: what the process wrote is there to be read by then.
            if self.ended.load(Ordering::SeqCst) {
                return match read(&self.socket, reader) {
                    Ok(count) if count > 0 => Ok(Received::Some),
                    _ => Ok(Received::End),
                };
            }
            let is_blocked = self.outgoing.lock().blocked;
            let interest = if is_blocked {
                Interest::READABLE | Interest::WRITABLE
            } else {
                Interest::READABLE
            };
            let ready = tokio::select! {
                biased;
                ready = self.socket.ready(interest) => ready?,
                () = self.attention.notified() => continue,
            };
            if is_blocked && ready.is_writable() {
                self.unblock();
            }
            if ready.is_readable() || ready.is_read_closed() {
                match self.read_once(reader)? {
                    Some(0) => return Ok(Received::End),
                    Some(_) => return Ok(Received::Some),
                    None => {}
                }
            }
        }
    }

    /// Reads once; none if nothing is there.
    fn read_once(&self, reader: &mut FrameReader) -> io::Result<Option<usize>> {
        let mut outcome = Ok(None);
        let room = reader.spare().len();
        let tried = self
            .socket
            .try_io(Interest::READABLE, || match read(&self.socket, reader) {
                Ok(count) => {
                    outcome = Ok(Some(count));
                    if count > 0 && count < room {
                        // The socket is empty now, and the next to come makes it ready anew:
                        // said here, it spares a read that would find nothing.
                        return Err(io::ErrorKind::WouldBlock.into());
                    }
                    Ok(())
                }
                Err(Errno::AGAIN) => Err(io::ErrorKind::WouldBlock.into()),
                Err(Errno::CONNRESET) => {
                    outcome = Ok(Some(0));
                    Ok(())
                }
                Err(error) => {
                    outcome = Err(error.into());
                    Ok(())
                }
            });
        // It says no more than that nothing is left to be read.
        drop(tried);
        outcome
    }

    /// Goes on sending, where the socket was full.
    fn unblock(&self) {
        let mut outgoing = self.outgoing.lock();
        let tried = self.socket.try_io(Interest::WRITABLE, || {
            if outgoing.send(&self.socket) {
                Ok(())
            } else {
                Err(io::ErrorKind::WouldBlock.into())
            }
        });
        outgoing.blocked = tried.is_err();
    }
}

/// Reads what is there.
fn read(socket: &UnixStream, reader: &mut FrameReader) -> Result<usize, Errno> {
    loop {
        match recv(socket, reader.spare(), RecvFlags::DONTWAIT) {
            Ok((_, count)) => {
                reader.filled(count);
                return Ok(count);
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

impl Outgoing {
    /// Sends as much as the socket takes; true when nothing is left.
    fn send(&mut self, socket: &UnixStream) -> bool {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        self.outbox.send(|bytes| Ok(send(socket, bytes, flags)?))
    }
}
