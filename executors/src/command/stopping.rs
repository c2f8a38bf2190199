//! Ending a command with everything it started: TERM, a time to comply, KILL.

use std::collections::{HashMap, HashSet};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::Context;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::bell::LentBell;
use super::census::{Census, ProcessKey, ProcessStat};
use super::running::{Orders, Running, Settled};
use super::streams::Stderr;
use super::subreaper::Adopting;
use crate::system::Reaped;

/// How long a process that was sent KILL is waited for. One that hangs in the kernel, as on a
/// file server that does not answer, may take forever.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long to wait before looking again, where the system does not report exits.
const TICK: Duration = Duration::from_millis(20);

/// Ends `running` with its group and all its descendants, and returns when they are gone.
///
/// `census` takes a census that is not older than the call.
pub(super) fn end(
    running: Running,
    grace: Duration,
    orders: &Orders<'_>,
    lent: &LentBell<'_>,
    census: &dyn Fn() -> Arc<Census>,
) -> Ended {
    let _adopting = Adopting::begin();
    let mut hunt = Hunt {
        running,
        lent,
        census,
        alive: HashMap::new(),
        gone: HashSet::new(),
    };
    // Before the signal: parents lead to their children only as long as they live.
    hunt.look();
    hunt.terminate(grace, orders);
    hunt.kill();
    hunt.settle()
}

/// What is left of a command that was ended.
pub(super) struct Ended {
    /// How its shell ended; none where that is not known.
    pub(super) shell: Option<Reaped>,
    pub(super) stderr: Stderr,
    /// The processes that were seen and are to be reaped where they have become children of this
    /// process.
    pub(super) left: Vec<ProcessKey>,
}

/// A process of the command, other than its shell.
struct Member {
    /// Names the process whatever becomes of its id, and tells when it exits; none where the
    /// system has no such thing.
    handle: Option<OwnedFd>,
    in_group: bool,
}

struct Hunt<'a> {
    running: Running,
    lent: &'a LentBell<'a>,
    census: &'a dyn Fn() -> Arc<Census>,
    alive: HashMap<ProcessKey, Member>,
    gone: HashSet<ProcessKey>,
}

impl Hunt<'_> {
    /// Finds the members there are; those not seen before are returned.
    fn look(&mut self) -> Vec<ProcessKey> {
        let leader = self.running.leader();
        let census = (self.census)();
        let known = |key| self.alive.contains_key(&key) || self.gone.contains(&key);
        let members = census.members(leader, &self.running.mark, known);
        let mut new = Vec::new();
        for stat in members {
            let key = stat.key;
            if key.pid == leader || self.gone.contains(&key) {
                continue;
            }
            if let Some(member) = self.alive.get_mut(&key) {
                member.in_group = stat.is_in_group(leader);
            } else if let Some(member) = Member::of(&stat, leader) {
                self.alive.insert(key, member);
                new.push(key);
            } else {
                self.gone.insert(key);
            }
        }
        new
    }

    /// Asks all to end, and waits until they have or the time is over.
    fn terminate(&mut self, grace: Duration, orders: &Orders<'_>) {
        if orders.is_urgent() {
            return;
        }
        self.running.signal(Signal::TERM);
        for (key, member) in self.alive.iter().filter(|(_, member)| !member.in_group) {
            member.signal(*key, Signal::TERM);
        }
        // A time that no clock can count to never ends.
        let end = Instant::now().checked_add(grace);
        let mut context = Context::from_waker(&self.lent.waker);
        loop {
            orders.await_urgency(&mut context);
            self.bury();
            if self.is_empty() {
                // Only now, since whom the signal woke may start processes of its own to clean up,
                // and they are to be left in peace as long as it lives.
                let new = self.look();
                self.bury();
                if self.is_empty() {
                    return;
                }
                for key in new {
                    if let Some(member) = self.alive.get(&key) {
                        member.signal(key, Signal::TERM);
                    }
                }
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) || orders.is_urgent() {
                return;
            }
            self.wait(left);
        }
    }

    /// Kills all, and waits until they are gone or patience is.
    fn kill(&mut self) {
        let end = Instant::now() + PATIENCE;
        let mut pause = TICK;
        loop {
            self.look();
            self.bury();
            if self.is_empty() {
                return;
            }
            if Instant::now() >= end {
                let processes: Vec<_> = self.alive.keys().map(|key| key.pid.to_string()).collect();
                tracing::warn!(
                    shell = %self.running.leader(),
                    processes = processes.join(" "),
                    "processes of a stopped command outlive KILL and are given up",
                );
                return;
            }
            self.running.signal(Signal::KILL);
            for (key, member) in &self.alive {
                member.signal(*key, Signal::KILL);
            }
            self.wait(Some(pause));
            pause = (2 * pause).min(PATIENCE / 8);
        }
    }

    /// Waits until something happens.
    fn wait(&mut self, time: Option<Duration>) {
        let handles: Vec<_> = self
            .alive
            .values()
            .filter_map(|member| member.handle.as_ref())
            .collect();
        let blind = handles.len() < self.alive.len();
        let time = if blind {
            Some(time.map_or(TICK, |time| time.min(TICK)))
        } else {
            time
        };
        self.running.wait(self.lent, &handles, time);
    }

    /// Crosses off who has exited.
    fn bury(&mut self) {
        let exited = self.alive.extract_if(|key, _| key.is_gone());
        self.gone.extend(exited.map(|(key, _)| key));
    }

    fn is_empty(&self) -> bool {
        self.running.exited && self.alive.is_empty()
    }

    /// Reaps the shell, and tells who else is to be reaped.
    fn settle(self) -> Ended {
        // Where no census can be taken, this reaches who outlived the shell in its group.
        self.running.signal(Signal::KILL);
        let leader = ProcessStat::read(self.running.leader()).map(|stat| stat.key);
        let mut left: Vec<_> = self
            .gone
            .into_iter()
            .chain(self.alive.into_keys())
            .collect();
        let (settled, stderr) = self.running.settle();
        let shell = match settled {
            Settled::Reaped(reaped) => Some(reaped),
            Settled::StillThere => {
                left.extend(leader);
                None
            }
            Settled::Unknown => None,
        };
        Ended {
            shell,
            stderr,
            left,
        }
    }
}

impl Member {
    /// Takes hold of a process; none if it has exited.
    fn of(stat: &ProcessStat, leader: Pid) -> Option<Self> {
        let handle = open(stat.key.pid);
        // Asked after the handle was made, this proves that the handle is of that very process.
        if stat.key.is_gone() {
            return None;
        }
        Some(Self {
            handle,
            in_group: stat.is_in_group(leader),
        })
    }

    fn signal(&self, key: ProcessKey, signal: Signal) {
        // A process that has exited meanwhile, or belongs to another user, refuses; the next look
        // tells which.
        match &self.handle {
            Some(handle) => send(handle, signal),
            None if !key.is_gone() => {
                let _ = kill_process(key.pid, signal);
            }
            None => {}
        }
    }
}

#[cfg(target_os = "linux")]
fn open(process: Pid) -> Option<OwnedFd> {
    rustix::process::pidfd_open(process, rustix::process::PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
fn open(_process: Pid) -> Option<OwnedFd> {
    None
}

#[cfg(target_os = "linux")]
fn send(handle: &OwnedFd, signal: Signal) {
    let _ = rustix::process::pidfd_send_signal(handle, signal);
}

#[cfg(not(target_os = "linux"))]
fn send(_handle: &OwnedFd, _signal: Signal) {}
