//! What is left of a process that started commands and was killed before it could end them.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::census::Census;
use super::mark;

/// Everything a process has started as a command or a worker, wherever it is now.
#[derive(Debug)]
pub(crate) struct StartedBy {
    /// How their marks begin.
    part: String,
}

impl StartedBy {
    /// What this process, which still runs, has started and will start.
    pub(crate) fn process(process: Pid) -> Self {
        Self {
            part: mark::process_part(process),
        }
    }

    /// Kills all of it, and returns when it is gone, or has outlived KILL for two seconds.
    pub(crate) fn kill(&self) {
        const PATIENCE: Duration = Duration::from_secs(2);
        const TICK: Duration = Duration::from_millis(10);
        let end = Instant::now() + PATIENCE;
        loop {
            let census = Census::take();
            let mut left = census.marked(|value| mark::is_of(value, &self.part));
            left.retain(|stat| !stat.exited && !stat.key.is_gone());
            if left.is_empty() || Instant::now() >= end {
                return;
            }
            for stat in left {
                let _ = kill_process(stat.key.pid, Signal::KILL);
            }
            thread::sleep(TICK);
        }
    }
}
