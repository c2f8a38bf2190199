//! What this machine has.

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

#[cfg(test)]
mod tests {
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
