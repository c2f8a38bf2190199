//! What processes can do at best: another process that sends back what it is sent over a Unix
//! socket, with nothing around it.
//!
//! Two processes that only wait for each other the system puts now on one core, where a round trip
//! takes 4 microseconds, and now on two, where it takes 60. Here each has a core of its own, as a
//! driver and the workers of a program that has something to do.

use std::fmt::Display;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::measure::time;

/// The argument that makes this program such a process; the bytes of a message follow it.
pub(crate) const CHILD: &str = "--echo";

/// The bytes of a message, unless it has a payload.
pub(crate) const FRAME: usize = 64;

/// The value, or the end of the measurements: a figure without its baseline says nothing.
pub(crate) fn or_exit<T>(what: &str, result: Result<T, impl Display>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => {
            eprintln!("overhead: {what}: {error}");
            std::process::exit(1);
        }
    }
}

/// Keeps this thread, and those it starts, to one of the cores it may use, and gives those.
pub(crate) fn keep_to(
    choose: impl Fn(&mut dyn DoubleEndedIterator<Item = usize>) -> Option<usize>,
) -> io::Result<CpuSet> {
    let allowed = sched_getaffinity(None)?;
    let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
    let mut one = CpuSet::new();
    one.set(choose(&mut cores).unwrap_or(0));
    sched_setaffinity(None, &one)?;
    Ok(allowed)
}

/// The child's part: sends back one message after the other until there are no more.
pub(crate) fn serve(bytes: usize) -> io::Result<()> {
    keep_to(|cores| cores.next_back())?;
    let mut stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut message = vec![0; bytes];
    while stream.read_exact(&mut message).is_ok() {
        stream.write_all(&message)?;
    }
    Ok(())
}

/// The other process.
pub(crate) struct Echo {
    child: Child,
    stream: UnixStream,
    bytes: usize,
}

impl Echo {
    /// Starts it, for messages of so many bytes.
    pub(crate) fn start(bytes: usize) -> Self {
        let start = || {
            let (stream, other) = UnixStream::pair()?;
            let child = Command::new(std::env::current_exe()?)
                .args([CHILD, &bytes.to_string()])
                .stdin(Stdio::from(OwnedFd::from(other)))
                .spawn()?;
            io::Result::Ok(Self {
                child,
                stream,
                bytes,
            })
        };
        or_exit("the echo does not start", start())
    }

    /// Its process id.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// How long a message takes there and back, the next one not sent before: the mean of so many.
    pub(crate) fn ping_pong(&mut self, count: u32) -> Duration {
        let mut message = vec![0; self.bytes];
        let mut round_trip = || {
            self.stream.write_all(&message)?;
            self.stream.read_exact(&mut message)
        };
        let allowed = or_exit("no core of its own", keep_to(|cores| cores.next()));
        let total = time(|| {
            for _ in 0..count {
                or_exit("the echo is gone", round_trip());
            }
        });
        or_exit("no other core", sched_setaffinity(None, &allowed));
        total / count
    }

    /// How long so many messages take there and back that are sent without waiting, each by itself
    /// and read by itself.
    pub(crate) fn pipelined(&mut self, count: usize) -> Duration {
        let mut sender = or_exit("no second handle", self.stream.try_clone());
        let mut received = vec![0; self.bytes];
        let message = received.clone();
        time(|| {
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    for _ in 0..count {
                        or_exit("the echo is gone", sender.write_all(&message));
                    }
                });
                for _ in 0..count {
                    or_exit("the echo is gone", self.stream.read_exact(&mut received));
                }
            });
        })
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // It ends with its stream; if that cannot be closed, it must not be waited for.
        if self.stream.shutdown(std::net::Shutdown::Both).is_err() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
