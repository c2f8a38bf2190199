//! What the job was granted of the node that an agent is on, as its variables say.

use std::time::{Duration, SystemTime};

use crate::pool::{Machine, NodeGpus};

/// When the block's script began, in seconds since 1970; set by the script.
pub(super) const STARTED_VARIABLE: &str = "CHILTEPIN_BLOCK_STARTED";

/// What an agent knows of its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Granted {
    /// The name under which the batch system knows it, else the host name.
    pub(super) node: String,
    /// What tasks may use.
    pub(super) machine: Machine,
    /// How many GPUs the variables name, if any does.
    pub(super) gpus: Option<u32>,
    /// How long ago the block began.
    pub(super) age: Option<Duration>,
}

/// What there is without a batch system.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    pub(super) host: String,
    /// The cores that this process may use.
    pub(super) cores: u32,
    /// The machine's memory in bytes.
    pub(super) memory: u64,
    pub(super) now: SystemTime,
}

impl Granted {
    /// Reads the variables; none of those that make no sense counts.
    ///
    /// A machine has no more memory than it has, whatever a job was granted; it may be asked to
    /// run more than it has cores, as a test cluster is.
    pub(super) fn read(
        value: impl Fn(&str) -> Option<String>,
        gpus_per_node: Option<u32>,
        whole: &Whole,
    ) -> Self {
        let number = |name: &str| {
            let number = value(name)?.trim().parse::<u64>().ok();
            number.filter(|number| *number > 0)
        };
        let cores = number("SLURM_CPUS_ON_NODE")
            .or_else(|| number("NCPUS"))
            .and_then(|cores| u32::try_from(cores).ok())
            .unwrap_or(whole.cores);
        let mebibytes = number("SLURM_MEM_PER_NODE")
            .or_else(|| Some(number("SLURM_MEM_PER_CPU")?.saturating_mul(cores.into())));
        let memory = mebibytes.map_or(whole.memory, |mebibytes| mebibytes.saturating_mul(1 << 20));
        let age = number(STARTED_VARIABLE).and_then(|seconds| {
            let started = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
            // The clock of the node that ran the script may be ahead of this one.
            Some(whole.now.duration_since(started).unwrap_or_default())
        });
        let name = value("SLURMD_NODENAME").filter(|name| !name.is_empty());
        Self {
            node: name.unwrap_or_else(|| whole.host.clone()),
            machine: Machine {
                cores,
                memory: memory.min(whole.memory),
                gpus: NodeGpus::granted(&value, gpus_per_node),
            },
            gpus: NodeGpus::are_named(&value).then(|| {
                let named = NodeGpus::granted(&value, None).count();
                u32::try_from(named).unwrap_or(u32::MAX)
            }),
            age,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(text: &str) -> Granted {
        let value = |name: &str| {
            let found = text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            found.map(str::to_owned)
        };
        let whole = Whole {
            host: "host".to_owned(),
            cores: 2,
            memory: 8 << 30,
            now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_090),
        };
        Granted::read(value, None, &whole)
    }

    #[test]
    fn a_step_of_slurm_says_what_was_granted() {
        let granted = granted(include_str!("captured/srun_step.txt"));
        assert_eq!(granted.node, "n2");
        assert_eq!(granted.machine.cores, 4);
        assert_eq!(granted.machine.memory, 1000 << 20);
        assert_eq!(granted.machine.gpus.count(), 2);
        assert_eq!(granted.gpus, Some(2));
        assert_eq!(granted.age, Some(Duration::from_secs(90)));
    }

    #[test]
    fn other_jobs_say_less_and_a_machine_the_rest() {
        let pbs = granted("NCPUS=16");
        assert_eq!((pbs.machine.cores, pbs.machine.memory), (16, 8 << 30));
        assert_eq!((pbs.node.as_str(), pbs.age), ("host", None));
        assert_eq!(granted("").machine.cores, 2);
        assert_eq!(
            (granted("").gpus, granted("CUDA_VISIBLE_DEVICES=").gpus),
            (None, Some(0))
        );
        let per_cpu = granted("SLURM_CPUS_ON_NODE=4\nSLURM_MEM_PER_CPU=512");
        assert_eq!(per_cpu.machine.memory, 2 << 30);
    }

    #[test]
    fn what_makes_no_sense_does_not_count() {
        let odd = "SLURM_CPUS_ON_NODE=0\nNCPUS=many\nSLURM_MEM_PER_NODE=0\nSLURMD_NODENAME=\n\
                   CHILTEPIN_BLOCK_STARTED=99999999999999999999";
        assert_eq!(granted(odd), granted(""));
        let large =
            granted("SLURM_CPUS_ON_NODE=99999999999\nSLURM_MEM_PER_NODE=18446744073709551615");
        assert_eq!((large.machine.cores, large.machine.memory), (2, 8 << 30));
        // A clock that is behind that of the node which ran the script.
        let ahead = granted("CHILTEPIN_BLOCK_STARTED=1700000100");
        assert_eq!(ahead.age, Some(Duration::ZERO));
    }
}
