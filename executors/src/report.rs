use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What an attempt took, as far as the system can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// From the start of the body, or of the command, to its end.
    pub run: Duration,
    /// Processor time spent in the program: of the body's thread, or of the command and all
    /// processes it waited for.
    pub user: Duration,
    /// Processor time spent in the system on its behalf.
    pub system: Duration,
    /// The most memory held at once, in bytes: of the command's largest process, or of the worker
    /// process since it last ran a task that took a millisecond or longer. None where the task was
    /// too short for it to be looked up.
    pub peak_memory: Option<u64>,
}

/// The account of an attempt: where it ran, what it took, what it wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The host name of the node.
    pub node: Arc<str>,
    /// The worker process, as `compute-3`; none for a command, which runs beside the workers.
    pub worker: Option<Arc<str>>,
    /// The process id of the worker, or of the command's shell.
    pub process: u32,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// When the body began.
    pub begun: std::time::Instant,
    /// What it took.
    pub usage: Usage,
    /// What it wrote to stdout, where that was kept.
    pub stdout: Option<OutputPart>,
    /// What it wrote to stderr, where that was kept.
    pub stderr: Option<OutputPart>,
}

/// A part of a file: what one task wrote to a file that many tasks share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputPart {
    /// The file.
    pub file: Arc<Path>,
    /// The first byte and the one after the last.
    pub bytes: Range<u64>,
}

impl OutputPart {
    /// Reads the part.
    ///
    /// # Errors
    /// The file cannot be read, or is shorter than it was.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        use std::os::unix::fs::FileExt as _;
        let length = usize::try_from(self.bytes.end.saturating_sub(self.bytes.start));
        let mut content = vec![0; length.map_err(io::Error::other)?];
        std::fs::File::open(&self.file)?.read_exact_at(&mut content, self.bytes.start)?;
        Ok(content)
    }

    /// The file's path.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.file.to_path_buf()
    }
}
