use std::fmt;
use std::time::Duration;

use chiltepin_executors::{BlockStatus, BlocksStatus};
use serde::{Deserialize, Serialize};

/// How a workflow stands at one moment; [`Workflow::status`](crate::Workflow::status) gives it.
///
/// Printed it is a table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorkflowStatus {
    /// How many tasks stand where.
    pub tasks: TaskCounts,
    /// The configured executors, in order of their configuration.
    pub executors: Vec<ExecutorStatus>,
}

/// How many tasks of a workflow stand where, joins among them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TaskCounts {
    /// Those that wait for other tasks.
    pub waiting: u64,
    /// Those whose result is looked for in the cache, or is being kept there.
    pub caching: u64,
    /// Those that could run and wait for room.
    pub ready: u64,
    /// Those that could run and wait because as many tasks with one of their labels run as may.
    pub limited: u64,
    /// Those that are tried again after a pause.
    pub delayed: u64,
    /// Those that run.
    pub running: u64,
    /// Those that were told to stop and have not yet.
    pub stopping: u64,
    /// Those that have ended with a value.
    pub succeeded: u64,
    /// Those whose value was taken from the cache.
    pub cached: u64,
    /// Those whose result was looked for in the cache and was not there.
    pub uncached: u64,
    /// Those that have ended with an error, were cancelled, or were not run.
    pub failed: u64,
}

/// How an executor of a workflow stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExecutorStatus {
    /// Its name in the configuration.
    pub name: String,
    /// The tasks that run there.
    pub running: u64,
    /// Why it can run nothing, if it cannot.
    pub unavailable: Option<String>,
    /// Its blocks, if it runs on blocks of nodes.
    pub blocks: Option<BlocksStatus>,
}

impl fmt::Display for WorkflowStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "tasks: {}", self.tasks)?;
        let names = self.executors.iter().map(|executor| executor.name.len());
        let width = names.max().unwrap_or(0);
        for executor in &self.executors {
            let ExecutorStatus {
                name,
                running,
                unavailable,
                blocks,
            } = executor;
            write!(formatter, "\n{name:width$}  {running} running")?;
            if let Some(reason) = unavailable {
                write!(formatter, "; can run nothing: {reason}")?;
            }
            if let Some(blocks) = blocks {
                write_blocks(formatter, blocks)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for TaskCounts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.waiting, "waiting"),
            (self.caching, "looked for or kept in the cache"),
            (self.ready, "ready"),
            (self.limited, "limited"),
            (self.delayed, "delayed"),
            (self.running, "running"),
            (self.stopping, "stopping"),
            (self.succeeded, "succeeded"),
            (self.cached, "of them from the cache"),
            (self.uncached, "were not in the cache"),
            (self.failed, "failed"),
        ];
        let mut separator = "";
        for (count, stand) in counts.into_iter().filter(|(count, _)| *count > 0) {
            write!(formatter, "{separator}{count} {stand}")?;
            separator = ", ";
        }
        if separator.is_empty() {
            formatter.write_str("none")?;
        }
        Ok(())
    }
}

/// An executor's blocks, to stand behind its name.
#[cfg(feature = "cli")]
pub(crate) struct BlocksTable<'a>(pub(crate) &'a BlocksStatus);

#[cfg(feature = "cli")]
impl fmt::Display for BlocksTable<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_blocks(formatter, self.0)
    }
}

fn write_blocks(formatter: &mut fmt::Formatter<'_>, blocks: &BlocksStatus) -> fmt::Result {
    write!(
        formatter,
        ", {} waiting for {}",
        blocks.waiting, blocks.provider
    )?;
    if let Some(trouble) = &blocks.trouble {
        write!(formatter, "\n  no blocks are asked for: {trouble}")?;
    }
    if blocks.blocks.is_empty() {
        return Ok(());
    }
    let titles = ["block", "job", "state", "left", "nodes", "calls", "reason"];
    let mut rows = vec![titles.map(ToOwned::to_owned)];
    rows.extend(blocks.blocks.iter().map(cells));
    let widths: [usize; 7] = std::array::from_fn(|column| {
        let lengths = rows.iter().map(|row| row[column].chars().count());
        lengths.max().unwrap_or(0)
    });
    for row in &rows {
        let mut line = String::from("\n");
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            // Numbers stand on the right.
            line += &match column {
                0 | 3 | 5 => format!("  {cell:>width$}"),
                _ => format!("  {cell:width$}"),
            };
        }
        formatter.write_str(line.trim_end_matches(' '))?;
    }
    Ok(())
}

fn cells(block: &BlockStatus) -> [String; 7] {
    [
        block.block.to_string(),
        block.job.clone().unwrap_or_default(),
        block.phase.clone(),
        block.left.map(clock).unwrap_or_default(),
        nodes(block),
        block
            .nodes
            .iter()
            .map(|node| u64::from(node.calls))
            .sum::<u64>()
            .to_string(),
        block.reason.clone().unwrap_or_default(),
    ]
}

/// How many nodes are ready, and which are not.
fn nodes(block: &BlockStatus) -> String {
    let (ready, others): (Vec<_>, Vec<_>) =
        block.nodes.iter().partition(|node| node.state == "ready");
    let mut words = Vec::new();
    if !ready.is_empty() {
        words.push(format!("{} ready", ready.len()));
    }
    words.extend(
        others
            .iter()
            .map(|node| format!("{} {}", node.node, node.state)),
    );
    words.join(", ")
}

/// Hours, minutes and seconds.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours}:{minutes:02}:{:02}", seconds % 60)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use chiltepin_executors::NodeStatus;

    use super::*;

    fn blocks() -> BlocksStatus {
        let block = |number, phase: &str, job: &str, reason: &str| {
            let mut block = BlockStatus::new(number, phase, SystemTime::UNIX_EPOCH);
            block.job = Some(job.to_owned());
            block.reason = Some(reason.to_owned()).filter(|reason| !reason.is_empty());
            block
        };
        let mut running = block(10, "running", "4711", "");
        running.left = Some(Duration::from_millis(5_025_001));
        running.nodes = vec![
            NodeStatus::new("cn01", "ready", 8),
            NodeStatus::new("cn02", "ready", 3),
            NodeStatus::new("cn03", "silent", 8),
        ];
        let mut blocks = BlocksStatus::default();
        blocks.executor = "compute".to_owned();
        blocks.provider = "Slurm".to_owned();
        blocks.waiting = 120;
        blocks.trouble = Some("`sbatch` was refused; next try in 30 s".to_owned());
        blocks.blocks = vec![
            block(9, "over", "4709", "TIMEOUT"),
            running,
            block(11, "pending", "4712", "Resources"),
            BlockStatus::new(12, "asked", SystemTime::UNIX_EPOCH),
        ];
        blocks
    }

    #[test]
    fn a_status_is_printed_as_a_table() {
        let executor = |name: &str| ExecutorStatus {
            name: name.to_owned(),
            ..ExecutorStatus::default()
        };
        let status = WorkflowStatus {
            tasks: TaskCounts {
                waiting: 3,
                ready: 120,
                running: 21,
                succeeded: 4000,
                failed: 1,
                ..TaskCounts::default()
            },
            executors: vec![
                ExecutorStatus {
                    running: 2,
                    ..executor("local")
                },
                ExecutorStatus {
                    running: 19,
                    blocks: Some(blocks()),
                    ..executor("compute")
                },
                ExecutorStatus {
                    unavailable: Some("no `qsub` on this machine".to_owned()),
                    ..executor("pbs")
                },
            ],
        };
        insta::assert_snapshot!(status, @r"
        tasks: 3 waiting, 120 ready, 21 running, 4000 succeeded, 1 failed
        local    2 running
        compute  19 running, 120 waiting for Slurm
          no blocks are asked for: `sbatch` was refused; next try in 30 s
          block  job   state       left  nodes                 calls  reason
              9  4709  over                                        0  TIMEOUT
             10  4711  running  1:23:45  2 ready, cn03 silent     19
             11  4712  pending                                     0  Resources
             12        asked                                       0
        pbs      0 running; can run nothing: no `qsub` on this machine
        ");
        insta::assert_snapshot!(WorkflowStatus::default(), @"tasks: none");
    }
}
