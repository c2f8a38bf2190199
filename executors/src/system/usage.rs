use std::fs::File;
use std::io::{self, Read as _};
use std::mem::MaybeUninit;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

/// The processor time that this thread has taken so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ThreadUsage {
    /// In the program.
    pub(crate) user: Duration,
    /// In the system on its behalf.
    pub(crate) system: Duration,
}

impl ThreadUsage {
    /// Asks the system.
    pub(crate) fn now() -> Self {
        let mut usage = MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: the pointer is to memory of the right size and type, which the call fills in.
        let failed = unsafe { libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()) } != 0;
        if failed {
            return Self::default();
        }
        // SAFETY: zeroed at first, so it is initialised whatever the call wrote.
        let usage = unsafe { usage.assume_init() };
        Self {
            user: duration(usage.ru_utime),
            system: duration(usage.ru_stime),
        }
    }

    /// Adds what was taken elsewhere, or later.
    pub(crate) fn add(&mut self, more: Self) {
        self.user += more.user;
        self.system += more.system;
    }

    /// What was taken since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
        }
    }
}

fn duration(time: libc::timeval) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let micros = u64::try_from(time.tv_usec).unwrap_or_default();
    Duration::from_secs(seconds) + Duration::from_micros(micros)
}

/// The most memory that this process has held at once since it last asked, in bytes.
pub(crate) fn peak_memory() -> Option<u64> {
    let mut status = String::new();
    File::open("/proc/self/status")
        .and_then(|mut file| file.read_to_string(&mut status))
        .ok()?;
    let peak = peak_of(&status);
    // 5 resets the peak to what is held now; see proc_pid_clear_refs(5).
    let _ = reset_peak();
    peak
}

fn reset_peak() -> io::Result<()> {
    let file = File::options().write(true).open("/proc/self/clear_refs")?;
    file.write_all_at(b"5", 0)
}

/// The peak that a `/proc/PID/status` tells, in bytes; see proc_pid_status(5).
fn peak_of(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_read_from_the_status() {
        assert_eq!(
            peak_of("Name:\tx\nVmHWM:\t    2048 kB\n"),
            Some(2048 * 1024)
        );
        assert_eq!(peak_of("Name:\tx\n"), None);
        assert_eq!(peak_of("VmHWM:\t many kB\n"), None);
    }

    #[test]
    fn memory_that_is_held_raises_the_peak() {
        let before = peak_memory().unwrap();
        let held = vec![1_u8; 64 << 20];
        assert!(std::hint::black_box(&held).contains(&1));
        assert!(peak_memory().unwrap() >= before.min(32 << 20));
        assert!(peak_memory().unwrap() > 32 << 20);
    }

    #[test]
    fn a_busy_thread_takes_processor_time() {
        let before = ThreadUsage::now();
        let begun = std::time::Instant::now();
        while begun.elapsed() < Duration::from_millis(30) {
            std::hint::spin_loop();
        }
        let taken = ThreadUsage::now().since(before);
        assert!(taken.user + taken.system > Duration::from_millis(1));
    }
}
