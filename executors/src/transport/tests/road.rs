//! What is between an agent and its driver, and can be blocked.

use std::future::pending;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Passes on what comes.
pub(super) struct Road {
    address: String,
    state: watch::Sender<State>,
    accepting: JoinHandle<()>,
    rough: Arc<Mutex<Vec<usize>>>,
    held: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Nothing is passed on, and nothing is closed: the network is cut.
    is_blocked: bool,
    /// How often all connections were closed.
    cuts: u32,
    /// They are closed with a reset, as of a process that ended without reading all.
    is_rough: bool,
    /// They are reset towards the driver; the agent finds out when it says something.
    is_one_sided: bool,
    /// Answers go no further than so many bytes of each connection.
    answers: Option<usize>,
    /// Connections are made, and lead nowhere yet.
    is_closed_to_new: bool,
}

impl Road {
    /// A road to this address.
    pub(super) async fn to(address: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().to_string();
        let (state, seen) = watch::channel(State::default());
        let rough = Arc::<Mutex<Vec<usize>>>::default();
        let lengths = Arc::clone(&rough);
        let held = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&held);
        let accepting = tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let length = lengths.lock().pop();
                let (address, mut seen) = (address.clone(), seen.clone());
                let held = Arc::clone(&counted);
                tokio::spawn(async move {
                    if seen.wait_for(|state| !state.is_closed_to_new).await.is_ok() {
                        let far = TcpStream::connect(&address).await.unwrap();
                        pass(near, far, seen, length, &held).await;
                    }
                });
            }
        });
        Self {
            address: own,
            state,
            accepting,
            rough,
            held,
        }
    }

    pub(super) fn address(&self) -> String {
        self.address.clone()
    }

    /// Passes on nothing.
    pub(super) fn block(&self) {
        self.state.send_modify(|state| state.is_blocked = true);
    }

    /// Passes on what has gathered, and all that comes.
    pub(super) fn unblock(&self) {
        self.state.send_modify(|state| state.is_blocked = false);
    }

    /// Holds back what the driver says beyond so many bytes of each connection.
    pub(super) fn hold_answers(&self, after: usize) {
        self.state.send_modify(|state| state.answers = Some(after));
    }

    /// How many connections have been held back so.
    pub(super) fn held(&self) -> usize {
        self.held.load(Ordering::SeqCst)
    }

    /// Passes on what was held back.
    pub(super) fn release_answers(&self) {
        self.state.send_modify(|state| state.answers = None);
    }

    /// New connections lead nowhere; those that there are go on.
    pub(super) fn close_to_new(&self) {
        self.state
            .send_modify(|state| state.is_closed_to_new = true);
    }

    /// New connections lead to the driver, and so do those that waited.
    pub(super) fn open_to_new(&self) {
        self.state
            .send_modify(|state| state.is_closed_to_new = false);
    }

    /// Closes the connections that there are.
    pub(super) fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }

    /// Closes each of the next connections after so many bytes in either direction, the last given
    /// one first.
    pub(super) fn cut_after(&self, lengths: Vec<usize>) {
        *self.rough.lock() = lengths;
    }

    /// Closes the connections that there are as the system of a process does that ended without
    /// reading all, and leads nowhere any more.
    pub(super) fn reset(&self) {
        self.accepting.abort();
        self.state.send_modify(|state| state.is_rough = true);
        self.cut();
    }

    /// Resets the connections that there are towards the driver alone. New ones are let through.
    pub(super) fn reset_driver(&self) {
        self.state.send_modify(|state| {
            state.is_rough = true;
            state.is_one_sided = true;
        });
        self.cut();
    }

    /// How many connections are still to be closed that way.
    pub(super) fn cuts_left(&self) -> usize {
        self.rough.lock().len()
    }

    /// Nobody listens any more, as after the end of a process.
    pub(super) fn close(&self) {
        self.accepting.abort();
        self.cut();
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        self.close();
    }
}

/// Passes on both ways until the connection is closed at one end, or cut.
async fn pass(
    near: TcpStream,
    far: TcpStream,
    mut state: watch::Receiver<State>,
    length: Option<usize>,
    held: &AtomicUsize,
) {
    let cuts = state.borrow().cuts;
    tokio::select! {
        () = flow(&near, &far, state.clone(), length, None) => {}
        () = flow(&far, &near, state.clone(), length, Some(held)) => {}
        _ = state.wait_for(|state| state.cuts != cuts) => {}
    }
    let State {
        is_rough,
        is_one_sided,
        ..
    } = *state.borrow();
    if is_rough {
        far.set_zero_linger().unwrap();
    }
    drop(far);
    if is_one_sided {
        let _closed = near.readable().await;
    }
}

/// Passes on one way; the driver's, if there is something to count those in that are held.
async fn flow(
    from: &TcpStream,
    to: &TcpStream,
    mut state: watch::Receiver<State>,
    mut length: Option<usize>,
    held: Option<&AtomicUsize>,
) {
    let mut bytes = [0; 8192];
    let mut passed = 0;
    let mut is_counted = false;
    loop {
        if state.wait_for(|state| !state.is_blocked).await.is_err() {
            return pending().await;
        }
        let mut room = length.unwrap_or(usize::MAX).min(bytes.len());
        let answers = state.borrow().answers;
        if let (Some(held), Some(most)) = (held, answers) {
            room = room.min(most.saturating_sub(passed));
            if room == 0 {
                if !std::mem::replace(&mut is_counted, true) {
                    held.fetch_add(1, Ordering::SeqCst);
                }
                if state.changed().await.is_err() {
                    return pending().await;
                }
                continue;
            }
        }
        if room == 0 || from.readable().await.is_err() {
            return;
        }
        // They may have changed meanwhile.
        if state.borrow().is_blocked || state.borrow().answers != answers {
            continue;
        }
        let count = match from.try_read(&mut bytes[..room]) {
            Ok(0) => return,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(_) => return,
        };
        passed += count;
        length = length.map(|length| length - count);
        let mut rest = &bytes[..count];
        while !rest.is_empty() {
            if to.writable().await.is_err() {
                return;
            }
            match to.try_write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }
}
