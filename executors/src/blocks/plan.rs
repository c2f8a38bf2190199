use std::time::Duration;

use super::offers::FRESH;

/// What the state of an executor's blocks goes by.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// The executor's name.
    pub(super) name: String,
    /// The batch system's name in messages, as `Slurm`.
    pub(super) provider: String,
    /// Nodes of a block.
    pub(super) nodes: u32,
    /// Blocks asked for at the start.
    pub(super) init: u32,
    /// Blocks kept even when idle.
    pub(super) min: u32,
    /// The most blocks at once.
    pub(super) max: u32,
    /// Blocks per waiting work that would fill one, between 0 and 1.
    pub(super) parallelism: f64,
    /// How long a block may be idle.
    pub(super) max_idletime: Duration,
    /// How often the batch system is asked about blocks that wait.
    pub(super) poll_interval: Duration,
    /// How long a block lasts.
    pub(super) walltime: Duration,
    /// How long before its end a block is sent nothing any more.
    pub(super) margin: Duration,
    /// How long after its begin the nodes of a block should have called.
    pub(super) patience: Duration,
    /// What a node has, as far as the settings say.
    pub(super) room: NodeRoom,
    /// The most MPI applications at once in a block; none where the executor runs no MPI.
    pub(super) max_apps: Option<u32>,
}

/// What a node has, as far as that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NodeRoom {
    pub(super) async_bodies: Option<u32>,
    pub(super) cores: Option<u32>,
    pub(super) memory: Option<u64>,
    pub(super) gpus: Option<u32>,
}

/// The longest time before its end in which a block is sent nothing, if its tasks end at once when
/// they are told to.
const LONGEST_MARGIN: Duration = Duration::from_secs(30);

/// What an agent needs beside the time that its tasks are given to end.
const AGENT_ENDS_WITHIN: Duration = Duration::from_secs(5);

impl Plan {
    /// How long before its end a block is sent nothing any more: time to end what runs, and never
    /// much of a short block.
    pub(super) fn margin(walltime: Duration, kill_grace: Duration) -> Duration {
        let enough = kill_grace.saturating_add(AGENT_ENDS_WITHIN);
        (walltime / 10).min(enough.max(LONGEST_MARGIN))
    }

    /// The longest timeout that a call may have which is to run here. As much as at the end is left
    /// out at the begin, since nodes do not join the moment a block begins, nor are calls bound to
    /// them the moment they join.
    pub(super) fn longest_timeout(&self) -> Duration {
        let begin = self.margin.max(FRESH);
        self.walltime.saturating_sub(begin + self.margin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_margin_is_a_small_part_of_a_block_and_enough_for_tasks_to_end() {
        let seconds = Duration::from_secs;
        let minute = seconds(60);
        assert_eq!(Plan::margin(minute, seconds(10)), seconds(6));
        assert_eq!(Plan::margin(minute * 10, seconds(10)), seconds(30));
        assert_eq!(Plan::margin(minute * 60, seconds(40)), seconds(45));
        assert_eq!(Plan::margin(minute * 60, Duration::MAX), minute * 6);
    }
}
