//! The jobs of a run, in its folder: what whoever cleans up after a driver that is gone needs to
//! know.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::JobId;

/// The ledger's name within the folder of a run.
pub const LEDGER_FILE: &str = "jobs.jsonl";

/// Far beyond any run; keeps what is no ledger from filling the memory.
const MOST_BYTES: u64 = 64 << 20;

/// A job that was asked for, or was about to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LedgerJob {
    /// The provider, as a configuration gives it: `slurm`, `pbspro`.
    pub provider: String,
    /// The executor it is a block of.
    pub executor: String,
    /// The block.
    pub block: u32,
    /// The job's name, which no other job has.
    pub name: String,
    /// The batch system's name for it; none if nobody has heard it.
    #[serde(default)]
    pub job: Option<JobId>,
    /// Whether it is known to be over, or never to have been taken.
    #[serde(default)]
    pub over: bool,
}

/// A ledger that is written to.
///
/// Each line is a job as it stood then, on the disk before anything else happens: a job's name is
/// there before the job is.
#[derive(Debug)]
pub struct Ledger {
    file: Mutex<File>,
}

impl Ledger {
    /// Opens the ledger of a run, made if it is not there.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn open(run_folder: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        let mut file = options.open(run_folder.join(LEDGER_FILE))?;
        if file.seek(SeekFrom::End(0))? > 0 {
            file.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                // Whoever wrote before was cut off in the middle of a line.
                file.write_all(b"\n")?;
            }
        }
        Ok(Self {
            file: Mutex::new(file),
        })
    }

    /// Notes how a job stands; returns when that is on the disk.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn note(&self, job: &LedgerJob) -> io::Result<()> {
        let mut line = serde_json::to_vec(job)?;
        line.push(b'\n');
        let mut file = self.file.lock();
        file.write_all(&line)?;
        file.sync_data()
    }
}

/// The jobs of a run's ledger as they were last noted, in the order in which they came; none where
/// there is no ledger. Lines that were cut, or make no sense, are left out.
///
/// # Errors
/// The file is there and cannot be read.
pub fn read_ledger(run_folder: &Path) -> io::Result<Vec<LedgerJob>> {
    let mut bytes = Vec::new();
    match File::open(run_folder.join(LEDGER_FILE)) {
        Ok(file) => file.take(MOST_BYTES).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut jobs: Vec<LedgerJob> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(job) = serde_json::from_slice::<LedgerJob>(line) else {
            continue;
        };
        match places.get(&(job.provider.clone(), job.name.clone())) {
            Some(&place) => {
                let earlier: &mut LedgerJob = &mut jobs[place];
                let number = job.job.or_else(|| earlier.job.take());
                *earlier = LedgerJob { job: number, ..job };
            }
            None => {
                places.insert((job.provider.clone(), job.name.clone()), jobs.len());
                jobs.push(job);
            }
        }
    }
    Ok(jobs)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    fn job(name: &str) -> LedgerJob {
        LedgerJob {
            provider: "slurm".to_owned(),
            executor: "compute".to_owned(),
            block: 1,
            name: name.to_owned(),
            job: None,
            over: false,
        }
    }

    fn submitted(name: &str) -> LedgerJob {
        LedgerJob {
            job: Some(JobId("12;big".to_owned())),
            ..job(name)
        }
    }

    #[test]
    fn the_last_word_on_each_job_counts() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_ledger(folder.path()).unwrap(), []);
        let ledger = Ledger::open(folder.path()).unwrap();
        ledger.note(&job("a")).unwrap();
        assert_eq!(read_ledger(folder.path()).unwrap(), [job("a")]);
        ledger.note(&submitted("a")).unwrap();
        ledger.note(&job("b")).unwrap();
        let over = LedgerJob {
            over: true,
            ..job("a")
        };
        ledger.note(&over).unwrap();
        let expected = LedgerJob {
            over: true,
            ..submitted("a")
        };
        assert_eq!(read_ledger(folder.path()).unwrap(), [expected, job("b")]);
    }

    #[test]
    fn a_line_that_was_cut_is_left_out_and_the_next_writer_begins_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        ledger.note(&job("a")).unwrap();
        ledger.note(&submitted("b")).unwrap();
        let file = folder.path().join(LEDGER_FILE);
        let text = fs::read(&file).unwrap();
        for length in 0..text.len() {
            fs::write(&file, &text[..length]).unwrap();
            let jobs = read_ledger(folder.path()).unwrap();
            let whole = text[..=length]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count();
            assert_eq!(jobs.len(), whole, "{length}");
            let ledger = Ledger::open(folder.path()).unwrap();
            ledger.note(&job("c")).unwrap();
            assert_eq!(read_ledger(folder.path()).unwrap().last(), Some(&job("c")));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes: Vec<u8>) {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(LEDGER_FILE), bytes).unwrap();
            read_ledger(folder.path()).unwrap();
        }
    }
}
