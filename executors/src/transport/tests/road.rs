//! What is between an agent and its driver, and can be blocked.

use std::future::pending;
use std::io::ErrorKind;
use std::sync::Arc;

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
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Nothing is passed on, and nothing is closed: the network is cut.
    is_blocked: bool,
    /// How often all connections were closed.
    cuts: u32,
}

impl Road {
    /// A road to this address.
    pub(super) async fn to(address: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().to_string();
        let (state, seen) = watch::channel(State::default());
        let rough = Arc::<Mutex<Vec<usize>>>::default();
        let lengths = Arc::clone(&rough);
        let accepting = tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let far = TcpStream::connect(&address).await.unwrap();
                let length = lengths.lock().pop();
                tokio::spawn(pass(near, far, seen.clone(), length));
            }
        });
        Self {
            address: own,
            state,
            accepting,
            rough,
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

    /// Closes the connections that there are.
    pub(super) fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }

    /// Closes each of the next connections after so many bytes in either direction, the last given
    /// one first.
    pub(super) fn cut_after(&self, lengths: Vec<usize>) {
        *self.rough.lock() = lengths;
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
) {
    let cuts = state.borrow().cuts;
    tokio::select! {
        () = flow(&near, &far, state.clone(), length) => {}
        () = flow(&far, &near, state.clone(), length) => {}
        _ = state.wait_for(|state| state.cuts != cuts) => {}
    }
}

async fn flow(
    from: &TcpStream,
    to: &TcpStream,
    mut state: watch::Receiver<State>,
    mut length: Option<usize>,
) {
    let mut bytes = [0; 8192];
    loop {
        if state.wait_for(|state| !state.is_blocked).await.is_err() {
            return pending().await;
        }
        let room = length.unwrap_or(usize::MAX).min(bytes.len());
        if room == 0 || from.readable().await.is_err() {
            return;
        }
        if state.borrow().is_blocked {
            continue;
        }
        let count = match from.try_read(&mut bytes[..room]) {
            Ok(0) => return,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(_) => return,
        };
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
