//! Adopting orphans instead of leaving them to the system's first process.

use parking_lot::Mutex;

/// While one of these lives, orphans among this process's descendants become its children.
///
/// They do so only while a command is being stopped, when orphans are made, and are to be reaped,
/// by the driver: in a container the first process is often one that reaps nobody. At other times
/// an orphan is a process that a command left behind on purpose; adopting it would leave a zombie
/// at its end, which nobody could tell from a child that the user's own code means to wait for.
#[derive(Debug)]
pub(super) struct Adopting(());

/// The setting belongs to the whole process, and so does the count of those who want it.
static WANTED: Mutex<Wanted> = Mutex::new(Wanted {
    by: 0,
    set_by_us: false,
});

struct Wanted {
    by: usize,
    /// The user's program may have asked for the same; then it is not ours to end.
    set_by_us: bool,
}

impl Adopting {
    /// Adopts orphans from now on.
    pub(super) fn begin() -> Self {
        let mut wanted = WANTED.lock();
        wanted.by += 1;
        if wanted.by == 1 {
            wanted.set_by_us = system::begin();
        }
        Self(())
    }
}

impl Drop for Adopting {
    fn drop(&mut self) {
        let mut wanted = WANTED.lock();
        wanted.by -= 1;
        if wanted.by == 0 && wanted.set_by_us {
            system::end();
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    use rustix::process::{child_subreaper, getpid, set_child_subreaper};

    /// Whether the setting was made, and not there before.
    pub(super) fn begin() -> bool {
        // Without it orphans are still found and ended, only reaped by another.
        !matches!(child_subreaper(), Ok(Some(_))) && set_child_subreaper(Some(getpid())).is_ok()
    }

    pub(super) fn end() {
        let _ = set_child_subreaper(None);
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn begin() -> bool {
        false
    }

    pub(super) fn end() {}
}
