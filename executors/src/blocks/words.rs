use super::block::{Block, BlockId};
use super::state::State;

impl State {
    /// As `block 2 of "compute" (Slurm job 123)`.
    pub(super) fn block_in_words(&self, id: BlockId) -> String {
        let job = self.blocks.get(&id).and_then(|block| block.job.as_ref());
        let name = &self.plan.name;
        match job {
            Some(job) => format!("block {id} of `{name}` ({} job {job})", self.plan.provider),
            None => format!("block {id} of `{name}`"),
        }
    }

    /// What to say of a block that runs and whose nodes do not call.
    pub(super) fn missing_in_words(&self, block: &Block, lines: Option<&str>) -> String {
        format!(
            "{} has been running for {} s, and none of its nodes has called: the address of this \
             process may be the wrong one for them (set `address` or `interface`), a firewall may \
             keep them from its port (set `port` to one that is open), or the run's folder may \
             not be on a file system that they share; {}",
            self.block_in_words(block.id),
            self.plan.patience.as_secs(),
            output_in_words(lines)
        )
    }

    /// What to say of a block some of whose nodes do not call.
    pub(super) fn partly_missing_in_words(&self, id: BlockId, joined: usize) -> String {
        let there: Vec<_> = self
            .nodes
            .values()
            .filter(|node| node.block == id)
            .map(|node| &*node.name)
            .collect();
        format!(
            "{joined} of the {} nodes of {} {} called ({}); it goes on without the others",
            self.plan.nodes,
            self.block_in_words(id),
            if joined == 1 { "has" } else { "have" },
            there.join(", ")
        )
    }

    /// What to say of a block that has ended unasked.
    pub(super) fn ended_in_words(&self, id: BlockId) -> String {
        let reason = self
            .blocks
            .get(&id)
            .and_then(|block| block.reason.as_deref());
        format!(
            "{} has ended: {}; another is asked for when it is needed",
            self.block_in_words(id),
            reason.unwrap_or("nobody can tell how")
        )
    }

    /// What to say of a block that has ended without being of use.
    pub(super) fn nothing_in_words(&self, block: &Block, lines: Option<&str>) -> String {
        let when = if block.first_join.is_some() {
            "ended as soon as its nodes had called"
        } else {
            "ended before any of its nodes had called"
        };
        format!(
            "{} {when}: {}; {}",
            self.block_in_words(block.id),
            block.reason.as_deref().unwrap_or("nobody can tell how"),
            output_in_words(lines)
        )
    }

    /// Why nothing is tried any more.
    pub(super) fn hopeless_in_words(&self) -> String {
        format!(
            "{} blocks of `{}` in a row came to nothing, and no more are asked for; the last: {}",
            super::failing::MOST_IN_A_ROW,
            self.plan.name,
            self.fruitless.reason().unwrap_or("nobody can tell why")
        )
    }
}

fn output_in_words(lines: Option<&str>) -> String {
    match lines.map(str::trim_end).filter(|lines| !lines.is_empty()) {
        Some(lines) => format!("the last lines of its output:\n{lines}"),
        None => "it has written nothing".to_owned(),
    }
}
