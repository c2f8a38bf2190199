use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::Serialize;

use crate::wire::{write_frame, write_head};

/// Results are held back for at most this long while calls wait to be run: one write for many of
/// them, and no wait that anybody notices.
const HELD_BACK: Duration = Duration::from_micros(50);

/// So many bytes are sent at once, however new.
const FULL: usize = 32 << 10;

/// Bodies of this size and more are not copied into the buffer.
const LARGE: usize = 64 << 10;

/// What is on its way to the pool.
#[derive(Debug)]
pub(super) struct Output {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    stream: UnixStream,
    buffer: Vec<u8>,
    /// When the first of what is buffered came.
    oldest: Option<Instant>,
}

impl Output {
    pub(super) fn new(stream: UnixStream) -> Self {
        let state = State {
            stream,
            buffer: Vec::new(),
            oldest: None,
        };
        Self {
            state: Mutex::new(state),
        }
    }

    /// Adds a message; sends what there is once it is much, or old.
    pub(super) fn add(&self, head: &impl Serialize, body: &[u8], now: Instant) -> io::Result<()> {
        let mut state = self.state.lock();
        if body.len() >= LARGE {
            write_head(&mut state.buffer, head, body.len()).map_err(io::Error::other)?;
            state.send()?;
            return state.stream.write_all(body);
        }
        write_frame(&mut state.buffer, head, body).map_err(io::Error::other)?;
        let oldest = *state.oldest.get_or_insert(now);
        if state.buffer.len() >= FULL || now.saturating_duration_since(oldest) >= HELD_BACK {
            state.send()?;
        }
        Ok(())
    }

    /// Sends what there is.
    pub(super) fn flush(&self) -> io::Result<()> {
        self.state.lock().send()
    }
}

impl State {
    fn send(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.stream.write_all(&self.buffer)?;
        self.buffer.clear();
        self.buffer.shrink_to(2 * FULL);
        self.oldest = None;
        Ok(())
    }
}
