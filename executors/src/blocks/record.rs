use std::fs;
use std::io;
use std::path::Path;

use parking_lot::Mutex;

use super::rendezvous::Absolute;
use crate::BlocksStatus;

/// The file's name, within the folder of a run, that tells how its blocks stand: an array with one
/// [`BlocksStatus`] for each executor, as JSON.
pub const BLOCKS_FILE: &str = "blocks.json";

/// The file of a run that tells how its blocks stand.
#[derive(Debug)]
pub(super) struct Record {
    run_folder: Absolute,
    /// One writes at a time.
    writing: Mutex<()>,
}

impl Record {
    pub(super) fn new(run_folder: Absolute) -> Self {
        Self {
            run_folder,
            writing: Mutex::new(()),
        }
    }

    /// Writes how blocks stand; whoever reads the file meanwhile finds all of it, old or new. It is
    /// asked when it is written, so that of two who write at once the later one writes the newer.
    pub(super) fn write(&self, stand: impl FnOnce() -> Vec<BlocksStatus>) -> io::Result<()> {
        let _writing = self.writing.lock();
        // What has no blocks has nothing to write.
        let Some(folder) = self.run_folder.if_made() else {
            return Ok(());
        };
        let text = serde_json::to_vec_pretty(&stand())?;
        let new = folder.join(".blocks.json.new");
        fs::write(&new, text)?;
        fs::rename(new, folder.join(BLOCKS_FILE))
    }
}

/// How the blocks of a run stood last; none where it has none.
///
/// # Errors
/// The file is there and cannot be read, or was written by something else.
pub fn read_blocks(run_folder: &Path) -> io::Result<Vec<BlocksStatus>> {
    match fs::read(run_folder.join(BLOCKS_FILE)) {
        Ok(text) => Ok(serde_json::from_slice(&text)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::{BlockStatus, LazyFolder, NodeStatus};

    fn record(folder: &Path) -> Record {
        Record::new(Absolute::new(&LazyFolder::at(folder.to_owned())))
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_blocks(folder.path()).unwrap(), []);
        let status = BlocksStatus {
            executor: "compute".to_owned(),
            provider: "Slurm".to_owned(),
            waiting: 3,
            trouble: None,
            blocks: vec![BlockStatus {
                block: 1,
                job: Some("12".to_owned()),
                phase: "running".to_owned(),
                size: 1,
                reason: None,
                asked: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
                left: Some(Duration::from_secs(60)),
                nodes: vec![NodeStatus {
                    number: 1,
                    node: "n1".to_owned(),
                    state: "ready".to_owned(),
                    calls: 2,
                }],
            }],
        };
        let record = record(folder.path());
        record.write(|| vec![status.clone()]).unwrap();
        record
            .write(|| vec![status.clone(), status.clone()])
            .unwrap();
        let read = read_blocks(folder.path()).unwrap();
        assert_eq!(read, [status.clone(), status]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn of_those_who_write_at_once_the_last_one_writes_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let record = record(folder.path());
        let count = AtomicU64::new(0);
        let stand = || {
            let waiting = count.fetch_add(1, Ordering::SeqCst) + 1;
            let status = BlocksStatus {
                executor: "x".repeat(waiting as usize * 37 % 5_000),
                provider: "Slurm".to_owned(),
                waiting,
                trouble: None,
                blocks: Vec::new(),
            };
            vec![status]
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        record.write(stand).unwrap();
                        read_blocks(folder.path()).unwrap();
                    }
                });
            }
        });
        let read = read_blocks(folder.path()).unwrap();
        assert_eq!(read[0].waiting, count.load(Ordering::SeqCst));
    }
}
