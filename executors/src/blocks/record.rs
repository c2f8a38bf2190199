use std::fs;
use std::io;
use std::path::Path;

use crate::BlocksStatus;

/// The file's name, within the folder of a run, that tells how its blocks stand: an array with one
/// [`BlocksStatus`] for each executor, as JSON.
pub const BLOCKS_FILE: &str = "blocks.json";

/// Writes how blocks stand; whoever reads the file meanwhile finds all of it, old or new.
pub(super) fn write(run_folder: &Path, statuses: &[BlocksStatus]) -> io::Result<()> {
    let text = serde_json::to_vec_pretty(statuses)?;
    let new = run_folder.join(".blocks.json.new");
    fs::write(&new, text)?;
    fs::rename(new, run_folder.join(BLOCKS_FILE))
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
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::{BlockStatus, NodeStatus};

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
                reason: None,
                asked: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
                left: Some(Duration::from_secs(60)),
                nodes: vec![NodeStatus {
                    node: "n1".to_owned(),
                    state: "ready".to_owned(),
                    calls: 2,
                }],
            }],
        };
        write(folder.path(), std::slice::from_ref(&status)).unwrap();
        write(folder.path(), &[status.clone(), status.clone()]).unwrap();
        let read = read_blocks(folder.path()).unwrap();
        assert_eq!(read, [status.clone(), status]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
