use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// How the blocks of an executor stand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BlocksStatus {
    /// The executor.
    pub executor: String,
    /// The batch system, as `Slurm`.
    pub provider: String,
    /// Calls that wait for room.
    pub waiting: u64,
    /// Why no block is asked for at the moment though there is work, or why none ever will be.
    pub trouble: Option<String>,
    /// The blocks, latest last; those that are over among them, up to some.
    pub blocks: Vec<BlockStatus>,
}

/// How a block stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BlockStatus {
    /// Its number within the executor.
    pub block: u32,
    /// The batch system's name for it, once it has one.
    pub job: Option<String>,
    /// What it is doing, in one word: `asked`, `pending`, `starting`, `running`, `draining`,
    /// `ending`, `over`.
    pub phase: String,
    /// How many nodes it was asked for with.
    #[serde(default)]
    pub size: u32,
    /// Why it is pending, or how it ended, in the batch system's own words where it has any.
    pub reason: Option<String>,
    /// When it was asked for.
    pub asked: SystemTime,
    /// How long it lasts from now, while it runs.
    pub left: Option<Duration>,
    /// The nodes that have joined.
    pub nodes: Vec<NodeStatus>,
}

/// How a node stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NodeStatus {
    /// Its number within the executor, which the offers of its room [tell](crate::blocks::NodeOffer).
    #[serde(default)]
    pub number: u32,
    /// The batch system's name for it.
    pub node: String,
    /// What it is doing, in one word: `ready`, `silent`, `draining`, `left`, `lost`.
    pub state: String,
    /// The calls that are there.
    pub calls: u32,
}

impl BlockStatus {
    /// A block of which nothing else is known.
    #[must_use]
    pub fn new(block: u32, phase: impl Into<String>, asked: SystemTime) -> Self {
        Self {
            block,
            job: None,
            phase: phase.into(),
            size: 0,
            reason: None,
            asked,
            left: None,
            nodes: Vec::new(),
        }
    }
}

impl NodeStatus {
    /// A node.
    #[must_use]
    pub fn new(node: impl Into<String>, state: impl Into<String>, calls: u32) -> Self {
        Self {
            number: 0,
            node: node.into(),
            state: state.into(),
            calls,
        }
    }
}
