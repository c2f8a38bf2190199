use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::incoming::Shared;
use super::ports::listen_on;
use super::preface::Identity;
use super::{Key, Link, LinkSettings, Receive};

/// How the driver listens.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// The ports to choose from; any if that is none.
    pub ports: Option<RangeInclusive<u16>>,
    /// The run's key.
    pub key: Key,
    /// The run and the program.
    pub identity: Identity,
    /// The most bytes of a message with its body.
    pub largest_frame: usize,
    /// The times of links.
    pub link: LinkSettings,
    /// What those may cost that have not proven anything.
    pub limits: Limits,
}

/// What those may cost who have not proven that they have the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many of them there may be at a time.
    pub unproven: usize,
    /// How long they may take to prove it.
    pub handshake: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            unproven: 512,
            handshake: Duration::from_secs(5),
        }
    }
}

/// Decides about peers that come.
pub trait Peers: Send + Sync {
    /// A peer that has the key says this; what is sent over its link meanwhile follows its welcome.
    ///
    /// # Errors
    /// It is not taken; it is told this reason.
    fn arrived(&self, hello: Bytes, link: &Arc<Link>, from: SocketAddr) -> Result<Arrival, String>;
}

/// A peer that is taken.
pub struct Arrival {
    /// What it is told.
    pub welcome: Vec<u8>,
    /// Takes what it says.
    pub receive: Box<dyn Receive>,
}

impl fmt::Debug for Arrival {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Arrival").finish_non_exhaustive()
    }
}

/// Takes connections of nodes until it is closed or dropped; links that are there go on.
#[derive(Debug)]
pub struct Listener {
    shared: Arc<Shared>,
    port: u16,
    accepting: AbortHandle,
}

impl Listener {
    /// Listens, and serves peers on the runtime that this is called on.
    ///
    /// # Errors
    /// Each port of the range is taken, or the system does not let this process listen.
    #[expect(
        clippy::unused_async,
        reason = "it can only be called on a runtime this way"
    )]
    pub async fn start(settings: ListenerSettings, peers: Arc<dyn Peers>) -> io::Result<Self> {
        let listener = listen_on(settings.ports.as_ref())?;
        let listener = TcpListener::from_std(listener)?;
        let port = listener.local_addr()?.port();
        let shared = Shared::new(settings, peers);
        let accepting = tokio::spawn(accept_all(listener, Arc::clone(&shared))).abort_handle();
        Ok(Self {
            shared,
            port,
            accepting,
        })
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Takes no more connections: whoever is not here yet finds nobody.
    pub fn close(&self) {
        self.accepting.abort();
        self.shared.drop_unproven();
    }

    /// How many connections have not proven anything, and how many links there are.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        self.shared.counts()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
    }
}

async fn accept_all(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        shared.room().await;
        match listener.accept().await {
            Ok((stream, from)) => shared.take_in(stream, from),
            Err(error) => {
                // As when there are no more descriptors: that may pass.
                tracing::warn!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
