//! Other processes that are ended like commands: with their group and all they have started.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::mark::COMMAND_VARIABLE;
use super::running::{Orders, Running};
use super::script::Script;
use super::shell::Shell;
use super::stopping;
use super::streams::Stderr;
use crate::{ProcessEnd, StopSignal};

/// A process that leads a group, marked so that all it starts is found.
#[derive(Debug)]
pub(crate) struct Process {
    running: Running,
}

/// How such a process ended.
#[derive(Debug)]
pub(crate) struct EndedProcess {
    pub(crate) end: ProcessEnd,
    /// The last lines it wrote to stderr.
    pub(crate) stderr: String,
}

impl Process {
    /// Becomes readable when the process exits.
    pub(crate) fn exit(&self) -> &OwnedFd {
        self.running.exit()
    }

    /// Kills the group; what has left it still runs, until [`Shell::end_process`] ends that.
    pub(crate) fn kill_group(&self) {
        self.running.signal(Signal::KILL);
    }

    pub(crate) fn id(&self) -> u32 {
        self.running.leader().as_raw_nonzero().get().unsigned_abs()
    }
}

impl Shell {
    /// Starts a process in a group of its own, on this thread. Its stderr goes to a file, of which
    /// the part behind `from` is its own.
    pub(crate) fn start_process(
        &self,
        mut command: Command,
        stderr: PathBuf,
        from: u64,
    ) -> io::Result<Process> {
        let mark = self.marks.next();
        command.env(COMMAND_VARIABLE, mark.value()).process_group(0);
        let child = command.spawn()?;
        let stderr = Stderr::File { path: stderr, from };
        let running = Running::new(Pid::from_child(&child), mark, stderr, Script::none())?;
        Ok(Process { running })
    }

    /// Kills what there still is of a process, of its group and of all it has started, and returns
    /// when they are gone.
    pub(crate) fn end_process(&self, process: Process) -> EndedProcess {
        let Ok(lent) = self.bells.lend() else {
            // Dropping it kills the group and waits for the process.
            drop(process);
            return EndedProcess {
                end: ProcessEnd::Unknown,
                stderr: String::new(),
            };
        };
        let stop = StopSignal::new();
        let orders = Orders {
            stop: &stop,
            attempt: 1,
        };
        stop.hurry(1);
        process.kill_group();
        let census = || self.census();
        let mut ended = stopping::end(process.running, Duration::ZERO, &orders, &lent, &census);
        self.adopted.add(ended.left);
        self.adopted.reap();
        let end = ended.shell.map_or(ProcessEnd::Unknown, |shell| {
            let code = shell.status.code().map(ProcessEnd::Code);
            let signal = || shell.status.signal().map(ProcessEnd::Signal);
            code.or_else(signal).unwrap_or(ProcessEnd::Unknown)
        });
        EndedProcess {
            end,
            stderr: ended.stderr.last_lines(),
        }
    }
}
