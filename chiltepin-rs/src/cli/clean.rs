use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use chiltepin_executors::provider::{JobId, JobState, Ledger, LedgerJob, NamedJob, read_ledger};

use super::exit::Exit;
use super::jobs::{self, Found, wait};
use super::{runs, status};

/// Cancels the jobs that a run has left behind, and removes its private files
#[derive(Debug, clap::Args)]
#[command(after_help = "A run that is still under way loses its blocks by this.")]
pub(super) struct Clean {
    /// The run's number below `run_dir`, as 7, or its folder
    run: PathBuf,
}

impl Clean {
    pub(super) fn run(self, out: &mut dyn Write, errors: &mut dyn Write) -> std::io::Result<Exit> {
        let folder = match runs::folder(Some(&self.run)) {
            Ok(folder) => folder,
            Err(error) => {
                writeln!(errors, "error: {error}")?;
                return Ok(Exit::Usage);
            }
        };
        let ledger = match read_ledger(&folder) {
            Ok(ledger) => ledger,
            Err(error) => {
                writeln!(
                    errors,
                    "error: cannot read the run's ledger of jobs: {error}"
                )?;
                return Ok(Exit::Failure);
            }
        };
        let mut done = false;
        let mut failed = false;
        for found in jobs::find(ledger) {
            let cancelled = found.and_then(|found| cancel(&folder, &found));
            match cancelled {
                Ok(lines) => {
                    done |= !lines.is_empty();
                    for line in lines {
                        writeln!(out, "cancelled {line}")?;
                    }
                }
                Err(error) => {
                    writeln!(errors, "error: {error}")?;
                    failed = true;
                }
            }
        }
        if failed {
            writeln!(
                errors,
                "  hint: nothing else was removed; clean the run again when that works"
            )?;
            return Ok(Exit::Failure);
        }
        for private in private_folders(&folder)? {
            match fs::remove_dir_all(&private) {
                Ok(()) => {
                    done = true;
                    writeln!(out, "removed {}", private.display())?;
                }
                Err(error) => {
                    writeln!(
                        errors,
                        "error: cannot remove `{}`: {error}",
                        private.display()
                    )?;
                    failed = true;
                }
            }
        }
        if failed {
            return Ok(Exit::Failure);
        }
        if !done {
            writeln!(out, "nothing to clean in {}", folder.display())?;
        }
        Ok(Exit::Success)
    }
}

/// Cancels what is not over, notes that in the ledger, and tells what was cancelled.
fn cancel(
    folder: &Path,
    found: &Found,
) -> Result<Vec<String>, chiltepin_executors::provider::ProviderError> {
    let alive = |(_, known): &&(LedgerJob, Option<NamedJob>)| {
        let state = known.as_ref().map(|known| known.status.state);
        state.is_some_and(|state| !matches!(state, JobState::Over(_) | JobState::Forgotten))
    };
    let alive: Vec<_> = found.jobs.iter().filter(alive).collect();
    let ids: Vec<JobId> = alive
        .iter()
        .filter_map(|(_, known)| known.as_ref().map(|known| known.job.clone()))
        .collect();
    if !ids.is_empty() {
        wait(found.provider.cancel(&ids))?;
    }
    // A ledger that cannot be written is one that is looked through again.
    if let Ok(ledger) = Ledger::open(folder) {
        // One of another cluster is not found by its name, and is left to that cluster's Slurm.
        let elsewhere = |job: &LedgerJob| job.job.as_ref().is_some_and(|job| job.0.contains(';'));
        let settled = found.jobs.iter();
        for (job, _) in settled.filter(|(job, known)| known.is_some() || !elsewhere(job)) {
            let over = LedgerJob {
                over: true,
                ..job.clone()
            };
            let _ = ledger.note(&over);
        }
    }
    let lines = alive
        .iter()
        .map(|(job, known)| status::line(job, known.as_ref()));
    Ok(lines.collect())
}

/// The folders in that of a run that nobody else may look into: keys, claims, copies of programs.
fn private_folders(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Of the entry itself: a link to a folder is none.
        let metadata = entry.metadata()?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if metadata.is_dir()
            && metadata.permissions().mode() & 0o077 == 0
            && (name == "private" || name.starts_with("chiltepin-"))
        {
            folders.push(entry.path());
        }
    }
    folders.sort();
    Ok(folders)
}
