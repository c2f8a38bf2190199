use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::message::WireLaunch;
use crate::command::{Process, Shell, open_file};
use crate::start::{Claim, Role, START_VARIABLE, SpawnerStart, WorkerStart};
use crate::{Failure, FailureKind};

/// How many threads libraries start that know OpenMP.
const THREADS_VARIABLE: &str = "OMP_NUM_THREADS";

/// Starts workers.
pub(super) struct Starter<'a> {
    start: &'a SpawnerStart,
    /// What the variable is set to; none where the environment has it.
    threads: Option<String>,
    /// Numbers the claims.
    next: u64,
}

impl<'a> Starter<'a> {
    pub(super) fn new(start: &'a SpawnerStart) -> Self {
        let is_set = std::env::var_os(THREADS_VARIABLE).is_some();
        Self {
            start,
            threads: (!is_set).then(|| start.threads_per_process.to_string()),
            next: 0,
        }
    }

    /// Starts a worker on this thread; an error says why it cannot be.
    pub(super) fn start(&mut self, shell: &Shell, launch: &WireLaunch) -> Result<Process, String> {
        let stdout = open(&launch.stdout, "stdout")?;
        let stderr = open(&launch.stderr, "stderr")?;
        // What is behind this is this worker's own, whoever wrote to the file before.
        let from = stderr.metadata().map_or(0, |metadata| metadata.len());
        let claim = self.claim(launch)?;
        let mut command = match self.start.prefix.split_first() {
            None => Command::new(&self.start.program),
            Some((program, words)) => {
                let mut command = Command::new(program);
                command.args(words).arg(&self.start.program);
                command
            }
        };
        command
            .args(&self.start.arguments)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .envs(
                self.threads
                    .iter()
                    .map(|threads| (THREADS_VARIABLE, threads)),
            )
            .envs(launch.environment.iter().map(|(name, value)| (name, value)))
            .env(START_VARIABLE, &claim);
        let program = command.get_program().to_string_lossy().into_owned();
        shell
            .start_process(command, launch.stderr.clone(), from)
            .map_err(|error| {
                let _ = std::fs::remove_file(&claim);
                format!("cannot start `{program}`: {error}")
            })
    }

    fn claim(&mut self, launch: &WireLaunch) -> Result<PathBuf, String> {
        let stands_between = !self.start.prefix.is_empty();
        let claim = Claim {
            role: Role::Worker(WorkerStart {
                executor: self.start.executor.clone(),
                socket: launch.socket.clone(),
                worker: launch.worker,
                spawner: (!stands_between).then(std::process::id),
                page: launch.page.clone(),
                cpus: launch.cpus.clone(),
            }),
        };
        self.next += 1;
        let name = format!("claim-{}-{}", std::process::id(), self.next);
        let path = self.start.folder.join(name);
        claim
            .write(&path)
            .map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
        Ok(path)
    }
}

fn open(path: &std::path::Path, stream: &str) -> Result<File, String> {
    open_file(path, true, stream).map_err(|Failure { kind, .. }| match kind {
        FailureKind::System { action, error } => format!("cannot {action}: {error}"),
        other => format!("{other:?}"),
    })
}
