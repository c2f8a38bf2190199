//! How much may be queued for the thread that writes.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// Room for so many bytes, and who waits for some.
#[derive(Debug)]
pub(super) struct Room {
    most: usize,
    taken: Mutex<usize>,
    freed: Condvar,
}

/// Bytes that are queued; their room is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    room: Arc<Room>,
    bytes: usize,
}

impl Room {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            taken: Mutex::default(),
            freed: Condvar::new(),
        })
    }

    /// Takes room, and waits for it while there is none left. Whatever its size, something fits where
    /// any room is left: it would wait for ever otherwise.
    pub(super) fn take(self: &Arc<Self>, bytes: usize) -> Taken {
        let mut taken = self.taken.lock();
        while *taken >= self.most {
            self.freed.wait(&mut taken);
        }
        *taken += bytes;
        drop(taken);
        Taken {
            room: Arc::clone(self),
            bytes,
        }
    }

    /// The same for who must not wait.
    pub(super) fn take_now(self: &Arc<Self>, bytes: usize) -> Taken {
        *self.taken.lock() += bytes;
        Taken {
            room: Arc::clone(self),
            bytes,
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let half = self.room.most / 2;
        let mut taken = self.room.taken.lock();
        let before = *taken;
        *taken -= self.bytes;
        // Not for each one: to wake a thread that at once has to wait again costs more than all else.
        let wakes = before > half && *taken <= half;
        drop(taken);
        if wakes {
            self.room.freed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_finds_no_room_waits_until_half_is_free() {
        let room = Room::new(100);
        let held: Vec<Taken> = (0..4).map(|_| room.take(25)).collect();
        let (told, is_in) = mpsc::channel();
        let waits = Arc::clone(&room);
        std::thread::spawn(move || {
            // More than there ever is.
            let taken = waits.take(1000);
            told.send(()).unwrap();
            drop(taken);
        });
        let wait = Duration::from_millis(100);
        assert!(is_in.recv_timeout(wait).is_err(), "there is no room");
        let mut held = held.into_iter();
        drop(held.next());
        // On a slow machine it comes only now, when there is some.
        if is_in.recv_timeout(wait).is_err() {
            drop(held.next());
            is_in.recv_timeout(Duration::from_secs(10)).unwrap();
        }
        drop(room.take_now(1000));
    }
}
