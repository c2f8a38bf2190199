use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use chiltepin::{Workflow, bash_task};
use tempfile::TempDir;

use crate::executor;
use crate::process::Process;

/// A folder of its own for one test.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// A workflow whose runs are kept here.
    pub(crate) fn workflow(&self) -> Workflow {
        self.configured("")
    }

    /// The same, with a configuration in TOML.
    pub(crate) fn configured(&self, toml: &str) -> Workflow {
        Workflow::builder()
            .config_value(executor::config(toml))
            .run_dir(self.path("runs"))
            .open()
            .unwrap()
    }

    /// Waits until a script has written a process id into a file, and takes hold of the process.
    pub(crate) fn process(&self, name: &str) -> Process {
        let path = self.path(name);
        until(&format!("a process id in `{name}`"), || {
            fs::read_to_string(&path).is_ok_and(|text| text.ends_with('\n'))
        });
        Process::of_id(self.text(name).trim())
    }
}

/// Runs the script it is given.
#[bash_task]
pub(crate) fn shell(script: String) -> String {
    script
}

/// Waits for a condition, far longer than it should take even on a busy machine.
#[track_caller]
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
