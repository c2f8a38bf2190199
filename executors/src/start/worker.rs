use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a worker needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerStart {
    /// The executor's name.
    pub executor: String,
    /// Where the driver listens for workers.
    #[serde(with = "crate::wire::path")]
    pub socket: PathBuf,
    /// The worker's number within its executor.
    pub worker: u32,
    /// The process id of its parent; none where something stands between, as a container.
    pub spawner: Option<u32>,
    /// The file in which the worker notes what it is doing.
    #[serde(with = "crate::wire::path")]
    pub page: PathBuf,
    /// The CPUs it may use; empty for all that its parent may.
    pub cpus: Vec<u32>,
}

/// Binds this process to its parent's life and to its CPUs; an exit code if there is nothing left
/// to work for.
#[cfg(target_os = "linux")]
pub(super) fn prepare(start: &WorkerStart) -> Option<i32> {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};

    // A worker that computes does not look at its socket, so nothing else would end it.
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        eprintln!("warning: cannot ask to be ended with the parent process: {error}");
    }
    // The parent may have ended before that was asked.
    let parent = getppid().map_or(0, |parent| parent.as_raw_nonzero().get().unsigned_abs());
    if start.spawner.is_some_and(|spawner| spawner != parent) {
        return Some(1);
    }
    if let Err(error) = bind(&start.cpus) {
        eprintln!(
            "warning: cannot bind this worker to the CPUs {:?}: {error}",
            start.cpus
        );
    }
    None
}

#[cfg(target_os = "linux")]
fn bind(cpus: &[u32]) -> rustix::io::Result<()> {
    use rustix::thread::{CpuSet, sched_setaffinity};

    if cpus.is_empty() {
        return Ok(());
    }
    let mut set = CpuSet::new();
    for &cpu in cpus {
        let cpu = usize::try_from(cpu).unwrap_or(usize::MAX);
        if cpu >= CpuSet::MAX_CPU {
            return Err(rustix::io::Errno::INVAL);
        }
        set.set(cpu);
    }
    sched_setaffinity(None, &set)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn prepare(_start: &WorkerStart) -> Option<i32> {
    None
}
