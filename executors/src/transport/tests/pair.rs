//! A driver and agents that record what happens to them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use crate::transport::{
    Arrival, Dial, DialError, Dialed, Identity, Key, Limits, Link, LinkEnd, LinkSettings, Listener,
    ListenerSettings, Peers, Receive,
};
use crate::wire::split_message;

/// Longer than anything takes here.
pub(super) const LONG: Duration = Duration::from_secs(60);

pub(super) const IDENTITY: Identity = Identity {
    run: [3; 16],
    program: [4; 32],
};

/// The most bytes of a frame here.
pub(super) const LARGEST: usize = 20 << 20;

/// Times that suit a test.
pub(super) const TIMES: LinkSettings = LinkSettings {
    beat: Duration::from_millis(100),
    silence: Duration::from_millis(1000),
    absence: Duration::from_millis(500),
    reconnect_window: Duration::from_secs(5),
};

/// The number of a message that makes its receiver panic.
pub(super) const PANICS: u64 = 1 << 40;

/// Waits until something holds.
pub(super) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LONG, "{what} takes too long");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// What has happened at one end of a link.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The number that each message begins with, and the length of its body.
    pub(super) messages: Vec<(u64, usize)>,
    pub(super) silent: u32,
    pub(super) back: u32,
    pub(super) end: Option<LinkEnd>,
}

/// One end of a link.
pub(super) struct End {
    pub(super) link: Arc<Link>,
    pub(super) hello: Bytes,
    pub(super) seen: Mutex<Seen>,
    /// Answers each message with the same.
    echoes: bool,
    /// Takes the next message when this is over.
    pub(super) is_busy: AtomicBool,
}

impl End {
    fn new(link: &Arc<Link>, hello: Bytes, echoes: bool) -> Arc<Self> {
        Arc::new(Self {
            link: Arc::clone(link),
            hello,
            seen: Mutex::default(),
            echoes,
            is_busy: AtomicBool::new(false),
        })
    }

    pub(super) fn receive(self: &Arc<Self>) -> Box<dyn Receive> {
        Box::new(Recorder(Arc::clone(self)))
    }

    pub(super) fn send(&self, number: u64, body: &Bytes) {
        self.link.send(&number, body).unwrap();
    }

    pub(super) fn count(&self) -> usize {
        self.seen.lock().messages.len()
    }

    pub(super) async fn ended(&self) -> LinkEnd {
        until("the end", || self.seen.lock().end.is_some()).await;
        self.seen.lock().end.clone().unwrap()
    }

    /// Waits for so many messages, which are numbered in order.
    pub(super) async fn has(&self, count: usize) {
        until(&format!("message {count}"), || self.count() >= count).await;
        let seen = self.seen.lock();
        assert_eq!(seen.messages.len(), count);
        for (place, (number, _)) in seen.messages.iter().enumerate() {
            assert_eq!(*number, place as u64);
        }
    }
}

struct Recorder(Arc<End>);

impl Receive for Recorder {
    fn received(&mut self, frames: &mut Vec<Bytes>) {
        while self.0.is_busy.load(Ordering::SeqCst) {
            tokio::task::block_in_place(|| std::thread::sleep(Duration::from_millis(2)));
        }
        for frame in frames.drain(..) {
            let (number, body) = split_message::<u64>(&frame).unwrap();
            assert_ne!(number, PANICS, "a message that cannot be taken");
            if self.0.echoes {
                self.0.send(number, &body);
            }
            self.0.seen.lock().messages.push((number, body.len()));
        }
    }

    fn silent(&mut self) {
        self.0.seen.lock().silent += 1;
    }

    fn back(&mut self) {
        self.0.seen.lock().back += 1;
    }

    fn ended(&mut self, end: LinkEnd) {
        let before = self.0.seen.lock().end.replace(end);
        assert_eq!(before, None, "ended twice");
    }
}

/// The driver: takes everybody whose hello does not ask to be refused.
pub(super) struct Driver {
    pub(super) listener: Listener,
    pub(super) key: Key,
    peers: Arc<Everybody>,
}

#[derive(Default)]
struct Everybody {
    ends: Mutex<Vec<Arc<End>>>,
    echoes: bool,
    /// How long it takes to decide about one that comes.
    takes: Mutex<Duration>,
}

impl Peers for Everybody {
    fn arrived(&self, hello: Bytes, link: &Arc<Link>, _: SocketAddr) -> Result<Arrival, String> {
        if hello == "refuse" {
            return Err("it is not wanted".to_owned());
        }
        let takes = *self.takes.lock();
        if !takes.is_zero() {
            // The agent's time goes on meanwhile.
            tokio::task::block_in_place(|| std::thread::sleep(takes));
        }
        let welcome = [b"welcome, ", &hello[..]].concat();
        let end = End::new(link, hello, self.echoes);
        let receive = end.receive();
        self.ends.lock().push(end);
        Ok(Arrival { welcome, receive })
    }
}

impl Driver {
    pub(super) async fn start(times: LinkSettings) -> Self {
        Self::start_with(times, Limits::default(), false).await
    }

    /// One that answers each message with the same.
    pub(super) async fn echoing(times: LinkSettings) -> Self {
        Self::start_with(times, Limits::default(), true).await
    }

    pub(super) async fn start_with(link: LinkSettings, limits: Limits, echoes: bool) -> Self {
        let key = Key::generate().unwrap();
        let peers = Arc::new(Everybody {
            echoes,
            ..Everybody::default()
        });
        let settings = ListenerSettings {
            ports: None,
            key: key.clone(),
            identity: IDENTITY,
            largest_frame: LARGEST,
            link,
            limits,
        };
        let listener = Listener::start(settings, Arc::clone(&peers) as _).await;
        Self {
            listener: listener.unwrap(),
            key,
            peers,
        }
    }

    /// Takes so long from now on to decide about one that comes.
    pub(super) fn takes(&self, long: Duration) {
        *self.peers.takes.lock() = long;
    }

    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.listener.port())
    }

    pub(super) fn dial(&self) -> Dial {
        Dial {
            candidates: vec![self.address()],
            key: self.key.clone(),
            identity: IDENTITY,
            largest_frame: LARGEST,
            answers_within: Dial::ANSWERS_WITHIN,
            patience: Duration::from_secs(10),
        }
    }

    /// The driver's ends of links, in the order in which they came.
    pub(super) fn end(&self, place: usize) -> Arc<End> {
        Arc::clone(&self.peers.ends.lock()[place])
    }

    pub(super) fn ends(&self) -> usize {
        self.peers.ends.lock().len()
    }

    /// An honest agent gets in, and is answered.
    pub(super) async fn serves(&self) {
        let agent = Agent::start(self.dial()).await.unwrap();
        let place = self.ends() - 1;
        agent.end.send(0, &Bytes::new());
        self.end(place).has(1).await;
        agent.end.link.close();
        assert_eq!(agent.end.ended().await, LinkEnd::Closed);
        assert_eq!(self.end(place).ended().await, LinkEnd::PeerClosed);
    }
}

/// An agent whose link is served.
pub(super) struct Agent {
    pub(super) end: Arc<End>,
    pub(super) task: JoinHandle<()>,
}

impl Agent {
    pub(super) async fn start(dial: Dial) -> Result<Self, DialError> {
        let dialed = dial.connect(b"hello".to_vec()).await?;
        assert_eq!(dialed.welcome, "welcome, hello");
        Ok(Self::serve(dialed))
    }

    pub(super) fn serve(dialed: Dialed) -> Self {
        let end = End::new(&dialed.link, Bytes::new(), false);
        let receive = end.receive();
        let task = tokio::spawn(dialed.run(receive));
        Self { end, task }
    }
}
