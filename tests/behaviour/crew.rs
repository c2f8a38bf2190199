//! Workflows on worker processes, and those processes as the system sees them.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use chiltepin::Workflow;

use crate::place::{Place, until};
use crate::process::Process;

/// The variable by which the processes of one test are known.
pub(crate) const MARK: &str = "CREW_MARK";

/// A place for a test whose tasks run in worker processes.
pub(crate) struct Crew {
    pub(crate) place: Place,
}

impl Crew {
    pub(crate) fn new() -> Self {
        Self {
            place: Place::new(),
        }
    }

    /// Opens a workflow all of whose calls go to worker processes, with these settings of theirs.
    pub(crate) fn open(&self, settings: &str) -> Workflow {
        self.open_in(&[], settings)
    }

    /// The same, with further environment lines.
    pub(crate) fn open_in(&self, environment: &[&str], settings: &str) -> Workflow {
        self.place.configured(&self.config(environment, settings))
    }

    /// Its configuration.
    pub(crate) fn config(&self, environment: &[&str], settings: &str) -> String {
        let mark = format!("export {MARK}={}", self.mark());
        // A trace of calls would push the first words of a panic out of what is kept of stderr.
        let mut lines = vec![&*mark, "unset RUST_BACKTRACE", "ulimit -c 0"];
        lines.extend_from_slice(environment);
        format!(
            "[workflow]\nexecutors = [\"pool\"]\n\
             [pool]\nprovider = \"localhost\"\nenvironment = {lines:?}\n{settings}\n"
        )
    }

    /// The value of the variable that marks this test's processes.
    pub(crate) fn mark(&self) -> String {
        self.place.root().to_string_lossy().into_owned()
    }

    /// All processes of this test that run: the workers, their parent, what they have started.
    pub(crate) fn processes(&self) -> Vec<Process> {
        let mark = format!("{MARK}={}", self.mark());
        processes(|variables| variables.contains(&&*mark))
    }

    /// The worker processes.
    pub(crate) fn workers(&self) -> Vec<Process> {
        let mut processes = self.processes();
        processes.retain(Process::is_worker);
        processes
    }

    /// Waits until no process of this test is left.
    #[track_caller]
    pub(crate) fn nobody_is_left(&self) {
        until("all processes to be gone", || self.processes().is_empty());
    }
}

/// The processes with such variables in their environment.
fn processes(is_one: impl Fn(&[&str]) -> bool) -> Vec<Process> {
    let entries = fs::read_dir("/proc").unwrap();
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let ids = ids.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    ids.filter(|id| {
        // Those of others, and those that have just ended, cannot be read.
        let bytes = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        is_one(&text.split('\0').collect::<Vec<_>>())
    })
    .filter_map(|id| Process::find(&id))
    .filter(Process::runs)
    .collect()
}

/// Adds a line to a file, whole even when others do the same.
pub(crate) fn note(file: &Path, line: &str) {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)
        .unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// The lines of such a file.
pub(crate) fn notes(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().map(ToOwned::to_owned).collect()
}

/// Waits within a task until a file is there.
pub(crate) fn wait_for(file: &Path) {
    until("the file that lets a task go on", || file.exists());
}

/// The same, without holding a thread.
pub(crate) async fn wait_for_async(file: &Path) {
    for _ in 0..20_000 {
        if file.exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("waited in vain for `{}`", file.display());
}
