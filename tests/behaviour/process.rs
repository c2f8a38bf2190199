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
        let start = fields(id).expect("the process runs")[19].clone();
        Self {
            id: id.to_owned(),
            start,
        }
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
