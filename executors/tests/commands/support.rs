use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use chiltepin_executors::command::{CommandEnd, CommandSpec, Shell, Stream};
use chiltepin_executors::{FailureKind, StopSignal};
use tempfile::TempDir;

/// A folder of its own for one test, in which its commands run.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn file(&self, name: &str, append: bool) -> Stream {
        Stream::File {
            path: self.path(name),
            append,
        }
    }

    pub(crate) fn spec(&self, script: &str) -> CommandSpec {
        CommandSpec {
            prefix: Vec::new(),
            script: script.to_owned(),
            directory: Some(self.folder.path().to_owned()),
            stdout: Stream::Discard,
            stderr: Stream::Discard,
            environment: Vec::new(),
            outputs: Vec::new(),
            allowed_exit_codes: Vec::new(),
            kill_grace: Duration::from_secs(60),
        }
    }

    /// Waits until a script has written a process id into a file, and takes hold of the process.
    pub(crate) fn process(&self, name: &str) -> Process {
        let path = self.path(name);
        until(&format!("a process id in `{name}`"), || {
            fs::read_to_string(&path).is_ok_and(|text| text.ends_with('\n'))
        });
        Process::find(&path)
    }
}

pub(crate) fn run(spec: &CommandSpec) -> Result<i32, CommandEnd> {
    Shell::from_environment().run(spec, &StopSignal::new(), 1)
}

pub(crate) fn failure(ended: Result<i32, CommandEnd>) -> (FailureKind, bool) {
    match ended {
        Err(CommandEnd::Failed(failure)) => (failure.kind, failure.retryable),
        other => panic!("no failure but {other:?}"),
    }
}

/// Waits for a condition, far longer than it should take even on a busy machine.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(
            begun.elapsed() < Duration::from_secs(40),
            "waited in vain for {what}"
        );
        thread::sleep(Duration::from_millis(5));
    }
}

/// One process for good, by its id and its start time.
#[derive(Debug)]
pub(crate) struct Process {
    pid: String,
    start: String,
}

impl Process {
    fn find(file: &Path) -> Self {
        let pid = fs::read_to_string(file).unwrap().trim().to_owned();
        let start = fields(&pid).expect("the process runs")[19].clone();
        Self { pid, start }
    }

    fn fields(&self) -> Option<Vec<String>> {
        fields(&self.pid).filter(|fields| fields[19] == self.start)
    }

    /// It exists and is no zombie.
    pub(crate) fn runs(&self) -> bool {
        self.fields().is_some_and(|fields| fields[0] != "Z")
    }

    /// Nothing of it is left, no zombie either.
    pub(crate) fn is_reaped(&self) -> bool {
        self.fields().is_none()
    }

    pub(crate) fn pid(&self) -> &str {
        &self.pid
    }

    pub(crate) fn parent(&self) -> String {
        self.fields().expect("the process runs")[1].clone()
    }

    pub(crate) fn kill(&self) {
        let pid = rustix::process::Pid::from_raw(self.pid.parse().unwrap()).unwrap();
        if self.runs() {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

/// Nothing outlives a test, least of all one that fails.
impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The fields of `/proc/PID/stat` from the state on.
fn fields(pid: &str) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(ToOwned::to_owned).collect())
}
