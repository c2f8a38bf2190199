//! Which of the launchers that share a name this one is, by what it says of itself.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use super::Launcher;
use super::launcher::in_one;
use crate::causes::WithCauses;
use crate::command::{CommandEnd, CommandSpec, Shell, Stream};
use crate::{Failure, FailureKind, StopSignal};

/// How long a launcher may take to say which version it is.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// The most of its words that is kept.
const MOST_WORDS: usize = 8 << 10;

impl Launcher {
    /// The launcher whose program is so called and says this of its version. What `srun` and
    /// `aprun` are is known by their names.
    ///
    /// ```
    /// use chiltepin_executors::mpi::Launcher;
    /// let launcher = Launcher::recognise("mpiexec", "mpiexec (OpenRTE) 4.1.4\n");
    /// assert_eq!(launcher, Ok(Launcher::OpenMpi { major: 4 }));
    /// ```
    ///
    /// # Errors
    /// It is none of those that are known; the reason shows what it said.
    pub fn recognise(program: &str, words: &str) -> Result<Self, String> {
        match name_of(program) {
            "srun" => return Ok(Self::Srun),
            "aprun" => return Ok(Self::Aprun),
            _ => {}
        }
        if words.contains("HYDRA") || words.contains("Intel(R) MPI") {
            return Ok(Self::Hydra);
        }
        let of_open_mpi = ["(Open MPI) ", "(OpenRTE) "];
        let version = of_open_mpi
            .iter()
            .find_map(|mark| words.split_once(mark).map(|(_, version)| version));
        if let Some(major) = version.and_then(first_number) {
            return Ok(Self::OpenMpi { major });
        }
        // Release 5 is made of PRRTE, whose releases are numbered on their own from 2 to 3.
        if words.contains("(PRRTE) ") {
            return Ok(Self::OpenMpi { major: 5 });
        }
        Err(format!(
            "`{program} --version` says {}, which is neither Open MPI nor one of the MPIs with \
             Hydra (MPICH, MVAPICH, Intel MPI); name another program by `mpi_launcher`",
            beginning(words)
        ))
    }
}

/// Asks a launcher for its version, on this thread, as an agent does for its node.
///
/// # Errors
/// It is not there, fails, or does not answer; the reason tells what to do.
pub fn ask(program: &str) -> Result<String, String> {
    let folder = tempfile::tempdir().map_err(|error| cannot_ask(program, &error))?;
    let output = folder.path().join("version");
    let stop = Arc::new(StopSignal::new());
    let (done, is_done) = channel::<()>();
    let late = Arc::clone(&stop);
    let watch = move || {
        if is_done.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            late.hurry(1);
        }
    };
    let watch = thread::Builder::new()
        .name("chiltepin-ask".to_owned())
        .spawn(watch)
        .map_err(|error| cannot_ask(program, &error))?;
    let end = Shell::from_environment().run(&question(program, &output), &stop, 1);
    drop(done);
    // It has nothing left to do but to end.
    let _ = watch.join();
    answer(program, end, &output)
}

/// The command that has a launcher write its version to a file.
pub(super) fn question(program: &str, output: &Path) -> CommandSpec {
    // Of a program that does not stop talking, the first bytes suffice.
    let script = format!(
        "set -o pipefail\n{} --version 2>&1 | head -c {MOST_WORDS}",
        in_one(&[program.to_owned()])
    );
    CommandSpec {
        prefix: Vec::new(),
        script,
        directory: None,
        stdout: Stream::File {
            path: output.to_owned(),
            append: false,
        },
        stderr: Stream::Discard,
        environment: root_variables(rustix::process::geteuid().is_root()),
        outputs: Vec::new(),
        allowed_exit_codes: Vec::new(),
        kill_grace: Duration::ZERO,
    }
}

/// What Open MPI wants to be told before it does anything for root.
pub(super) fn root_variables(is_root: bool) -> Vec<(String, String)> {
    let names = ["OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"];
    let names = names.into_iter().filter(|_| is_root);
    names
        .map(|name| (name.to_owned(), "1".to_owned()))
        .collect()
}

/// What came of the question.
pub(super) fn answer(
    program: &str,
    end: Result<i32, CommandEnd>,
    output: &Path,
) -> Result<String, String> {
    let words = fs::read(output).unwrap_or_default();
    let words = String::from_utf8_lossy(&words);
    let cure = cure(program);
    match end {
        Ok(_) => Ok(words.into_owned()),
        Err(CommandEnd::Stopped) => Err(format!(
            "the MPI launcher `{program}` did not tell its version within {} s; {cure}",
            PATIENCE.as_secs()
        )),
        Err(CommandEnd::Failed(failure)) => Err(refusal(program, &failure, &words)),
    }
}

/// A failure to ask, in words.
pub(super) fn refusal(program: &str, failure: &Failure, words: &str) -> String {
    let cure = cure(program);
    match &failure.kind {
        FailureKind::ExitCode { code: 127, .. } => {
            format!("the MPI launcher `{program}` is not there (looked for along `PATH`); {cure}")
        }
        FailureKind::ExitCode { code, .. } => format!(
            "the MPI launcher `{program}` cannot be used: `{program} --version` exited with code \
             {code} and said {}; {cure}",
            beginning(words)
        ),
        FailureKind::System { action, error } => {
            format!("cannot {action}: {}", WithCauses(&**error))
        }
        FailureKind::Unavailable { reason } | FailureKind::Invalid { reason } => reason.clone(),
        other => format!("the MPI launcher `{program}` cannot be asked for its version: {other:?}"),
    }
}

fn cure(program: &str) -> &'static str {
    match name_of(program) {
        "srun" => {
            "it starts ranks through Slurm; without Slurm set `mpi_launcher` to `mpiexec` or \
             `mpirun`"
        }
        _ => {
            "install an MPI, load its module in `environment`, or name its program by \
             `mpi_launcher`"
        }
    }
}

fn cannot_ask(program: &str, error: &std::io::Error) -> String {
    format!("cannot ask the MPI launcher `{program}` for its version: {error}")
}

/// A program's name without its folder.
pub(super) fn name_of(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

fn first_number(text: &str) -> Option<u32> {
    let end = text.find(|letter: char| !letter.is_ascii_digit());
    text[..end.unwrap_or(text.len())].parse().ok()
}

/// The first lines of what was said, quoted.
fn beginning(words: &str) -> String {
    const LINES: usize = 4;
    const LETTERS: usize = 400;
    let mut lines = words.lines().map(str::trim).filter(|line| !line.is_empty());
    let some: Vec<&str> = lines.by_ref().take(LINES).collect();
    if some.is_empty() {
        return "nothing".to_owned();
    }
    let mut text: String = some.join(" / ").chars().take(LETTERS).collect();
    if lines.next().is_some() || some.join(" / ").chars().count() > LETTERS {
        text.push_str(" ...");
    }
    format!("`{text}`")
}

#[cfg(test)]
mod tests;
