//! The ready tasks of one shape, in the order in which they are to run.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// A task's turn: the smaller one goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    pub(super) priority: Reverse<i32>,
    /// No two tasks in a queue share it, so it also tells whether the task at `index` is meant.
    pub(super) order: u64,
    pub(super) index: u32,
}

const _: () = assert!(size_of::<Turn>() == 16);

/// Turns whose tasks have ended are swept out when there are at least this many, and as many as
/// live ones: often enough to keep nothing behind, seldom enough to cost a few steps each.
pub(super) const SWEEP: usize = 32;

/// A queue of turns: what comes in order goes to a ring, the exceptions to a heap.
///
/// With one priority only repeated attempts are exceptions, so a turn costs a push and a pop.
/// The first turn is always that of a task that still waits; others may be stale.
#[derive(Debug, Default)]
pub(super) struct ReadyQueue {
    ring: VecDeque<Turn>,
    heap: BinaryHeap<Reverse<Turn>>,
    live: usize,
}

impl ReadyQueue {
    /// Tasks that wait.
    pub(super) const fn len(&self) -> usize {
        self.live
    }

    pub(super) fn first(&self) -> Option<Turn> {
        match (self.ring.front(), self.heap.peek()) {
            (Some(ring), Some(Reverse(heap))) => Some(*ring.min(heap)),
            (Some(turn), None) | (None, Some(Reverse(turn))) => Some(*turn),
            (None, None) => None,
        }
    }

    pub(super) fn push(&mut self, turn: Turn) {
        self.live += 1;
        if self.ring.back().is_none_or(|back| *back < turn) {
            self.ring.push_back(turn);
        } else {
            self.heap.push(Reverse(turn));
        }
    }

    /// Takes the first turn out; `is_queued` tells whether the task of a turn still waits.
    pub(super) fn pop(&mut self, is_queued: impl Fn(Turn) -> bool) -> Option<Turn> {
        let turn = self.pop_any()?;
        self.live -= 1;
        self.tidy(is_queued);
        Some(turn)
    }

    /// Is told that the task of a turn other than through [`pop`](Self::pop) waits no longer.
    pub(super) fn leave(&mut self, is_queued: impl Fn(Turn) -> bool) {
        self.live -= 1;
        self.tidy(is_queued);
    }

    pub(super) fn clear(&mut self) {
        self.ring.clear();
        self.heap.clear();
        self.live = 0;
    }

    fn pop_any(&mut self) -> Option<Turn> {
        match (self.ring.front(), self.heap.peek()) {
            (ring, Some(Reverse(heap))) if ring.is_none_or(|ring| heap < ring) => {
                self.heap.pop().map(|turn| turn.0)
            }
            _ => self.ring.pop_front(),
        }
    }

    fn tidy(&mut self, is_queued: impl Fn(Turn) -> bool) {
        let stale = self.ring.len() + self.heap.len() - self.live;
        if stale == 0 {
            return;
        }
        if stale >= SWEEP && stale >= self.live {
            self.ring.retain(|turn| is_queued(*turn));
            self.heap.retain(|turn| is_queued(turn.0));
        }
        while self.first().is_some_and(|first| !is_queued(first)) {
            self.pop_any();
        }
    }

    /// All turns, stale ones too, in no order.
    #[cfg(test)]
    pub(super) fn turns(&self) -> impl Iterator<Item = Turn> {
        self.ring
            .iter()
            .copied()
            .chain(self.heap.iter().map(|turn| turn.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(priority: i32, order: u64) -> Turn {
        Turn {
            priority: Reverse(priority),
            order,
            index: 0,
        }
    }

    #[test]
    fn higher_priority_goes_first_then_the_earlier_one() {
        let mut queue = ReadyQueue::default();
        for (priority, order) in [(0, 5), (0, 6), (3, 7), (0, 2), (3, 8), (-1, 1)] {
            queue.push(turn(priority, order));
        }
        let orders: Vec<_> = std::iter::from_fn(|| queue.pop(|_| true))
            .map(|turn| turn.order)
            .collect();
        assert_eq!(orders, [7, 8, 2, 5, 6, 1]);
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn one_priority_in_order_never_touches_the_heap() {
        let mut queue = ReadyQueue::default();
        for order in 1..1000 {
            queue.push(turn(0, order));
        }
        assert!(queue.heap.is_empty());
    }

    #[test]
    fn the_first_turn_is_never_stale_and_few_stale_ones_are_kept() {
        let mut queue = ReadyQueue::default();
        let mut gone = std::collections::HashSet::new();
        for order in 0..1000 {
            queue.push(turn(if order % 3 == 0 { 1 } else { 0 }, order));
        }
        for order in (0..1000).filter(|order| order % 7 != 1) {
            gone.insert(order);
            queue.leave(|turn| !gone.contains(&turn.order));
            assert!(!gone.contains(&queue.first().unwrap().order));
            let stale = queue.ring.len() + queue.heap.len() - queue.len();
            assert!(
                stale < SWEEP.max(queue.len()),
                "{stale} stale turns beside {}",
                queue.len()
            );
        }
        let left: Vec<_> =
            std::iter::from_fn(|| queue.pop(|turn| !gone.contains(&turn.order))).collect();
        assert_eq!(left.len(), (0..1000).filter(|order| order % 7 == 1).count());
        assert_eq!(queue.turns().count(), 0);
    }
}
