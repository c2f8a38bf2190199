//! The processes of this machine, as `/proc` tells them. Where there is none, a census is empty.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::Read;
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, getpid};

use super::mark::{COMMAND_VARIABLE, Mark};

/// One process for good: an id alone is given to another process in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ProcessKey {
    pub(super) pid: Pid,
    /// When it started, in clock ticks since boot.
    start: u64,
}

/// What `/proc/PID/stat` says of a process, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProcessStat {
    pub(super) key: ProcessKey,
    /// The parent's id; 0 for processes of the kernel.
    parent: i32,
    group: i32,
    session: i32,
    /// It has exited, and waits for its parent to take its status.
    pub(super) exited: bool,
}

impl ProcessStat {
    /// Reads the text of `/proc/PID/stat`: `PID (NAME) STATE PARENT GROUP SESSION ...`.
    ///
    /// The name may hold spaces, parentheses and any other byte, so it is taken to reach to the
    /// last closing parenthesis.
    fn parse(text: &[u8]) -> Option<Self> {
        let open = text.iter().position(|&byte| byte == b'(')?;
        let close = text.iter().rposition(|&byte| byte == b')')?;
        let pid = str::from_utf8(text.get(..open)?)
            .ok()?
            .trim_end()
            .parse()
            .ok()?;
        let rest = str::from_utf8(text.get(close + 1..)?).ok()?;
        // The manual counts fields from 1 and the state is the third: 18 for threads is the
        // fifteenth behind it, and so on.
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        let session = fields.next()?.parse().ok()?;
        let threads: u64 = fields.nth(13)?.parse().ok()?;
        let start = fields.nth(1)?.parse().ok()?;
        Some(Self {
            key: ProcessKey {
                pid: Pid::from_raw(pid)?,
                start,
            },
            parent,
            group,
            session,
            // The main thread may end before the others; then it is shown as a zombie too.
            exited: matches!(state, "Z" | "X" | "x") && threads <= 1,
        })
    }

    /// Asks anew about one process; none if it is gone.
    pub(super) fn read(pid: Pid) -> Option<Self> {
        Self::parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Whether this process is the parent.
    pub(super) fn is_our_child(&self) -> bool {
        self.parent == getpid().as_raw_nonzero().get()
    }

    /// Whether it is in the group that `leader` leads.
    pub(super) fn is_in_group(&self, leader: Pid) -> bool {
        self.group == leader.as_raw_nonzero().get()
    }

    /// Whether it leads a group within the driver's session, as a command's shell does. A process
    /// that was adopted and does so too cannot be told from one.
    fn leads_a_group(&self, session: i32) -> bool {
        self.group == self.key.pid.as_raw_nonzero().get() && self.session == session
    }
}

impl ProcessKey {
    /// Asks anew about this very process; none if it is gone.
    pub(super) fn stat(self) -> Option<ProcessStat> {
        ProcessStat::read(self.pid).filter(|stat| stat.key == self)
    }

    /// Whether the process has exited.
    pub(super) fn is_gone(self) -> bool {
        self.stat().is_none_or(|stat| stat.exited)
    }
}

/// When a process started, in clock ticks since boot; 0 where that cannot be told.
pub(super) fn start_of(pid: Pid) -> u64 {
    ProcessStat::read(pid).map_or(0, |stat| stat.key.start)
}

#[derive(Clone, Debug)]
struct Process {
    stat: ProcessStat,
    /// The value of the variable that the census is about, if it could be read and is set.
    mark: Option<String>,
}

/// The processes there were at one time.
#[derive(Debug)]
pub(super) struct Census {
    /// When the walk began: what started before is in it.
    pub(super) begun: Instant,
    processes: Vec<Process>,
}

impl Census {
    /// Walks over `/proc`.
    pub(super) fn take() -> Self {
        Self::take_of(COMMAND_VARIABLE)
    }

    /// Walks over `/proc`, and reads this variable of each process.
    pub(super) fn take_of(variable: &str) -> Self {
        let begun = Instant::now();
        let mut environment = Vec::new();
        let processes = fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(|pid| ProcessStat::read(Pid::from_raw(pid)?))
            .map(|stat| Process {
                stat,
                mark: read_mark(&stat, variable, &mut environment),
            })
            .collect();
        Self { begun, processes }
    }

    /// The processes of the command whose shell leads the group `leader` and which has `mark`:
    /// those in the group, those marked, those `known` before, and all descendants of these.
    pub(super) fn members(
        &self,
        leader: Pid,
        mark: &Mark,
        known: impl Fn(ProcessKey) -> bool,
    ) -> Vec<ProcessStat> {
        self.families(|stat, value| {
            stat.is_in_group(leader)
                || value.is_some_and(|value| mark.is_in(value))
                || known(stat.key)
        })
    }

    /// The processes with such a mark, and all descendants of these.
    pub(super) fn marked(&self, ours: impl Fn(&str) -> bool) -> Vec<ProcessStat> {
        self.families(|_, value| value.is_some_and(&ours))
    }

    /// The processes of which this is true, given their marks, and all descendants of these.
    fn families(&self, is_head: impl Fn(&ProcessStat, Option<&str>) -> bool) -> Vec<ProcessStat> {
        let own = getpid();
        let mut children: HashMap<i32, Vec<&ProcessStat>> = HashMap::new();
        let mut members = Vec::new();
        for process in &self.processes {
            let stat = &process.stat;
            children.entry(stat.parent).or_default().push(stat);
            if is_head(stat, process.mark.as_deref()) {
                members.push(*stat);
            }
        }
        members.retain(|stat| stat.key.pid != own);
        let mut found: HashSet<_> = members.iter().map(|stat| stat.key).collect();
        let mut next = 0;
        while let Some(parent) = members.get(next).copied() {
            next += 1;
            let parent_id = parent.key.pid.as_raw_nonzero().get();
            for child in children.get(&parent_id).into_iter().flatten() {
                // A child is not older than its parent: such a parent's id has come again.
                if child.key.start >= parent.key.start && found.insert(child.key) {
                    members.push(**child);
                }
            }
        }
        members
    }

    /// The processes with a mark that `ours` knows which this process has adopted.
    pub(super) fn adopted(&self, ours: impl Fn(&str) -> bool) -> Vec<ProcessKey> {
        let own = getpid();
        let Some(session) = self
            .processes
            .iter()
            .find(|process| process.stat.key.pid == own)
            .map(|own| own.stat.session)
        else {
            return Vec::new();
        };
        self.processes
            .iter()
            .filter(|process| process.mark.as_deref().is_some_and(&ours))
            .map(|process| process.stat)
            .filter(|stat| stat.is_our_child() && !stat.leads_a_group(session))
            .map(|stat| stat.key)
            .collect()
    }
}

/// Reads the mark out of a process's environment; `buffer` is there to be used again.
fn read_mark(stat: &ProcessStat, variable: &str, buffer: &mut Vec<u8>) -> Option<String> {
    /// The process whose children are the kernel's own threads, which have no environment.
    const KERNEL_THREADS: i32 = 2;
    if stat.exited || stat.parent == KERNEL_THREADS || stat.parent == 0 {
        return None;
    }
    // In the midst of starting another program, a process has no environment for an instant. An
    // orphan in that state would be missed, and an orphan may be a child of ours by now.
    let attempts = if stat.is_our_child() { 20 } else { 1 };
    let path = format!("/proc/{}/environ", stat.key.pid);
    for _ in 0..attempts {
        buffer.clear();
        File::open(&path).ok()?.read_to_end(buffer).ok()?;
        if !buffer.is_empty() {
            break;
        }
        thread::yield_now();
    }
    mark_in(buffer, variable).map(ToOwned::to_owned)
}

/// The mark in the text of `/proc/PID/environ`: `NAME=VALUE` each ended by a NUL byte.
fn mark_in<'a>(environment: &'a [u8], variable: &str) -> Option<&'a str> {
    environment.split(|&byte| byte == 0).find_map(|pair| {
        let value = pair.strip_prefix(variable.as_bytes())?.strip_prefix(b"=")?;
        str::from_utf8(value).ok()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::mark::Marks;
    use super::*;

    const TAIL: &str =
        "34816 4242 4194304 100 0 0 0 1 2 0 0 20 0 1 0 98765 9 9 18446744073709551615";

    fn stat(pid: i32, parent: i32, group: i32, start: u64) -> ProcessStat {
        let key = ProcessKey {
            pid: Pid::from_raw(pid).unwrap(),
            start,
        };
        ProcessStat {
            key,
            parent,
            group,
            session: 1,
            exited: false,
        }
    }

    #[test]
    fn a_line_of_proc_is_read() {
        let line = format!("4242 (sleep) S 17 4240 4200 {TAIL}\n");
        let stat = ProcessStat::parse(line.as_bytes()).unwrap();
        assert_eq!(
            stat.key,
            ProcessKey {
                pid: Pid::from_raw(4242).unwrap(),
                start: 98765
            }
        );
        assert_eq!(
            (stat.parent, stat.group, stat.session, stat.exited),
            (17, 4240, 4200, false)
        );
        let zombie = format!("4242 (sleep) Z 17 4240 4200 {TAIL}\n");
        assert!(ProcessStat::parse(zombie.as_bytes()).unwrap().exited);
        let threads = zombie.replace("20 0 1 0 98765", "20 0 3 0 98765");
        assert!(!ProcessStat::parse(threads.as_bytes()).unwrap().exited);
    }

    #[test]
    fn this_process_is_read() {
        let own = ProcessStat::read(getpid()).unwrap();
        assert!(!own.exited);
        assert!(!own.key.is_gone());
        assert!(own.key.start > 0);
        let later = ProcessKey {
            start: own.key.start + 1,
            ..own.key
        };
        assert!(
            later.is_gone(),
            "the same id at another time is another process"
        );
    }

    proptest! {
        #[test]
        fn any_name_is_passed_over(name in proptest::collection::vec(any::<u8>(), 0..32)) {
            let mut line = b"4242 (".to_vec();
            line.extend(name);
            line.extend(format!(") S 17 4240 4200 {TAIL}").into_bytes());
            let stat = ProcessStat::parse(&line).unwrap();
            prop_assert_eq!((stat.key.start, stat.parent, stat.group), (98765, 17, 4240));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = ProcessStat::parse(&text);
        }
    }

    #[test]
    fn the_mark_is_read_from_the_environment() {
        assert_eq!(
            mark_in(b"A=1\0CHILTEPIN_COMMAND=7.8.9\0B=2\0", COMMAND_VARIABLE),
            Some("7.8.9")
        );
        assert_eq!(
            mark_in(
                b"XCHILTEPIN_COMMAND=7\0CHILTEPIN_COMMANDS=8\0",
                COMMAND_VARIABLE
            ),
            None
        );
        assert_eq!(mark_in(b"", COMMAND_VARIABLE), None);
    }

    #[test]
    fn members_are_the_group_the_marked_and_the_known_with_their_descendants() {
        let mark = Marks::new(None).next();
        let plain = |stat| Process { stat, mark: None };
        let processes = vec![
            plain(stat(100, 1, 100, 5)),
            plain(stat(101, 100, 100, 6)),
            plain(stat(102, 101, 102, 7)),
            plain(stat(103, 102, 103, 8)),
            Process {
                stat: stat(110, 1, 110, 9),
                mark: Some(mark.value().to_owned()),
            },
            plain(stat(111, 110, 111, 9)),
            plain(stat(120, 1, 120, 9)),
            plain(stat(121, 120, 121, 9)),
            plain(stat(130, 1, 130, 9)),
            plain(stat(131, 101, 131, 2)),
        ];
        let census = Census {
            begun: Instant::now(),
            processes,
        };
        let known = stat(120, 1, 120, 9).key;
        let members = census.members(Pid::from_raw(100).unwrap(), &mark, |key| key == known);
        let mut pids: Vec<_> = members
            .iter()
            .map(|stat| stat.key.pid.as_raw_nonzero().get())
            .collect();
        pids.sort_unstable();
        assert_eq!(pids, [100, 101, 102, 103, 110, 111, 120, 121]);
    }
}
