//! Shapes: what placement needs to know of a task, kept once for all tasks that are alike in it.
//!
//! Tasks of one shape may run on the same executors, need the same and carry the same labels, so
//! where the first of them cannot be bound, none can. Placement therefore looks at the shapes that
//! wait and never at the tasks behind the first: what it costs grows with the number of different
//! demands, so demands that are computed, as memory from a file's size, are better rounded.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::time::Duration;

use chiltepin_executors::Demand;

use super::bound::Bounds;
use super::offer::Room;
use super::queue::ReadyQueue;
use super::{ExecutorId, ExecutorSet, LabelId};

/// A shape, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ShapeId(u32);

/// What makes tasks alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ShapeKey {
    pub(super) executors: ExecutorSet,
    pub(super) demand: Demand,
    /// Sorted, each once.
    pub(super) labels: Box<[LabelId]>,
    /// How long an attempt may take, where one of the executors has room that ends: there it
    /// decides where tasks can be bound, elsewhere it would only make shapes many.
    pub(super) timeout: Option<Duration>,
}

impl ShapeKey {
    pub(super) const fn may_run_on(&self, executor: ExecutorId) -> bool {
        executor.0 < 64 && self.executors.0 & (1 << executor.0) != 0
    }

    /// Whether it needs more than a place among the async bodies, which nobody else competes for.
    pub(super) const fn is_heavy(&self) -> bool {
        self.demand.cores > 0 || self.demand.memory > 0 || self.demand.gpus > 0
    }
}

/// How many tasks were bound to an offer past the first one of a shape.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passed {
    pub(super) room: Room,
    pub(super) count: u32,
}

#[derive(Debug)]
pub(super) struct Shape {
    pub(super) key: ShapeKey,
    pub(super) queue: ReadyQueue,
    /// Since one of its tasks was last bound, or none waited.
    pub(super) passed: Vec<Passed>,
    /// Those of its executors that may ever have room for it.
    pub(super) fitting: ExecutorSet,
    /// Whether placement has to look at it.
    pub(super) is_dirty: bool,
    /// Tasks that have not ended, or still hold room.
    users: u32,
    /// Whether it is in the list of shapes that may be unused.
    is_listed: bool,
    /// Its position in the list of shapes that wait.
    waiting_at: Option<u32>,
}

impl Shape {
    pub(super) fn passed_on(&self, room: Room) -> u32 {
        self.passed
            .iter()
            .find(|passed| passed.room == room)
            .map_or(0, |passed| passed.count)
    }

    pub(super) fn pass_on(&mut self, room: Room) {
        match self.passed.iter_mut().find(|passed| passed.room == room) {
            Some(passed) => passed.count += 1,
            None => self.passed.push(Passed { room, count: 1 }),
        }
    }

    #[cfg(test)]
    pub(super) const fn users(&self) -> u32 {
        self.users
    }

    #[cfg(test)]
    pub(super) const fn waiting_at(&self) -> Option<u32> {
        self.waiting_at
    }
}

/// So many shapes that no task has any more are kept for the next task of theirs.
pub(super) const KEPT: usize = 64;

/// All shapes.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    shapes: Vec<Option<Shape>>,
    free: Vec<ShapeId>,
    // Looked up, never walked through; hashed alike in every run.
    by_key: HashMap<ShapeKey, ShapeId, BuildHasherDefault<DefaultHasher>>,
    /// The shapes that no task has, and some that one has again.
    unused: Vec<ShapeId>,
    /// The last one asked for: the next task is often like the one before.
    last: Option<ShapeId>,
    waiting: Vec<ShapeId>,
}

impl Shapes {
    pub(super) fn get(&self, id: ShapeId) -> &Shape {
        match &self.shapes[id.0 as usize] {
            Some(shape) => shape,
            None => unreachable!("a shape in use is never given up"),
        }
    }

    pub(super) fn get_mut(&mut self, id: ShapeId) -> &mut Shape {
        match &mut self.shapes[id.0 as usize] {
            Some(shape) => shape,
            None => unreachable!("a shape in use is never given up"),
        }
    }

    /// Finds the shape of one more task.
    pub(super) fn find(&mut self, key: &ShapeKey) -> Option<ShapeId> {
        let is_last = |id: &ShapeId| {
            self.shapes[id.0 as usize]
                .as_ref()
                .is_some_and(|shape| shape.key == *key)
        };
        let id = match self.last.filter(is_last) {
            Some(id) => id,
            None => *self.by_key.get(key)?,
        };
        self.get_mut(id).users += 1;
        self.last = Some(id);
        Some(id)
    }

    /// Makes the shape of a first task.
    pub(super) fn add(&mut self, key: ShapeKey, fitting: ExecutorSet) -> ShapeId {
        let shape = Some(Shape {
            key: key.clone(),
            queue: ReadyQueue::default(),
            passed: Vec::new(),
            fitting,
            is_dirty: false,
            users: 1,
            is_listed: false,
            waiting_at: None,
        });
        let id = match self.free.pop() {
            Some(id) => {
                self.shapes[id.0 as usize] = shape;
                id
            }
            None => {
                self.shapes.push(shape);
                ShapeId(super::graph::place_after(self.shapes.len() - 1))
            }
        };
        self.by_key.insert(key, id);
        self.last = Some(id);
        id
    }

    /// Is told that a task of this shape is gone. Gives up the shapes that no task has when they
    /// are many, and tells each.
    pub(super) fn leave(&mut self, id: ShapeId, given_up: impl FnMut(ShapeId, &ShapeKey)) {
        let shape = self.get_mut(id);
        shape.users -= 1;
        if shape.users == 0 && !shape.is_listed {
            shape.is_listed = true;
            self.unused.push(id);
            if self.unused.len() > KEPT {
                self.sweep(given_up);
            }
        }
    }

    fn sweep(&mut self, mut given_up: impl FnMut(ShapeId, &ShapeKey)) {
        let Self {
            shapes,
            free,
            by_key,
            unused,
            ..
        } = self;
        unused.retain(|&id| {
            let place = &mut shapes[id.0 as usize];
            if let Some(shape) = place.take_if(|shape| shape.users == 0 && !shape.is_dirty) {
                by_key.remove(&shape.key);
                free.push(id);
                given_up(id, &shape.key);
            } else if let Some(shape) = place {
                shape.is_listed = shape.users == 0;
            }
            place.as_ref().is_some_and(|shape| shape.is_listed)
        });
    }

    /// Works out anew which executors may ever have room for each; tells whether some shape has
    /// none now.
    pub(super) fn fit(&mut self, bounds: &Bounds) -> bool {
        let mut some_nowhere = false;
        for shape in self.shapes.iter_mut().flatten() {
            shape.fitting = bounds.fitting(shape.key.executors, &shape.key.demand);
            some_nowhere |= shape.fitting.is_empty();
        }
        some_nowhere
    }

    /// The shapes of which a task waits, in no order.
    pub(super) fn waiting(&self) -> &[ShapeId] {
        &self.waiting
    }

    /// Is told that the first task of this shape waits.
    pub(super) fn begin_waiting(&mut self, id: ShapeId) {
        let at = super::graph::place_after(self.waiting.len());
        self.waiting.push(id);
        self.get_mut(id).waiting_at = Some(at);
    }

    /// Is told that no task of this shape waits any more.
    pub(super) fn end_waiting(&mut self, id: ShapeId) {
        let shape = self.get_mut(id);
        shape.passed.clear();
        if let Some(at) = shape.waiting_at.take() {
            self.waiting.swap_remove(at as usize);
            if let Some(&moved) = self.waiting.get(at as usize) {
                self.get_mut(moved).waiting_at = Some(at);
            }
        }
    }

    /// Every shape.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (ShapeId, &Shape)> {
        self.shapes
            .iter()
            .zip((0..).map(ShapeId))
            .filter_map(|(shape, id)| shape.as_ref().map(|shape| (id, shape)))
    }

    /// The shapes that may be unused.
    #[cfg(test)]
    pub(super) fn unused(&self) -> &[ShapeId] {
        &self.unused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(cores: u32) -> ShapeKey {
        let demand = Demand {
            async_bodies: 0,
            cores,
            memory: 0,
            gpus: 0,
        };
        ShapeKey {
            executors: ExecutorSet(1),
            demand,
            labels: Box::default(),
            timeout: None,
        }
    }

    fn add(shapes: &mut Shapes, cores: u32) -> ShapeId {
        shapes.add(key(cores), ExecutorSet(1))
    }

    #[test]
    fn like_tasks_share_a_shape() {
        let mut shapes = Shapes::default();
        let one = add(&mut shapes, 1);
        let two = add(&mut shapes, 2);
        assert_ne!(one, two);
        assert_eq!(shapes.find(&key(1)), Some(one));
        assert_eq!(shapes.find(&key(2)), Some(two));
        assert_eq!(shapes.find(&key(3)), None);
    }

    #[test]
    fn unused_shapes_are_given_up_when_they_are_many() {
        let mut shapes = Shapes::default();
        let kept = add(&mut shapes, 0);
        for cores in 1..1000 {
            let id = add(&mut shapes, cores);
            shapes.leave(id, |_, _| {});
        }
        assert!(shapes.shapes.len() <= KEPT + 2);
        assert!(shapes.by_key.len() <= KEPT + 2);
        assert_eq!(shapes.find(&key(0)), Some(kept));
        assert_eq!(shapes.get(kept).key, key(0));
    }

    #[test]
    fn a_shape_that_is_used_again_is_kept_until_it_is_not() {
        let mut shapes = Shapes::default();
        let again = add(&mut shapes, 0);
        shapes.leave(again, |_, _| {});
        assert_eq!(shapes.find(&key(0)), Some(again));
        let use_others = |shapes: &mut Shapes, given_up: &mut Vec<u32>| {
            for cores in 1..=KEPT as u32 + 1 {
                let id = shapes
                    .find(&key(cores))
                    .unwrap_or_else(|| add(shapes, cores));
                shapes.leave(id, |_, key| given_up.push(key.demand.cores));
            }
        };
        let mut given_up = Vec::new();
        use_others(&mut shapes, &mut given_up);
        assert!(!given_up.is_empty() && !given_up.contains(&0));
        assert!(!shapes.unused().contains(&again));
        shapes.leave(again, |_, _| {});
        use_others(&mut shapes, &mut given_up);
        assert!(given_up.contains(&0));
    }

    #[test]
    fn the_list_of_waiting_shapes_keeps_its_positions() {
        let mut shapes = Shapes::default();
        let ids: Vec<_> = (0..4).map(|cores| add(&mut shapes, cores)).collect();
        for id in &ids {
            shapes.begin_waiting(*id);
        }
        shapes.end_waiting(ids[1]);
        shapes.end_waiting(ids[3]);
        shapes.end_waiting(ids[0]);
        assert_eq!(shapes.waiting(), [ids[2]]);
        assert_eq!(shapes.get(ids[2]).waiting_at, Some(0));
    }
}
