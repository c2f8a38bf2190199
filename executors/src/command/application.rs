//! What is left on this machine of an application that has ended.

use std::collections::HashSet;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Signal, getpid, kill_process};

use super::census::Census;
use crate::mpi::{APPLICATION_VARIABLE, Swept};

/// How long killed processes are waited for. One that hangs in the kernel may take forever.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long to wait before looking again.
const TICK: Duration = Duration::from_millis(10);

/// Kills every process of the application on this machine, with all its descendants, and returns
/// when they are gone, or have outlived KILL for two seconds.
pub(crate) fn kill_application(application: &str) -> Swept {
    let end = Instant::now() + PATIENCE;
    let mut found = HashSet::new();
    loop {
        let census = Census::take_of(APPLICATION_VARIABLE);
        let mut left = census.marked(|value| value == application);
        left.retain(|stat| stat.key.pid != getpid() && !stat.exited && !stat.key.is_gone());
        found.extend(left.iter().map(|stat| stat.key));
        if left.is_empty() || Instant::now() >= end {
            return Swept {
                found: u32::try_from(found.len()).unwrap_or(u32::MAX),
                left: u32::try_from(left.len()).unwrap_or(u32::MAX),
            };
        }
        for stat in &left {
            let _ = kill_process(stat.key.pid, Signal::KILL);
        }
        thread::sleep(TICK);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn all_of_an_application_is_killed_and_nothing_else() {
        let ours = format!("test-{}", getpid());
        let start = |application: &str| {
            // The first one clears its environment and leaves its group; its parent still leads
            // to it. The line tells that both are there.
            let mut child = Command::new("bash")
                .args(["-c", "setsid env -i sleep 1000 & sleep 1000 & echo; wait"])
                .env(APPLICATION_VARIABLE, application)
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut line = [0];
            child
                .stdout
                .as_mut()
                .unwrap()
                .read_exact(&mut line)
                .unwrap();
            child
        };
        let mut first = start(&ours);
        let mut other = start(&format!("{ours}0"));
        let swept = kill_application(&ours);
        assert_eq!((swept.found, swept.left), (3, 0));
        assert!(first.wait().unwrap().code().is_none());
        assert!(other.try_wait().unwrap().is_none(), "another one was hit");
        assert_eq!(kill_application(&ours), Swept { found: 0, left: 0 });
        let swept = kill_application(&format!("{ours}0"));
        assert_eq!((swept.found, swept.left), (3, 0));
        other.wait().unwrap();
    }
}
