//! Processes, and files that they write.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Longer than anything takes, even on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Waits for a condition, far longer than it should take even on a busy machine.
pub(crate) fn until(what: &str, condition: impl FnMut() -> bool) {
    within(LONG, what, condition);
}

/// Waits for a condition that is to come in time.
pub(crate) fn within(time: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < time, "waited in vain for {what}");
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
    pub(crate) fn of_id(pid: u32) -> Self {
        let pid = pid.to_string();
        let start = fields(&pid).expect("the process runs")[19].clone();
        Self { pid, start }
    }

    /// Waits until a process id is in a file.
    pub(crate) fn written_to(path: &Path) -> Self {
        until(&format!("a process id in `{}`", path.display()), || {
            fs::read_to_string(path).is_ok_and(|text| text.ends_with('\n'))
        });
        let text = fs::read_to_string(path).unwrap();
        Self::of_id(text.trim().parse().unwrap())
    }

    /// It exists and is no zombie.
    pub(crate) fn runs(&self) -> bool {
        self.fields().is_some_and(|fields| fields[0] != "Z")
    }

    /// Its process group.
    pub(crate) fn group(&self) -> String {
        self.fields().expect("the process runs")[2].clone()
    }

    fn fields(&self) -> Option<Vec<String>> {
        fields(&self.pid).filter(|fields| fields[19] == self.start)
    }

    pub(crate) fn pid(&self) -> &str {
        &self.pid
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid.parse().unwrap()).unwrap();
        if self.runs() {
            let _ = kill_process(pid, signal);
        }
    }
}

/// Nothing outlives a test, least of all one that fails.
impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// The fields of `/proc/PID/stat` from the state on.
fn fields(pid: &str) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(ToOwned::to_owned).collect())
}

/// The processes whose environment has this, as `NAME=value`.
#[cfg(feature = "cluster")]
pub(crate) fn with_variable(pair: &str) -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid: &u32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment
                .split(|byte| *byte == 0)
                .any(|variable| variable == pair.as_bytes())
        })
        .filter(|pid| fields(&pid.to_string()).is_some_and(|fields| fields[0] != "Z"))
        .collect()
}
