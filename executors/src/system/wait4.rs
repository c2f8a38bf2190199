use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Pid;

/// How a child ended, and what it and all processes it waited for have used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reaped {
    pub(crate) status: ExitStatus,
    /// Processor time in the programs.
    pub(crate) user: Duration,
    /// Processor time in the system.
    pub(crate) system: Duration,
    /// The memory of the largest of them at its peak, in bytes. A process that was started by one
    /// that is larger than it ever was itself counts with that one's memory.
    pub(crate) peak_memory: u64,
}

/// Waits for a child to exit, and takes its status.
pub(crate) fn reap(child: Pid) -> io::Result<Reaped> {
    loop {
        if let Some(reaped) = wait(child, 0)? {
            return Ok(reaped);
        }
    }
}

/// Takes the status of a child that has exited; none if it still runs.
pub(crate) fn reap_if_exited(child: Pid) -> io::Result<Option<Reaped>> {
    wait(child, libc::WNOHANG)
}

fn wait(child: Pid, options: libc::c_int) -> io::Result<Option<Reaped>> {
    let mut status = 0;
    // SAFETY: all fields are numbers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to values of the right type that live through the call.
    let waited = unsafe {
        libc::wait4(
            child.as_raw_nonzero().get(),
            &raw mut status,
            options,
            &raw mut usage,
        )
    };
    match waited {
        0 => Ok(None),
        -1 => {
            let error = io::Error::last_os_error();
            if error.kind() == io::ErrorKind::Interrupted {
                // As if it still ran: who has to know waits again.
                return if options == 0 {
                    Ok(None)
                } else {
                    wait(child, options)
                };
            }
            Err(error)
        }
        _ => Ok(Some(Reaped {
            status: ExitStatus::from_raw(status),
            user: duration(usage.ru_utime),
            system: duration(usage.ru_stime),
            peak_memory: bytes(usage.ru_maxrss),
        })),
    }
}

fn duration(time: libc::timeval) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let microseconds = u32::try_from(time.tv_usec).unwrap_or_default();
    Duration::new(seconds, microseconds.saturating_mul(1_000))
}

/// The system counts in bytes on Apple's machines and in KiB elsewhere.
fn bytes(memory: libc::c_long) -> u64 {
    let unit = if cfg!(target_vendor = "apple") {
        1
    } else {
        1 << 10
    };
    u64::try_from(memory)
        .unwrap_or_default()
        .saturating_mul(unit)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_child_is_reaped_with_what_its_tree_has_used() {
        let script = "cat > /dev/null; (i=0; while ((i < 100000)); do ((i += 1)); done); exit 7";
        let mut command = Command::new("bash");
        let mut child = command
            .args(["-c", script])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let pid = Pid::from_child(&child);
        assert!(reap_if_exited(pid).unwrap().is_none(), "it still runs");
        drop(child.stdin.take());
        let reaped = reap(pid).unwrap();
        assert_eq!(reaped.status.code(), Some(7));
        assert!(
            reaped.user + reaped.system > Duration::from_millis(10),
            "{reaped:?}"
        );
        assert!(reaped.peak_memory > 1 << 20, "{reaped:?}");
        assert!(reap(pid).is_err(), "its status is taken once");
        assert!(child.wait().is_err());
    }
}
