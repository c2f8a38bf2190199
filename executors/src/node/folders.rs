//! Removing what a driver that was killed has left.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::getppid;

use crate::start::SpawnerStart;

/// Removes the driver's folders, if it is gone: one that lives removes them itself.
pub(super) fn remove_if_left(start: &SpawnerStart) {
    /// A process that is killed closes its sockets a moment before it is gone.
    const PATIENCE: Duration = Duration::from_millis(500);
    const TICK: Duration = Duration::from_millis(5);
    let begun = Instant::now();
    while parent() == start.driver {
        if begun.elapsed() > PATIENCE {
            return;
        }
        thread::sleep(TICK);
    }
    for folder in [&start.folder, &start.program_folder] {
        // Another executor's spawner may be at it too.
        let _ = fs::remove_dir_all(folder);
    }
}

fn parent() -> u32 {
    getppid().map_or(0, |parent| parent.as_raw_nonzero().get().unsigned_abs())
}
