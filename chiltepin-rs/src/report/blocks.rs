//! From how blocks stand to what has changed.

use std::collections::BTreeMap;

use chiltepin_executors::{BlockStatus, BlocksStatus};

use super::event::{BlockChange, NodeStanding, Text, What};

/// How the blocks of a run stood when they were looked at last.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    known: BTreeMap<(String, u32), Standing>,
    /// What kept executors from asking for blocks.
    troubles: BTreeMap<String, String>,
}

/// What of a block's status counts as a change: not the time it has left, nor its calls.
#[derive(Debug, PartialEq, Eq)]
struct Standing {
    job: Option<String>,
    state: String,
    reason: Option<String>,
    size: u32,
    nodes: Vec<(u32, String, String)>,
}

impl Standing {
    fn of(block: &BlockStatus) -> Self {
        let nodes = block.nodes.iter();
        Self {
            job: block.job.clone(),
            state: block.phase.clone(),
            reason: block.reason.clone(),
            size: block.size,
            nodes: nodes
                .map(|node| (node.number, node.node.clone(), node.state.clone()))
                .collect(),
        }
    }

    fn change(&self, executor: &str, block: u32) -> BlockChange<Text> {
        let text = |words: &String| Text::new(words);
        BlockChange {
            executor: Text::new(executor),
            block,
            job: self.job.as_ref().map(text),
            state: text(&self.state),
            reason: self.reason.as_ref().map(text),
            size: self.size,
            nodes: self
                .nodes
                .iter()
                .map(|(number, name, state)| NodeStanding {
                    number: *number,
                    name: text(name),
                    state: text(state),
                })
                .collect(),
        }
    }
}

impl Blocks {
    /// What is other than it was.
    pub(super) fn changes(&mut self, executors: &[BlocksStatus]) -> Vec<What<Text>> {
        let mut changes = Vec::new();
        for executor in executors {
            if self.troubles.get(&executor.executor) != executor.trouble.as_ref() {
                changes.push(self.hindered(executor));
            }
            for block in &executor.blocks {
                let standing = Standing::of(block);
                let key = (executor.executor.clone(), block.block);
                if self.known.get(&key) != Some(&standing) {
                    let change = standing.change(&executor.executor, block.block);
                    changes.push(What::Block(Box::new(change)));
                    self.known.insert(key, standing);
                }
            }
        }
        changes
    }

    fn hindered(&mut self, executor: &BlocksStatus) -> What<Text> {
        let name = executor.executor.clone();
        match &executor.trouble {
            Some(trouble) => self.troubles.insert(name, trouble.clone()),
            None => self.troubles.remove(&name),
        };
        What::Hindered {
            executor: Text::new(&executor.executor),
            reason: executor.trouble.as_deref().map(Text::new),
        }
    }
}
