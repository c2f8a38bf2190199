//! A running shell and what the driver holds of it.

use std::io::{self, PipeReader};
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::bell::{LentBell, wait_on};
use super::mark::Mark;
use super::script::Script;
use super::streams::Stderr;
use crate::StopSignal;
use crate::system::{Reaped, reap, reap_if_exited};

/// Who may ask a command to stop.
#[derive(Clone, Copy)]
pub(super) struct Orders<'a> {
    pub(super) stop: &'a StopSignal,
    pub(super) attempt: u32,
}

impl Orders<'_> {
    /// Whether the command is to stop.
    pub(super) fn is_stop(&self) -> bool {
        self.stop.is_requested(self.attempt)
    }

    /// Whether the command is to stop at once.
    pub(super) fn is_urgent(&self) -> bool {
        self.stop.is_urgent(self.attempt)
    }

    /// Has `context` woken by the request to stop at once.
    pub(super) fn await_urgency(&self, context: &mut Context<'_>) {
        // Whether it has come is asked before each wait.
        let _ = self.stop.poll_urgent(self.attempt, context);
    }

    /// Polls for the request to stop.
    fn poll_stop(&self, context: &mut Context<'_>) -> Poll<()> {
        self.stop.poll_requested(self.attempt, context)
    }
}

/// What ended the wait for a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// The shell has exited; it is yet to be reaped.
    Exited,
    /// The command is to be stopped.
    StopRequested,
}

/// A shell that was started and leads a process group.
///
/// Until the shell is reaped, its id names this very group, so that a signal to the group cannot
/// reach anybody else. Dropped before that, as by a panic, it takes the group with it.
#[derive(Debug)]
pub(super) struct Running {
    shell: Leader,
    pub(super) mark: Mark,
    /// Becomes readable when the shell exits.
    exit: OwnedFd,
    pub(super) exited: bool,
    pub(super) stderr: Stderr,
    /// Kept until the shell has surely read it.
    _script: Script,
}

#[derive(Debug)]
struct Leader {
    pid: Pid,
    /// Its status was taken, or it was given up.
    settled: bool,
}

impl Drop for Leader {
    fn drop(&mut self) {
        if !self.settled {
            let _ = kill_process_group(self.pid, Signal::KILL);
            let _ = reap(self.pid);
        }
    }
}

impl Running {
    /// Takes charge of a shell just started.
    pub(super) fn new(pid: Pid, mark: Mark, stderr: Stderr, script: Script) -> io::Result<Self> {
        let shell = Leader {
            pid,
            settled: false,
        };
        let exit = watch_exit(pid)?;
        Ok(Self {
            shell,
            mark,
            exit,
            exited: false,
            stderr,
            _script: script,
        })
    }

    /// The shell's process, which leads the command's group.
    pub(super) fn leader(&self) -> Pid {
        self.shell.pid
    }

    /// Becomes readable when the shell exits.
    pub(super) fn exit(&self) -> &OwnedFd {
        &self.exit
    }

    /// Waits until the shell exits or is to be stopped. An exit comes first.
    pub(super) fn watch(&mut self, orders: &Orders<'_>, lent: &LentBell<'_>) -> Woken {
        let mut context = Context::from_waker(&lent.waker);
        let mut asked = orders.poll_stop(&mut context).is_ready();
        loop {
            let rung = self.wait(lent, &[], asked.then_some(Duration::ZERO));
            if self.exited {
                return Woken::Exited;
            }
            if asked {
                return Woken::StopRequested;
            }
            if rung {
                asked = orders.poll_stop(&mut context).is_ready();
            }
        }
    }

    /// Waits for the shell's exit, the bell, one of `others` or the time, and empties stderr
    /// meanwhile. Tells whether the bell rang.
    pub(super) fn wait(
        &mut self,
        lent: &LentBell<'_>,
        others: &[&OwnedFd],
        time: Option<Duration>,
    ) -> bool {
        let mut descriptors = Vec::with_capacity(3 + others.len());
        descriptors.push(PollFd::new(lent.bell.descriptor(), PollFlags::IN));
        let exit = (!self.exited).then_some(&self.exit).map(AsFd::as_fd);
        let pipe = self.stderr.pipe().map(AsFd::as_fd);
        let others = others.iter().map(|other| other.as_fd());
        let rest = exit.into_iter().chain(pipe).chain(others);
        descriptors.extend(rest.map(|rest| PollFd::from_borrowed_fd(rest, PollFlags::IN)));
        wait_on(&mut descriptors, time);
        let mut ready = descriptors
            .iter()
            .map(|descriptor| !descriptor.revents().is_empty());
        let rung = ready.next() == Some(true);
        let exited = exit.is_some() && ready.next() == Some(true);
        let written = pipe.is_some() && ready.next() == Some(true);
        self.exited |= exited;
        if written {
            self.stderr.take();
        }
        if rung {
            lent.bell.silence();
        }
        rung
    }

    /// Takes the status of a shell that has exited, and what is left of its stderr; a pipe that
    /// somebody else still writes to comes along.
    pub(super) fn finish(mut self) -> io::Result<(Reaped, Stderr, Option<PipeReader>)> {
        self.stderr.drain();
        let pipe = self.stderr.take_pipe();
        let reaped = reap(self.shell.pid)?;
        self.shell.settled = true;
        Ok((reaped, self.stderr, pipe))
    }

    /// Signals the whole group.
    pub(super) fn signal(&self, signal: Signal) {
        // A group without a member refuses, which is as good.
        let _ = kill_process_group(self.shell.pid, signal);
    }

    /// Takes the status of a shell that was stopped, if it is gone, and leaves its stderr.
    pub(super) fn settle(mut self) -> (Settled, Stderr) {
        self.shell.settled = true;
        let settled = match reap_if_exited(self.shell.pid) {
            Ok(Some(reaped)) => Settled::Reaped(reaped),
            Ok(None) => Settled::StillThere,
            Err(_) => Settled::Unknown,
        };
        (settled, self.stderr)
    }
}

/// What is known of a shell that was stopped.
#[derive(Debug)]
pub(super) enum Settled {
    Reaped(Reaped),
    StillThere,
    /// Somebody else has taken its status.
    Unknown,
}

/// A descriptor that becomes readable when a child exits, which leaves the child to be reaped.
pub(crate) fn watch_exit(child: Pid) -> io::Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    if let Ok(handle) = rustix::process::pidfd_open(child, rustix::process::PidfdFlags::empty()) {
        return Ok(handle);
    }
    watch_exit_by_thread(child)
}

/// The same on systems that know no descriptors of processes, as Linux before 5.3: a thread waits.
fn watch_exit_by_thread(child: Pid) -> io::Result<OwnedFd> {
    let (reader, writer) = io::pipe()?;
    thread::Builder::new()
        .name(format!("chiltepin-wait-{child}"))
        .spawn(move || {
            let _ = waitid(
                WaitId::Pid(child),
                WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
            );
            drop(writer);
        })?;
    Ok(reader.into())
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::Instant;

    use super::*;

    fn exit_is_seen(watch: fn(Pid) -> io::Result<OwnedFd>) {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let exit = watch(Pid::from_child(&child)).unwrap();
        let mut descriptors = [PollFd::new(&exit, PollFlags::IN)];
        wait_on(&mut descriptors, Some(Duration::from_millis(20)));
        assert!(descriptors[0].revents().is_empty(), "it still runs");
        drop(child.stdin.take());
        let begun = Instant::now();
        wait_on(&mut descriptors, Some(Duration::from_secs(20)));
        assert!(
            !descriptors[0].revents().is_empty(),
            "after {:?}",
            begun.elapsed()
        );
        assert!(
            child.wait().unwrap().success(),
            "the status is left to be taken"
        );
    }

    #[test]
    fn an_exit_is_seen_by_descriptor() {
        exit_is_seen(watch_exit);
    }

    #[test]
    fn an_exit_is_seen_by_thread() {
        exit_is_seen(watch_exit_by_thread);
    }
}
