//! Which application is to be placed next, and in which block.

use std::collections::BTreeMap;
use std::time::Instant;

use super::{Node, NodeState, Placement, Waiting};
use crate::AttemptId;

/// What one block has, seen by one application.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Room {
    /// Nodes that could ever be used.
    pub(super) usable: u32,
    /// Those among them that are free now.
    pub(super) free: u32,
}

/// The blocks that are kept, and for which application each, with its priority.
pub(super) type Kept = BTreeMap<u32, (AttemptId, i32)>;

impl Placement {
    /// The application to be placed next, by its place in the queue, and its block.
    pub(super) fn choose(&self, now: Instant, kept: &Kept, full: &[u32]) -> Option<(usize, u32)> {
        let equals = |one: &Waiting, other: &Waiting| one.priority == other.priority;
        let mut first = 0;
        for of_priority in self.waiting.chunk_by(equals) {
            if let Some((at, block)) = self.choose_of(of_priority, now, kept, full) {
                return Some((first + at, block));
            }
            first += of_priority.len();
        }
        None
    }

    /// The one to be placed next of those that have the same priority.
    fn choose_of(
        &self,
        all: &[Waiting],
        now: Instant,
        kept: &Kept,
        full: &[u32],
    ) -> Option<(usize, u32)> {
        let due = all.iter().enumerate();
        for (at, waiting) in due.filter(|(_, waiting)| waiting.passed >= self.may_pass) {
            if let Some(block) = self.block_for(waiting, now, kept, full) {
                return Some((at, block));
            }
        }
        let mut sizes: Vec<u32> = all.iter().map(|waiting| waiting.nodes).collect();
        sizes.sort_unstable();
        sizes.dedup();
        let most_free = self.most_free();
        for size in sizes.into_iter().rev().filter(|size| *size <= most_free) {
            // What needs as long as one that found nothing finds nothing either.
            let mut too_long = None;
            let of_size = all.iter().enumerate();
            for (at, waiting) in of_size.filter(|(_, waiting)| waiting.nodes == size) {
                let time = waiting.timeout.unwrap_or_default();
                if too_long.is_some_and(|too_long| time >= too_long) {
                    continue;
                }
                if let Some(block) = self.block_for(waiting, now, kept, full) {
                    return Some((at, block));
                }
                if waiting.kept.is_none() {
                    too_long = Some(time);
                }
            }
        }
        None
    }

    /// The block where an application can be placed now: the one it fits into most tightly.
    fn block_for(&self, waiting: &Waiting, now: Instant, kept: &Kept, full: &[u32]) -> Option<u32> {
        let rooms = self.rooms(waiting, now).into_iter();
        let fitting = rooms.filter(|(block, room)| {
            let is_kept = kept.get(block).is_some_and(|(attempt, priority)| {
                *attempt != waiting.attempt && *priority >= waiting.priority
            });
            room.free >= waiting.nodes && !is_kept && !full.contains(block)
        });
        let tightest = fitting.min_by_key(|(block, room)| (room.free, *block));
        tightest.map(|(block, _)| block)
    }

    /// Sees to it that each application that is due has a block kept for it, if one can hold it
    /// that is kept for no earlier one.
    pub(super) fn keep_blocks(&mut self, now: Instant) -> Kept {
        let mut all = Kept::new();
        for at in 0..self.waiting.len() {
            let waiting = self.waiting[at];
            if waiting.passed < self.may_pass {
                continue;
            }
            let mut rooms = self.rooms(&waiting, now);
            rooms.retain(|block, room| room.usable >= waiting.nodes && !all.contains_key(block));
            let before = waiting.kept.filter(|block| rooms.contains_key(block));
            let kept = before.or_else(|| {
                let most_free = rooms.iter().max_by_key(|(_, room)| room.free);
                most_free.map(|(block, _)| *block)
            });
            all.extend(kept.map(|block| (block, (waiting.attempt, waiting.priority))));
            self.waiting[at].kept = kept;
        }
        all
    }

    /// What each block has for an application.
    pub(super) fn rooms(&self, waiting: &Waiting, now: Instant) -> BTreeMap<u32, Room> {
        let mut rooms = BTreeMap::<u32, Room>::new();
        for node in self.nodes.values() {
            if self.can_use(node, waiting, now) {
                let room = rooms.entry(node.block).or_default();
                room.usable += 1;
                room.free += u32::from(node.state == NodeState::Free);
            }
        }
        rooms
    }

    /// Whether an application that starts now could run on a node to its end.
    pub(super) fn can_use(&self, node: &Node, waiting: &Waiting, now: Instant) -> bool {
        let end = now.checked_add(waiting.timeout.unwrap_or_default());
        let lasts = match (node.until, end) {
            (None, _) => true,
            (Some(until), Some(end)) => end <= until && now < until,
            (Some(_), None) => false,
        };
        lasts && node.state != NodeState::Unclean && !self.draining.contains(&node.block)
    }

    /// The most nodes that are free in one block.
    fn most_free(&self) -> u32 {
        let mut free = BTreeMap::<u32, u32>::new();
        for node in self.nodes.values() {
            if node.state == NodeState::Free {
                *free.entry(node.block).or_default() += 1;
            }
        }
        free.into_values().max().unwrap_or(0)
    }

    /// The blocks with as many applications as may be; those whose nodes are being swept count.
    pub(super) fn full_blocks(&self) -> Vec<u32> {
        let mut apps = BTreeMap::<u32, Vec<AttemptId>>::new();
        for node in self.nodes.values() {
            if let Some(attempt) = node.state.application() {
                let of_block = apps.entry(node.block).or_default();
                if !of_block.contains(&attempt) {
                    of_block.push(attempt);
                }
            }
        }
        apps.retain(|_, apps| apps.len() >= self.max_apps as usize);
        apps.into_keys().collect()
    }
}
