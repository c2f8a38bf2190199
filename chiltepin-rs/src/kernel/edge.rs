//! Who waits for whom: a list of dependents per task, all lists in one slab.

use chiltepin_executors::TaskId;

const NONE: u32 = u32::MAX;

/// One task's dependents, in the order in which they were submitted.
///
/// Circular, and known by its last edge, so that appending an edge or a whole list takes a few
/// steps while a task pays 4 bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dependents {
    last: u32,
}

impl Dependents {
    pub(super) const fn none() -> Self {
        Self { last: NONE }
    }
}

/// One dependent, or a free place. A dependent may have ended before what it waited for; its
/// number tells.
#[derive(Clone, Copy, Debug)]
struct Edge {
    number: u64,
    index: u32,
    next: u32,
}

const _: () = assert!(size_of::<Edge>() == 16);

/// The slab of edges.
#[derive(Debug)]
pub(super) struct Edges {
    edges: Vec<Edge>,
    free: u32,
}

impl Edges {
    pub(super) const fn new() -> Self {
        Self {
            edges: Vec::new(),
            free: NONE,
        }
    }

    /// Edges in use.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let place = |place: u32| (place != NONE).then_some(place);
        let free =
            std::iter::successors(place(self.free), |at| place(self.edges[*at as usize].next));
        self.edges.len() - free.count()
    }

    /// Adds a dependent to the end of a list.
    pub(super) fn append(&mut self, list: &mut Dependents, dependent: TaskId) {
        let place = self.allocate(dependent);
        let next = self
            .edges
            .get(list.last as usize)
            .map_or(place, |last| last.next);
        self.edges[place as usize].next = next;
        if list.last != NONE {
            self.edges[list.last as usize].next = place;
        }
        list.last = place;
    }

    /// Moves one list to the end of another.
    pub(super) fn join(&mut self, list: &mut Dependents, more: Dependents) {
        if more.last == NONE {
            return;
        }
        if list.last != NONE {
            let first = self.edges[list.last as usize].next;
            self.edges[list.last as usize].next = self.edges[more.last as usize].next;
            self.edges[more.last as usize].next = first;
        }
        list.last = more.last;
    }

    /// Takes the first dependent out of a list.
    pub(super) fn pop(&mut self, list: &mut Dependents) -> Option<TaskId> {
        if list.last == NONE {
            return None;
        }
        let place = self.edges[list.last as usize].next;
        let Edge {
            number,
            index,
            next,
        } = self.edges[place as usize];
        if place == list.last {
            list.last = NONE;
        } else {
            self.edges[list.last as usize].next = next;
        }
        self.edges[place as usize].next = self.free;
        self.free = place;
        Some(TaskId::new(number, index))
    }

    /// Forgets every list at once.
    pub(super) fn clear(&mut self) {
        self.edges.clear();
        self.free = NONE;
    }

    fn allocate(&mut self, dependent: TaskId) -> u32 {
        let edge = Edge {
            number: dependent.number(),
            index: dependent.index(),
            next: NONE,
        };
        if self.free == NONE {
            let place = super::graph::place_after(self.edges.len());
            self.edges.push(edge);
            place
        } else {
            let place = self.free;
            self.free = self.edges[place as usize].next;
            self.edges[place as usize] = edge;
            place
        }
    }

    /// The dependents of one list, first to last.
    #[cfg(test)]
    pub(super) fn iter(&self, list: &Dependents) -> impl Iterator<Item = TaskId> {
        let mut ids = Vec::new();
        if list.last != NONE {
            let mut place = list.last;
            loop {
                place = self.edges[place as usize].next;
                let edge = self.edges[place as usize];
                ids.push(TaskId::new(edge.number, edge.index));
                if place == list.last {
                    break;
                }
            }
        }
        ids.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: impl IntoIterator<Item = u64>) -> Vec<TaskId> {
        numbers
            .into_iter()
            .map(|number| TaskId::new(number, 0))
            .collect()
    }

    #[test]
    fn dependents_keep_their_order_when_lists_are_joined() {
        let mut edges = Edges::new();
        let mut first = Dependents::none();
        let mut second = Dependents::none();
        for number in 1..=3 {
            edges.append(&mut first, TaskId::new(number, 0));
            edges.append(&mut second, TaskId::new(number + 10, 0));
        }
        edges.join(&mut first, second);
        edges.join(&mut first, Dependents::none());
        let mut empty = Dependents::none();
        edges.join(&mut empty, first);
        assert_eq!(
            edges.iter(&empty).collect::<Vec<_>>(),
            ids([1, 2, 3, 11, 12, 13])
        );
        let popped: Vec<_> = std::iter::from_fn(|| edges.pop(&mut empty)).collect();
        assert_eq!(popped, ids([1, 2, 3, 11, 12, 13]));
        assert_eq!(edges.len(), 0);
    }

    #[test]
    fn places_are_used_again() {
        let mut edges = Edges::new();
        for number in 0..100 {
            let mut list = Dependents::none();
            edges.append(&mut list, TaskId::new(number, 0));
            edges.append(&mut list, TaskId::new(number, 1));
            while edges.pop(&mut list).is_some() {}
        }
        assert_eq!(edges.edges.len(), 2);
    }
}
