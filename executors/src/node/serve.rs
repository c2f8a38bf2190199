use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::folders;
use super::keepers::Keepers;
use super::message::{FromSpawner, Hello, LARGEST_TO_SPAWNER, ToSpawner};
use super::outgoing::Outgoing;
use super::spawner::Spawner;
use crate::command::{Bell, wait_on};
use crate::start::SpawnerStart;
use crate::wire::{FrameReader, PROTOCOL, split_message};

/// How long is waited for what was killed.
const PATIENCE: Duration = Duration::from_millis(1500);

/// A time to come that every clock can count to.
const LONGEST_GRACE: Duration = Duration::from_secs(365 * 24 * 3600);

/// Starts and ends processes as the driver says, until it says that this is to end, or is gone.
/// The exit code comes back.
pub(crate) fn serve(start: SpawnerStart) -> i32 {
    match run(&start) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!(
                "error: the parent of the workers of `{}`: {error}",
                start.executor
            );
            folders::remove_if_left(&start);
            1
        }
    }
}

fn run(start: &SpawnerStart) -> io::Result<()> {
    // Both are for the driver to heed. They are caught rather than ignored: what is started would
    // inherit that.
    signal_hook::flag::register(SIGINT, Arc::new(AtomicBool::new(false)))?;
    let (terminated, terminate) = UnixStream::pair()?;
    signal_hook::low_level::pipe::register(SIGTERM, terminate)?;
    let socket = UnixStream::connect(&start.socket)?;
    socket.set_nonblocking(true)?;
    let bell = Arc::new(Bell::new()?);
    let outgoing = Arc::new(Outgoing::new(socket.try_clone()?, Arc::clone(&bell)));
    outgoing.send(&FromSpawner::Hello(hello()));
    let spawner = Spawner::new(
        start,
        Arc::clone(&outgoing),
        Keepers::new(Arc::clone(&bell)),
    );
    let mut serving = Serving {
        socket,
        terminated,
        bell,
        outgoing,
        spawner,
        reader: FrameReader::new(LARGEST_TO_SPAWNER),
    };
    match serving.serve() {
        End::Closed => serving.leave(),
        End::Gone => {
            serving.kill();
            folders::remove_if_left(start);
        }
    }
    Ok(())
}

fn hello() -> Hello {
    let host = rustix::system::uname();
    Hello {
        protocol: PROTOCOL,
        process: std::process::id(),
        host: host.nodename().to_string_lossy().into_owned(),
    }
}

/// Why serving ended.
enum End {
    /// The driver said so, and waits for this process.
    Closed,
    /// The driver is gone, or this process was told to end by somebody else.
    Gone,
}

struct Serving<'a> {
    socket: UnixStream,
    /// Becomes readable by SIGTERM.
    terminated: UnixStream,
    /// Wakes this thread.
    bell: Arc<Bell>,
    outgoing: Arc<Outgoing>,
    spawner: Spawner<'a>,
    reader: FrameReader,
}

/// What the main thread was woken by.
struct Woken {
    terminated: bool,
    socket: bool,
}

impl Serving<'_> {
    fn serve(&mut self) -> End {
        let mut closing = None;
        loop {
            if let Some(end) = closing
                && (self.spawner.is_idle() || Instant::now() >= end)
            {
                return End::Closed;
            }
            let woken = self.wait(closing);
            if woken.terminated {
                return End::Gone;
            }
            self.outgoing.flush();
            if !woken.socket {
                continue;
            }
            loop {
                match self.socket.read(self.reader.spare()) {
                    Ok(0) => return End::Gone,
                    Ok(count) => self.reader.filled(count),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(_) => return End::Gone,
                }
                loop {
                    let frame = match self.reader.next() {
                        Ok(Some(frame)) => frame,
                        Ok(None) => break,
                        Err(error) => return garbage(&error),
                    };
                    match split_message(&frame) {
                        Ok((ToSpawner::Close { grace }, _)) => {
                            closing = closing.or(Some(Instant::now() + grace.min(LONGEST_GRACE)));
                            self.spawner.close();
                        }
                        Ok((message, _)) => self.spawner.handle(message),
                        Err(error) => return garbage(&error),
                    }
                }
            }
        }
    }

    /// Waits for the driver, for workers that exit, and for other threads.
    fn wait(&mut self, end: Option<Instant>) -> Woken {
        let mut interest = PollFlags::IN;
        if self.outgoing.is_waiting() {
            interest |= PollFlags::OUT;
        }
        let mut descriptors = vec![
            PollFd::new(&self.socket, interest),
            PollFd::new(&self.terminated, PollFlags::IN),
            PollFd::new(self.bell.descriptor(), PollFlags::IN),
        ];
        let own = descriptors.len();
        let exits = self.spawner.exits();
        descriptors.extend(
            exits
                .iter()
                .map(|(_, exit)| PollFd::from_borrowed_fd(exit.as_fd(), PollFlags::IN)),
        );
        let time = end.map(|end| end.saturating_duration_since(Instant::now()));
        wait_on(&mut descriptors, time);
        let ready = |index: usize| !descriptors[index].revents().is_empty();
        let exited: Vec<_> = exits
            .iter()
            .enumerate()
            .filter(|(index, _)| ready(own + index))
            .map(|(_, (worker, _))| *worker)
            .collect();
        let woken = Woken {
            terminated: ready(1),
            socket: ready(0),
        };
        if ready(2) {
            self.bell.silence();
        }
        for worker in exited {
            self.spawner.exited(worker);
        }
        woken
    }

    /// Kills what still runs, and says what there is to say.
    fn leave(&mut self) {
        self.kill();
        let end = Instant::now() + PATIENCE;
        while self.outgoing.is_waiting() && Instant::now() < end {
            self.wait(Some(end));
            self.outgoing.flush();
        }
    }

    /// Kills all there is, and waits until it is gone or patience is.
    fn kill(&mut self) {
        let end = Instant::now() + PATIENCE;
        self.spawner.kill_all();
        while !self.spawner.is_idle() && Instant::now() < end {
            wait_on(
                &mut [PollFd::new(self.bell.descriptor(), PollFlags::IN)],
                Some(end.saturating_duration_since(Instant::now())),
            );
            self.bell.silence();
        }
    }
}

fn garbage(error: &dyn std::error::Error) -> End {
    eprintln!("error: what the driver says makes no sense: {error}");
    End::Gone
}
