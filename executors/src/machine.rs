//! What this machine has, and lets a process have.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The memory of this machine in bytes.
#[must_use]
pub fn machine_memory() -> u64 {
    let system = rustix::system::sysinfo();
    // Both numbers are unsigned words, of different widths on different machines.
    #[expect(
        clippy::useless_conversion,
        reason = "the width differs between architectures"
    )]
    let total = u64::from(system.totalram);
    total.saturating_mul(u64::from(system.mem_unit))
}

/// Lets this process have as many files open as the system allows it to: whoever has a connection
/// to each node or worker needs more than the few that are usual.
///
/// Gives the number there was and the one there is; none where there is no limit.
///
/// # Errors
/// The system refuses it.
pub fn raise_open_files() -> io::Result<(Option<u64>, Option<u64>)> {
    let limit = getrlimit(Resource::Nofile);
    let Rlimit { current, maximum } = limit;
    if current == maximum {
        return Ok((current, current));
    }
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, raised)?;
    Ok((current, maximum))
}

#[cfg(test)]
mod tests {
    #[test]
    fn as_many_files_may_be_open_as_the_system_allows() {
        let (_, now) = super::raise_open_files().unwrap();
        assert_eq!(super::raise_open_files().unwrap(), (now, now));
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
        let line = limits
            .lines()
            .find(|line| line.starts_with("Max open files"));
        let fields: Vec<_> = line.unwrap().split_whitespace().collect();
        assert_eq!(fields[3], fields[4], "{fields:?}");
        let shown = now.map_or_else(|| "unlimited".to_owned(), |now| now.to_string());
        assert_eq!(fields[3], shown);
    }

    #[test]
    fn the_memory_is_what_the_kernel_says() {
        let text = std::fs::read_to_string("/proc/meminfo").unwrap();
        let total = text
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:"))
            .unwrap();
        let kilobytes: u64 = total.trim().trim_end_matches(" kB").parse().unwrap();
        assert_eq!(super::machine_memory() / 1024, kilobytes);
    }
}
