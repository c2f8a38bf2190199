//! What is true of every placement at any time.

use std::collections::{BTreeMap, HashMap};

use super::*;

impl Placement {
    /// Fails where something cannot be.
    pub(super) fn check(&self) {
        let mut blocks = HashMap::<AttemptId, u32>::new();
        for node in self.nodes.values() {
            if let Some(attempt) = node.state.application() {
                let block = *blocks.entry(attempt).or_insert(node.block);
                assert_eq!(block, node.block, "{attempt} is in two blocks");
            }
        }
        let mut counts = BTreeMap::<u32, u32>::new();
        for (attempt, block) in &blocks {
            *counts.entry(*block).or_default() += 1;
            assert!(
                !self
                    .waiting
                    .iter()
                    .any(|waiting| waiting.attempt == *attempt),
                "{attempt} waits and runs"
            );
        }
        for (block, count) in counts {
            assert!(
                count <= self.max_apps,
                "block {block} has {count} applications"
            );
        }
        assert!(
            self.waiting
                .is_sorted_by_key(|waiting| std::cmp::Reverse(waiting.priority))
        );
        let mut kept: Vec<u32> = self.waiting.iter().filter_map(|one| one.kept).collect();
        kept.sort_unstable();
        let count = kept.len();
        kept.dedup();
        assert_eq!(kept.len(), count, "a block is kept for two");
        for waiting in &self.waiting {
            assert!(waiting.passed <= self.may_pass, "{waiting:?}");
            assert!(
                waiting.kept.is_none() || waiting.passed == self.may_pass,
                "{waiting:?}"
            );
        }
    }

    /// Fails where, after `next` gave nothing, something could have been placed.
    pub(super) fn check_settled(&self, now: Instant) {
        let full = self.full_blocks();
        for waiting in &self.waiting {
            for (block, room) in self.rooms(waiting, now) {
                let is_kept = self
                    .waiting
                    .iter()
                    .filter(|other| other.priority >= waiting.priority)
                    .any(|other| other.kept == Some(block) && other.attempt != waiting.attempt);
                assert!(
                    room.free < waiting.nodes || full.contains(&block) || is_kept,
                    "{waiting:?} fits into block {block}"
                );
            }
        }
    }
}
