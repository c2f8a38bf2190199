//! Executing commands, one thread for each.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::panic;
use std::path::{self, Path, PathBuf};
use std::pin::pin;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::{Either, select};
use parking_lot::Mutex;
use rustix::fs::{Access, access};

use super::bell::Bells;
use super::census::Census;
use super::failure::system;
use super::launch::prepare;
use super::leftovers::{Adopted, Drain};
use super::mark::{COMMAND_VARIABLE, Marks};
use super::running::{Orders, Woken};
use super::stopping;
use super::streams::Stderr;
use super::{CommandEnd, CommandSpec};
use crate::system::Reaped;
use crate::{Failure, FailureKind, StopSignal, Usage};

/// Executes commands with bash.
///
/// ```
/// use std::time::Duration;
///
/// use chiltepin_executors::StopSignal;
/// use chiltepin_executors::command::{CommandSpec, Shell, Stream};
///
/// let spec = CommandSpec {
///     prefix: Vec::new(),
///     script: "test 1 -lt 2".to_owned(),
///     directory: None,
///     stdout: Stream::Discard,
///     stderr: Stream::Discard,
///     environment: Vec::new(),
///     outputs: Vec::new(),
///     allowed_exit_codes: Vec::new(),
///     kill_grace: Duration::from_secs(10),
/// };
/// let shell = Shell::from_environment();
/// assert!(matches!(shell.run(&spec, &StopSignal::new(), 1), Ok(0)));
/// ```
#[derive(Debug)]
pub struct Shell {
    /// Bash, or where it was searched for in vain.
    bash: Result<PathBuf, String>,
    script_folder: PathBuf,
    pub(super) marks: Marks,
    pub(super) bells: Bells,
    census: Mutex<Option<Arc<Census>>>,
    pub(super) adopted: Adopted,
    drain: Arc<Drain>,
}

impl Shell {
    /// A shell as this process's environment has it: the first `bash` on `PATH`, and `TMPDIR` for
    /// the files of long scripts.
    ///
    /// That bash is missing is an error of each command, not of this call: a program that runs no
    /// command needs none.
    #[must_use]
    pub fn from_environment() -> Self {
        let search = env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
        let inherited = env::var(COMMAND_VARIABLE).ok();
        Self {
            bash: find_bash(&search),
            script_folder: env::temp_dir(),
            marks: Marks::new(inherited.as_deref()),
            bells: Bells::default(),
            census: Mutex::new(None),
            adopted: Adopted::default(),
            drain: Arc::default(),
        }
    }

    /// Takes this bash instead, given by a full path.
    #[must_use]
    pub fn with_bash(self, bash: PathBuf) -> Self {
        Self {
            bash: Ok(bash),
            ..self
        }
    }

    /// Writes scripts that are too long for an argument into this folder instead, which must
    /// exist and be given by a full path.
    #[must_use]
    pub fn with_script_folder(self, folder: PathBuf) -> Self {
        Self {
            script_folder: folder,
            ..self
        }
    }

    /// Executes a command on this thread to its end, or until `attempt` is asked to stop.
    ///
    /// The value is the exit code, 0 or an allowed one.
    ///
    /// # Errors
    /// The command failed or could not be started, or it was stopped; then it takes up to its
    /// [`kill_grace`](CommandSpec::kill_grace) and a few seconds more until nothing of it runs.
    /// A stop requested beforehand starts nothing.
    pub fn run(
        &self,
        spec: &CommandSpec,
        stop: &StopSignal,
        attempt: u32,
    ) -> Result<i32, CommandEnd> {
        self.run_measured(spec, stop, attempt).end
    }

    /// The same as [`run`](Self::run), with an account of what the command took.
    #[must_use]
    pub fn run_measured(&self, spec: &CommandSpec, stop: &StopSignal, attempt: u32) -> Execution {
        let mut account = Account::default();
        let end = self.run_until(spec, &Orders { stop, attempt }, &mut account);
        let Account { process, usage } = account;
        Execution {
            end,
            process,
            usage,
        }
    }

    /// The same as [`run`](Self::run), on a thread of the tokio runtime's for blocking work.
    ///
    /// Dropped before its end, the future leaves that thread to kill the command, without the
    /// time to comply that a stop would give it. The thread holds the runtime's end up until the
    /// command is gone.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn execute(
        self: &Arc<Self>,
        spec: CommandSpec,
        stop: &StopSignal,
        attempt: u32,
    ) -> Result<i32, CommandEnd> {
        let abandon = Abandon {
            stop: Arc::default(),
            attempt,
        };
        let own = Arc::clone(&abandon.stop);
        let shell = Arc::clone(self);
        let command = tokio::task::spawn_blocking(move || shell.run(&spec, &own, attempt));
        let ended = match select(command, pin!(stop.requested(attempt))).await {
            Either::Left((ended, _)) => ended,
            Either::Right(((), command)) => {
                abandon.stop.request(attempt);
                command.await
            }
        };
        match ended {
            Ok(ended) => ended,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => panic::resume_unwind(panic),
                // The runtime is at its end and has not let the command begin.
                Err(_) => Err(CommandEnd::Stopped),
            },
        }
    }

    fn run_until(
        &self,
        spec: &CommandSpec,
        orders: &Orders<'_>,
        account: &mut Account,
    ) -> Result<i32, CommandEnd> {
        if orders.is_stop() {
            return Err(CommandEnd::Stopped);
        }
        let lent = self
            .bells
            .lend()
            .map_err(|error| system("make a pipe to be woken by".to_owned(), error))?;
        let bash = self.bash.as_ref().map_err(|search| no_bash(search))?;
        let prepared = prepare(spec, bash, &self.script_folder, self.marks.next())?;
        // Files on a slow server may have taken their time.
        if orders.is_stop() {
            return Err(CommandEnd::Stopped);
        }
        let begun = Instant::now();
        let mut running = prepared.spawn()?;
        account.process = Some(running.leader().as_raw_nonzero().get().unsigned_abs());
        let woken = running.watch(orders, &lent);
        let ended = match woken {
            Woken::Exited => {
                let (reaped, stderr, pipe) = running
                    .finish()
                    .map_err(|error| system("wait for the command's shell".to_owned(), error))?;
                pipe.into_iter().for_each(|pipe| self.drain.add(pipe));
                account.take(begun.elapsed(), &reaped);
                judge(spec, reaped.status, stderr).map_err(CommandEnd::Failed)
            }
            Woken::StopRequested => {
                let census = || self.census();
                let ended = stopping::end(running, spec.kill_grace, orders, &lent, &census);
                self.adopted.add(ended.left);
                if let Some(reaped) = &ended.shell {
                    account.take(begun.elapsed(), reaped);
                }
                Err(CommandEnd::Stopped)
            }
        };
        self.adopted.reap();
        ended
    }

    /// A census that began after this call. Commands that are stopped together share one.
    pub(super) fn census(&self) -> Arc<Census> {
        let called = Instant::now();
        let mut latest = self.census.lock();
        if let Some(census) = latest.as_ref().filter(|census| census.begun >= called) {
            return Arc::clone(census);
        }
        let census = Arc::new(Census::take());
        self.adopted
            .add(census.adopted(|mark| self.marks.are_in(mark)));
        *latest = Some(Arc::clone(&census));
        census
    }
}

/// A command that was executed, and what that took.
#[derive(Clone, Debug)]
pub struct Execution {
    /// How it ended: with the exit code, or otherwise.
    pub end: Result<i32, CommandEnd>,
    /// The process id of its shell; none where none was started.
    pub process: Option<u32>,
    /// What it took: the time it ran, the processor time of its shell and all processes that were
    /// waited for, and the memory of the largest one.
    pub usage: Usage,
}

#[derive(Default)]
struct Account {
    process: Option<u32>,
    usage: Usage,
}

impl Account {
    fn take(&mut self, run: Duration, reaped: &Reaped) {
        self.usage = Usage {
            run,
            user: reaped.user,
            system: reaped.system,
            peak_memory: Some(reaped.peak_memory),
        };
    }
}

/// Has a command killed when it is dropped, which does nothing to one that has ended.
struct Abandon {
    stop: Arc<StopSignal>,
    attempt: u32,
}

impl Drop for Abandon {
    fn drop(&mut self) {
        self.stop.hurry(self.attempt);
    }
}

/// The first bash on a search path; an error gives the path.
fn find_bash(search: &OsStr) -> Result<PathBuf, String> {
    env::split_paths(search)
        .map(|folder| folder.join("bash"))
        .find(|bash| bash.is_file() && access(bash, Access::EXEC_OK).is_ok())
        // A relative entry would be taken from the command's working directory.
        .and_then(|bash| path::absolute(bash).ok())
        .ok_or_else(|| search.to_string_lossy().into_owned())
}

fn no_bash(search: &str) -> Failure {
    let error = io::Error::new(
        io::ErrorKind::NotFound,
        "no such program; commands need bash, install it or add its folder to `PATH`",
    );
    Failure {
        retryable: false,
        ..system(format!("find `bash` on the path `{search}`"), error)
    }
}

/// What a command's end means.
fn judge(spec: &CommandSpec, status: ExitStatus, mut stderr: Stderr) -> Result<i32, Failure> {
    let Some(code) = status.code() else {
        let signal = status.signal().unwrap_or_default();
        let stderr = stderr.last_lines();
        return Err(Failure::new(FailureKind::Signal { signal, stderr }));
    };
    if code != 0 && !spec.allowed_exit_codes.contains(&code) {
        let stderr = stderr.last_lines();
        return Err(Failure::new(FailureKind::ExitCode { code, stderr }));
    }
    let directory = spec.directory.as_deref().unwrap_or(Path::new(""));
    for output in &spec.outputs {
        let path = directory.join(output);
        let there = path.try_exists().map_err(|error| {
            system(
                format!("look for the promised file `{}`", path.display()),
                error,
            )
        })?;
        if !there {
            return Err(Failure::new(FailureKind::MissingOutput { path }));
        }
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bash_is_found_where_it_can_be_executed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bash"), "not executable").unwrap();
        let search = env::var_os("PATH").unwrap();
        let found = find_bash(&search).unwrap();
        assert!(found.is_absolute());
        let mut longer = folder.path().as_os_str().to_owned();
        assert!(find_bash(&longer).is_err());
        longer.push(":");
        longer.push(&search);
        assert_eq!(find_bash(&longer), Ok(found));
    }
}
