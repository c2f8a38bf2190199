//! What comes to the driver's port, until it is a link or is refused.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{sleep_until, timeout};

use super::LinkEnd;
use super::connection::{Broken, Connection};
use super::control::{Answer, Opening, SessionId};
use super::dial::LONGEST_HELLO;
use super::drive::Drive;
use super::handshake::{self, answer};
use super::link::{Arrived, Link, NotTaken};
use super::listener::{Arrival, ListenerSettings, Peers};
use super::unproven::Unproven;
use crate::wire::{split_message, write_frame};

/// What the listener and all that comes to it have in common.
pub(super) struct Shared {
    settings: ListenerSettings,
    peers: Arc<dyn Peers>,
    unproven: Mutex<Unproven<AbortHandle>>,
    /// The number of the next one.
    next: AtomicU64,
    /// One of them is no more.
    room: Notify,
    sessions: Mutex<HashMap<SessionId, Arc<Link>>>,
}

/// Why a connection that has come is left.
#[derive(Debug, thiserror::Error)]
enum Left {
    #[error(transparent)]
    Unproven(#[from] handshake::Unproven),
    #[error("it had not proven anything in time")]
    TooSlow,
    #[error("it closed the connection")]
    Closed,
    #[error("{0}")]
    NotTaken(NotTaken),
    #[error("{0}")]
    Failed(String),
}

impl From<Broken> for Left {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Closed | Broken::Reset => Self::Closed,
            Broken::Failed(reason) | Broken::Misspoke(reason) => Self::Failed(reason),
        }
    }
}

impl From<io::Error> for Left {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl Shared {
    pub(super) fn new(settings: ListenerSettings, peers: Arc<dyn Peers>) -> Arc<Self> {
        Arc::new(Self {
            unproven: Mutex::new(Unproven::new(settings.limits.unproven)),
            next: AtomicU64::new(0),
            room: Notify::new(),
            sessions: Mutex::default(),
            settings,
            peers,
        })
    }

    /// Closes all connections that have not proven anything.
    pub(super) fn drop_unproven(&self) {
        // Nothing is locked when they are, in turn, dropped.
        let connections = self.unproven.lock().take();
        for connection in connections {
            connection.abort();
        }
    }

    /// How many connections have not proven anything, and how many links there are.
    pub(super) fn counts(&self) -> (usize, usize) {
        let unproven = self.unproven.lock().len();
        (unproven, self.sessions.lock().len())
    }

    /// Waits until one more connection may come.
    pub(super) async fn room(&self) {
        loop {
            let Some(until) = self.unproven.lock().full_until(Instant::now()) else {
                return;
            };
            tokio::select! {
                () = self.room.notified() => {}
                () = sleep_until(until.into()) => {}
            }
        }
    }

    /// One that had not proven anything has, or is gone; false if it had to go.
    fn is_proven(&self, number: u64) -> bool {
        let was_there = self.unproven.lock().remove(number);
        self.room.notify_one();
        was_there
    }

    /// Serves a connection, if need be instead of another.
    pub(super) fn take_in(self: &Arc<Self>, stream: TcpStream, from: SocketAddr) {
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let pending = Pending {
            shared: Arc::clone(self),
            number,
        };
        // It is entered before it begins, as it takes itself out; and nothing is locked when it is
        // spawned, as a runtime that ends drops it there and then.
        let (entered, is_entered) = oneshot::channel();
        let task = tokio::spawn(async move {
            if is_entered.await.is_err() {
                return;
            }
            if let Err(left) = pending.serve(stream, from).await {
                tracing::debug!(%from, %left, "a connection is not taken");
            }
        });
        let handle = task.abort_handle();
        let oldest = self.unproven.lock().add(number, handle, Instant::now());
        if let Some(oldest) = oldest {
            oldest.abort();
        }
        if entered.send(()).is_err() {
            // The runtime ends.
            self.is_proven(number);
        }
    }

    fn taken_for_lost(&self) -> Answer {
        let window = self.settings.link.reconnect_window.as_secs_f64();
        Answer::Refused {
            reason: format!(
                "this node was taken for lost, as it was gone or had not been heard of for \
                 {window} s; what it ran is done elsewhere"
            ),
        }
    }
}

/// A connection that is counted as one that has not proven anything until this is dropped.
struct Pending {
    shared: Arc<Shared>,
    number: u64,
}

/// What a peer that has proven itself wants.
struct Proven {
    connection: Connection,
    opening: Opening,
    body: Bytes,
}

impl Pending {
    async fn serve(self, stream: TcpStream, from: SocketAddr) -> Result<(), Left> {
        let shared = Arc::clone(&self.shared);
        let limit = shared.settings.limits.handshake;
        let proven = timeout(limit, self.prove(stream)).await;
        let proven = proven.map_err(|_| Left::TooSlow)??;
        // It is one that counts, unless it had to go at this very moment.
        if !shared.is_proven(self.number) {
            return Ok(());
        }
        drop(self);
        let Proven {
            mut connection,
            opening,
            body,
        } = proven;
        connection.widen(shared.settings.largest_frame.saturating_add(1))?;
        match opening {
            Opening::New { session, attempt } => {
                let arrived = Arrived {
                    connection,
                    attempt,
                    received: None,
                };
                shared.take_new(session, arrived, body, from).await
            }
            Opening::Resume {
                session,
                attempt,
                received,
            } => {
                let arrived = Arrived {
                    connection,
                    attempt,
                    received: Some(received),
                };
                shared.take_back(session, arrived).await
            }
        }
    }

    async fn prove(&self, stream: TcpStream) -> Result<Proven, Left> {
        stream.set_nodelay(true)?;
        let ListenerSettings { identity, key, .. } = &self.shared.settings;
        let records = answer(&stream, identity, key).await?;
        let mut connection = Connection::new(stream, records, LONGEST_HELLO);
        let mut frames = Vec::new();
        connection.first(&mut frames).await?;
        let [frame] = &frames[..] else {
            let text = "it went on before it was answered".to_owned();
            return Err(Left::Failed(text));
        };
        let read = split_message(frame);
        let (opening, body) = read.map_err(|error| Left::Failed(error.to_string()))?;
        Ok(Proven {
            connection,
            opening,
            body,
        })
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.shared.is_proven(self.number);
    }
}

impl Shared {
    /// Takes a new peer, or tells it why not, and serves it to the end. One that was taken and has
    /// not learnt of it goes on there.
    async fn take_new(
        self: Arc<Self>,
        session: SessionId,
        arrived: Arrived,
        hello: Bytes,
        from: SocketAddr,
    ) -> Result<(), Left> {
        let largest_frame = self.settings.largest_frame.saturating_add(1);
        let link = Arc::new(Link::new(largest_frame, arrived.attempt));
        // Before anybody is asked, which may take long: who comes again meanwhile must find it.
        let there = match self.sessions.lock().entry(session) {
            Entry::Occupied(there) => Some(Arc::clone(there.get())),
            Entry::Vacant(place) => {
                place.insert(Arc::clone(&link));
                None
            }
        };
        if let Some(there) = there {
            // If that is over by now, it comes again and is new.
            let taken = there.arrive(Box::new(arrived));
            return taken.map_err(|(why, _)| Left::NotTaken(why));
        }
        let listed = Listed {
            shared: Arc::downgrade(&self),
            session,
        };
        let connection = arrived.connection;
        let arrival = match self.peers.arrived(hello, &link, from) {
            Ok(arrival) => arrival,
            Err(reason) => {
                drop(listed);
                link.end();
                return refuse(connection, &Answer::Refused { reason }).await;
            }
        };
        let Arrival {
            welcome,
            mut receive,
        } = arrival;
        let times = self.settings.link;
        let mut text = Vec::new();
        if let Err(error) = write_frame(&mut text, &Answer::Welcome { times }, &welcome) {
            drop(listed);
            link.end();
            let text = format!("it cannot be welcomed: {error}");
            receive.ended(LinkEnd::Misspoke(text.clone()));
            return Err(Left::Failed(text));
        }
        let drive = Drive::of_driver(link, times, receive, text);
        drop(self);
        drive.run(connection).await;
        drop(listed);
        Ok(())
    }

    /// Gives a peer that has come back to its link, or tells it why not.
    async fn take_back(&self, session: SessionId, arrived: Arrived) -> Result<(), Left> {
        let link = self.sessions.lock().get(&session).cloned();
        let arrived = Box::new(arrived);
        let Some(link) = link else {
            return refuse(arrived.connection, &self.taken_for_lost()).await;
        };
        match link.arrive(arrived) {
            Ok(()) => Ok(()),
            Err((NotTaken::Over, arrived)) => {
                refuse(arrived.connection, &self.taken_for_lost()).await
            }
            Err((why @ NotTaken::Late, _)) => Err(Left::NotTaken(why)),
        }
    }
}

/// How long a peer that is not taken may take to hear why.
const HEARS_WITHIN: Duration = Duration::from_secs(5);

async fn refuse(mut connection: Connection, answer: &Answer) -> Result<(), Left> {
    let mut text = Vec::new();
    write_frame(&mut text, answer, &[]).map_err(|error| Left::Failed(error.to_string()))?;
    let said = timeout(HEARS_WITHIN, connection.say(text)).await;
    said.map_err(|_| Left::TooSlow)??;
    Ok(())
}

/// A session that peers can come back to until this is dropped.
struct Listed {
    shared: Weak<Shared>,
    session: SessionId,
}

impl Drop for Listed {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.sessions.lock().remove(&self.session);
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Shared")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
