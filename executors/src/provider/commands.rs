//! Runs the commands of a batch system.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fmt, io};

use rustix::fs::{Access, access};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, copy, sink};
use tokio::process::Command;

use super::ProviderError;
use crate::command::COMMAND_VARIABLE;
use crate::mpi::APPLICATION_VARIABLE;
use crate::start::START_VARIABLE;

/// What is kept of each stream of a command: far more than the answer about any number of blocks.
const MOST_OUTPUT: u64 = 4 << 20;

/// What the commands of batch systems find in their environment beyond what a process of this
/// user's has: the job that the driver itself runs in, and settings that are said in the
/// configuration or would change what the answers look like.
const FOREIGN_PREFIXES: [&str; 12] = [
    "SLURM_",
    "SLURMD_",
    "SBATCH_",
    "SALLOC_",
    "SRUN_",
    "SQUEUE_",
    "SCANCEL_",
    "SACCT_",
    "SINFO_",
    "SCONTROL_",
    "PBS_",
    "PMI",
];

/// Among these, what a user sets for all MPI applications.
const OF_THE_USER: &str = "PMIX_MCA_";

/// Among these, what says which cluster is spoken to, and how.
const KEPT: [&str; 11] = [
    "SLURM_CONF",
    "SLURM_CONF_SERVER",
    "SLURM_CLUSTERS",
    "SLURM_JWT",
    "SLURM_SACK_KEY",
    "SLURM_SACK_JWKS",
    "PBS_CONF_FILE",
    "PBS_SERVER",
    "PBS_DEFAULT",
    "PBS_EXEC",
    "PBS_HOME",
];

/// What says of this very process which part of a run it is.
const OWN: [&str; 3] = [START_VARIABLE, COMMAND_VARIABLE, APPLICATION_VARIABLE];

/// The commands of a batch system, with the environment that they are run in.
#[derive(Clone)]
pub struct Commands {
    limit: Duration,
    variables: Arc<[(OsString, OsString)]>,
    cure: &'static str,
}

/// What a command has answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// How it ended: `exit status: 1`.
    pub(super) end: String,
    pub(super) success: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Commands {
    /// How long a command may take, if nothing else is said.
    pub const LIMIT: Duration = Duration::from_secs(30);

    /// Commands that find these variables, as [`std::env::vars_os`] gives them, and each of which
    /// may take so long.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>, limit: Duration) -> Self {
        Self {
            limit,
            variables: variables.into_iter().collect(),
            cure: "load the module that provides it, or run this where its users log in",
        }
    }

    /// The same, each to be waited for so long.
    #[cfg(test)]
    fn within(&self, limit: Duration) -> Self {
        Self {
            limit,
            ..self.clone()
        }
    }

    /// The same, and this is what to do where a command is missing.
    pub(super) fn with_cure(self, cure: &'static str) -> Self {
        Self { cure, ..self }
    }

    /// The same as if this process ran in no job.
    pub(super) fn outside_of_jobs(&self) -> Self {
        self.without(|name| {
            !KEPT.contains(&name)
                && !name.starts_with(OF_THE_USER)
                && (OWN.contains(&name)
                    || FOREIGN_PREFIXES
                        .iter()
                        .any(|prefix| name.starts_with(prefix)))
        })
    }

    /// The same without the variables that are called thus.
    pub(super) fn without(&self, called: impl Fn(&str) -> bool) -> Self {
        let kept = |(name, _): &&(OsString, OsString)| !name.to_str().is_some_and(&called);
        Self {
            variables: self.variables.iter().filter(kept).cloned().collect(),
            ..self.clone()
        }
    }

    /// The value of a variable, unless it is empty.
    pub(super) fn variable(&self, name: &str) -> Option<&OsStr> {
        let found = self.variables.iter().find(|(other, _)| other == name);
        let value = found.map(|(_, value)| value.as_os_str());
        value.filter(|value| !value.is_empty())
    }

    /// What starts a command; its streams are yet to be said.
    pub(super) fn prepare(&self, command: &str) -> Result<Command, ProviderError> {
        let program = self.find(command).ok_or_else(|| ProviderError::Missing {
            command: command.to_owned(),
            cure: self.cure.to_owned(),
        })?;
        let mut prepared = Command::new(program);
        prepared
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            // Ctrl-C at the driver's terminal is the driver's affair.
            .process_group(0)
            .kill_on_drop(true);
        Ok(prepared)
    }

    /// Runs a command to its end.
    pub(super) async fn run<A: AsRef<OsStr>>(
        &self,
        command: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Answer, ProviderError> {
        let failed = |error: io::Error| ProviderError::System {
            action: format!("run `{command}`"),
            message: error.to_string(),
        };
        let mut child = self
            .prepare(command)?
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let mut group = Group::of(child.id());
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let ended = async {
            let (stdout, stderr) = tokio::join!(read(stdout), read(stderr));
            let status = child.wait().await?;
            io::Result::Ok(Answer {
                end: status.to_string(),
                success: status.success(),
                stdout: stdout?,
                stderr: stderr?,
            })
        };
        match tokio::time::timeout(self.limit, ended).await {
            Ok(answer) => {
                let answer = answer.map_err(failed)?;
                // Reaped: the number may be somebody else's by now.
                group.release();
                tracing::trace!(command, end = answer.end, "asked the batch system");
                Ok(answer)
            }
            Err(_) => Err(ProviderError::TimedOut {
                command: command.to_owned(),
                limit: self.limit,
            }),
        }
    }

    fn find(&self, command: &str) -> Option<PathBuf> {
        let path = self.variable("PATH").unwrap_or("/usr/bin:/bin".as_ref());
        env::split_paths(path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(command))
            .find(|file| file.is_file() && access(file, Access::EXEC_OK).is_ok())
    }
}

/// Without the values, some of which may be secrets.
impl fmt::Debug for Commands {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Commands")
            .field("limit", &self.limit)
            .field("variables", &self.variables.len())
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// What went wrong, in the command's own words if it has said any.
    pub(super) fn words(&self) -> String {
        let said = |text: &str| {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            let mut lines: Vec<_> = lines.map(without_speaker).collect();
            lines.dedup();
            lines.join("; ")
        };
        [&self.stderr, &self.stdout]
            .into_iter()
            .map(|text| said(text))
            .find(|words| !words.is_empty())
            .unwrap_or_else(|| format!("it said nothing ({})", self.end))
    }
}

/// A line without the name of the command that says it: `sbatch: error: ` is told anyway.
fn without_speaker(line: &str) -> &str {
    let Some((speaker, rest)) = line.split_once(": ") else {
        return line;
    };
    if speaker.is_empty() || !speaker.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return line;
    }
    rest.strip_prefix("error: ")
        .or_else(|| rest.strip_prefix("fatal: "))
        .unwrap_or(rest)
}

/// Ends a command with whatever it has started, unless it has ended by itself.
struct Group(Option<Pid>);

impl Group {
    fn of(id: Option<u32>) -> Self {
        let id = id.and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }

    fn release(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn read(stream: Option<impl AsyncRead + Unpin>) -> io::Result<String> {
    let Some(mut stream) = stream else {
        return Ok(String::new());
    };
    let mut bytes = Vec::new();
    (&mut stream)
        .take(MOST_OUTPUT)
        .read_to_end(&mut bytes)
        .await?;
    // Whoever writes more is not made to wait.
    copy(&mut stream, &mut sink()).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::time::Instant;

    use super::*;

    /// Commands that find this script under the name `ask`.
    fn commands(script: &str) -> (tempfile::TempDir, Commands) {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("ask");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o700)).unwrap();
        let mut path = folder.path().as_os_str().to_owned();
        path.push(":/usr/bin:/bin");
        let variables = [
            ("PATH".into(), path),
            ("SLURM_CONF".into(), "/conf".into()),
            ("SLURM_JOB_ID".into(), "1".into()),
            ("SBATCH_PARTITION".into(), "2".into()),
            ("PBS_JOBID".into(), "3".into()),
            (START_VARIABLE.into(), "4".into()),
            ("HOME".into(), "/home".into()),
        ];
        (folder, Commands::new(variables, Duration::from_secs(20)))
    }

    /// A script that was just written may be busy: another test's thread may have forked while it
    /// was open, and holds it until that has become a program.
    async fn ask(commands: &Commands, arguments: &[&str]) -> Result<Answer, ProviderError> {
        loop {
            match commands.run("ask", arguments).await {
                Err(ProviderError::System { message, .. }) if message.contains("busy") => {
                    tokio::task::yield_now().await;
                }
                answer => return answer,
            }
        }
    }

    #[tokio::test]
    async fn an_answer_has_both_streams_and_the_end() {
        let (_folder, commands) = commands("echo \"$2\"; echo oops >&2; exit 3");
        let answer = ask(&commands, &["a", "b c"]).await.unwrap();
        assert_eq!((&*answer.stdout, &*answer.stderr), ("b c\n", "oops\n"));
        assert!(!answer.success && answer.end.contains('3'), "{answer:?}");
    }

    #[tokio::test]
    async fn the_job_of_this_process_is_not_spoken_of() {
        let (_folder, commands) = commands("env");
        let answer = ask(&commands.outside_of_jobs(), &[]).await.unwrap();
        let mut names: Vec<_> = answer
            .stdout
            .lines()
            .filter_map(|line| line.split_once('=').map(|(name, _)| name))
            .filter(|name| !matches!(*name, "PWD" | "_" | "SHLVL" | "OLDPWD"))
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["HOME", "PATH", "SLURM_CONF"]);
        let answer = ask(&commands, &[]).await.unwrap();
        assert!(answer.stdout.contains("SLURM_JOB_ID=1"), "{answer:?}");
    }

    #[tokio::test]
    async fn a_slow_command_is_killed_with_what_it_started() {
        let (folder, commands) = commands("sleep 600 & echo $! > \"$1\"; wait");
        let file = folder.path().join("pid");
        let commands = commands.within(Duration::from_millis(500));
        let begun = Instant::now();
        let error = ask(&commands, &[file.to_str().unwrap()]).await.unwrap_err();
        assert!(matches!(error, ProviderError::TimedOut { .. }), "{error}");
        assert_eq!(error.to_string(), "`ask` did not answer within 0.5 s");
        assert!(begun.elapsed() < Duration::from_secs(10));
        let pid = fs::read_to_string(file).unwrap();
        let alive = || {
            let status = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
            status.is_ok_and(|status| !status.contains(") Z "))
        };
        while alive() {
            assert!(begun.elapsed() < Duration::from_secs(20), "{pid} lives on");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn more_output_than_anybody_wants_is_cut() {
        let (_folder, commands) = commands("head -c 6000000 /dev/zero | tr '\\0' x");
        let answer = ask(&commands, &[]).await.unwrap();
        assert_eq!(answer.stdout.len() as u64, MOST_OUTPUT);
        assert!(answer.success);
    }

    #[tokio::test]
    async fn a_command_that_is_missing_is_named_with_the_cure() {
        let (_folder, commands) = commands("true");
        let commands = commands.with_cure("install `slurm-client`");
        let error = commands.run("nosuch", [""; 0]).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "`nosuch` is not on this machine (looked for along `PATH`); install `slurm-client`"
        );
        assert!(error.is_permanent());
    }

    #[test]
    fn words_are_those_of_the_command_without_its_name() {
        let answer = Answer {
            end: "exit status: 1".to_owned(),
            stderr: "sbatch: error: invalid partition specified: nosuch\n\
                     sbatch: error: Batch job submission failed: Invalid partition name specified\n"
                .to_owned(),
            ..Answer::default()
        };
        assert_eq!(
            answer.words(),
            "invalid partition specified: nosuch; \
             Batch job submission failed: Invalid partition name specified"
        );
        let silent = Answer {
            stderr: String::new(),
            ..answer
        };
        assert_eq!(silent.words(), "it said nothing (exit status: 1)");
    }

    #[test]
    fn what_is_shown_of_it_has_no_values() {
        let (_folder, commands) = commands("true");
        assert!(!format!("{commands:?}").contains("/conf"));
    }
}
