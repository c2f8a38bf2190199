use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chiltepin_executors::BlocksStatus;
use chiltepin_executors::provider::{LedgerJob, NamedJob, read_ledger};

use super::exit::Exit;
use super::{jobs, runs};
use crate::workflow::BlocksTable;

/// What a run says of its blocks, in its folder.
const BLOCKS_FILE: &str = "blocks.json";

/// Tells what the blocks of a run are doing
#[derive(Debug, clap::Args)]
pub(super) struct Status {
    /// The run's number below `run_dir`, as 7, or its folder [default: the newest run]
    run: Option<PathBuf>,
}

impl Status {
    pub(super) fn run(self, out: &mut dyn Write, errors: &mut dyn Write) -> std::io::Result<Exit> {
        let folder = match runs::folder(self.run.as_deref()) {
            Ok(folder) => folder,
            Err(error) => {
                writeln!(errors, "error: {error}")?;
                return Ok(Exit::Usage);
            }
        };
        writeln!(out, "run {}", folder.display())?;
        let mut exit = Exit::Success;
        let told = match blocks(&folder) {
            Ok(told) => told,
            Err(error) => {
                writeln!(
                    errors,
                    "error: cannot read `{BLOCKS_FILE}` of the run: {error}"
                )?;
                exit = Exit::Failure;
                None
            }
        };
        if let Some((age, executors)) = &told {
            writeln!(out, "\nblocks, as the run told {} ago:", seconds(*age))?;
            for blocks in executors {
                writeln!(out, "{}{}", blocks.executor, BlocksTable(blocks))?;
            }
        }
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
        if told.is_none() && ledger.is_empty() {
            writeln!(out, "it has no blocks")?;
        }
        for found in jobs::find(ledger) {
            match found {
                Ok(found) => {
                    writeln!(out, "\njobs, as {} tells now:", found.provider.name())?;
                    for (job, known) in &found.jobs {
                        writeln!(out, "  {}", line(job, known.as_ref()))?;
                    }
                }
                Err(error) => {
                    writeln!(errors, "error: {error}")?;
                    exit = Exit::Failure;
                }
            }
        }
        Ok(exit)
    }
}

/// What the run said last, and how long ago.
fn blocks(folder: &Path) -> std::io::Result<Option<(Duration, Vec<BlocksStatus>)>> {
    let file = folder.join(BLOCKS_FILE);
    let text = match fs::read(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let written = fs::metadata(&file)?.modified()?;
    let age = SystemTime::now().duration_since(written);
    Ok(Some((
        age.unwrap_or_default(),
        serde_json::from_slice(&text)?,
    )))
}

pub(super) fn seconds(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 86_400, seconds / 3600, seconds / 60) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, _) => format!("{hours} h"),
        (1, ..) => "1 day".to_owned(),
        (days, ..) => format!("{days} days"),
    }
}

/// A job, by all its names, and what is known of it.
pub(super) fn line(job: &LedgerJob, known: Option<&NamedJob>) -> String {
    let number = job.job.as_ref().map(|job| job.0.clone());
    let number = number.or_else(|| known.map(|known| known.job.0.clone()));
    let mut line = format!(
        "job {} (`{}`), block {} of `{}`: ",
        number.as_deref().unwrap_or("of no known number"),
        job.name,
        job.block,
        job.executor
    );
    let Some(known) = known else {
        line.push_str("not known, so it is over");
        return line;
    };
    line.push_str(&known.status.word);
    if let Some(reason) = &known.status.reason {
        line.push_str(&format!(" ({reason})"));
    }
    if !known.status.nodes.is_empty() {
        line.push_str(&format!(" on {}", known.status.nodes.join(", ")));
    }
    line
}
