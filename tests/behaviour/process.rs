use std::fs;

use rustix::process::{Pid, Signal, kill_process};

/// One process for good, by its id and its start time.
#[derive(Debug)]
pub(crate) struct Process {
    id: String,
    start: String,
}

impl Process {
    /// The process that has this id now.
    pub(crate) fn of_id(id: &str) -> Self {
        Self::find(id).expect("the process runs")
    }

    /// The process that has this id now, if there is one.
    pub(crate) fn find(id: &str) -> Option<Self> {
        let start = fields(id)?[19].clone();
        Some(Self {
            id: id.to_owned(),
            start,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.id.parse().unwrap()
    }

    /// It is a worker process, and no child of one.
    pub(crate) fn is_worker(&self) -> bool {
        let file = |name| fs::read(format!("/proc/{}/{name}", self.id)).unwrap_or_default();
        let has_number = String::from_utf8_lossy(&file("environ"))
            .split('\0')
            .any(|variable| variable.starts_with("CHILTEPIN_WORKER_ID="));
        // The file it is started from is a copy in a private folder.
        has_number && String::from_utf8_lossy(&file("cmdline")).contains("/chiltepin-")
    }

    fn fields(&self) -> Option<Vec<String>> {
        fields(&self.id).filter(|fields| fields[19] == self.start)
    }

    /// It exists and is no zombie.
    pub(crate) fn runs(&self) -> bool {
        self.fields().is_some_and(|fields| fields[0] != "Z")
    }

    /// Its process group.
    pub(crate) fn group(&self) -> String {
        self.fields().expect("the process runs")[2].clone()
    }

    pub(crate) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        if self.runs() {
            let id = Pid::from_raw(self.id.parse().unwrap()).unwrap();
            kill_process(id, signal).unwrap();
        }
    }
}

/// The fields of `/proc/ID/stat` from the state on.
fn fields(id: &str) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(ToOwned::to_owned).collect())
}
