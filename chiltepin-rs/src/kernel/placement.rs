//! Which ready task goes where.
//!
//! ```text
//!   enqueue, leave ─► shapes (a queue each) ─┐
//!   offered, give_back ──────► offers ───────┼─► next() ─► (turn, room), until nothing fits
//!                              limits ───────┘
//! ```
//!
//! Between events nothing that waits could be bound, so an event makes placement look only at
//! what it touched: *dirty* shapes, whose first task is new or whose label was given back, and
//! dirty offers, whose room grew or is kept for nobody any more. [`Placement::next`] takes the
//! best turn of all these until none can be bound.

use std::time::{Duration, Instant};

use chiltepin_executors::{Capacity, Demand};

use super::bound::Bounds;
use super::keeping::MAY_PASS;
use super::limit::Limits;
use super::offer::{Offer, Offers, Room};
use super::queue::Turn;
use super::shape::{Shape, ShapeId, ShapeKey, Shapes};
use super::{ExecutorId, ExecutorSet, LabelId};

#[derive(Debug)]
pub(super) struct Placement {
    pub(super) shapes: Shapes,
    pub(super) offers: Offers,
    pub(super) limits: Limits,
    /// `MAY_PASS`; the random tests allow less, to see room kept.
    pub(super) may_pass: u32,
    dirty_shapes: Vec<ShapeId>,
    pub(super) dirty_offers: Vec<Room>,
    pub(super) bounds: Bounds,
    /// The executors whose room may end at a known time.
    ends: ExecutorSet,
    /// The time of the event that is handled, where room may end.
    pub(super) now: Option<Instant>,
    /// When the first room that is kept for a task will end too early for it.
    pub(super) kept_until: Option<Instant>,
}

/// A task that can be bound, and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) turn: Turn,
    pub(super) shape: ShapeId,
    pub(super) room: Room,
}

impl Placement {
    pub(super) fn new(limits: Vec<u32>) -> Self {
        Self {
            shapes: Shapes::default(),
            offers: Offers::default(),
            limits: Limits::new(limits),
            may_pass: MAY_PASS,
            dirty_shapes: Vec::new(),
            dirty_offers: Vec::new(),
            bounds: Bounds::default(),
            ends: ExecutorSet::default(),
            now: None,
            kept_until: None,
        }
    }

    /// Is told of an executor that its room may end at a known time.
    pub(super) fn expect_ends(&mut self, executor: ExecutorId) {
        self.ends.insert(executor);
    }

    /// Whether any room may end, so that the time matters.
    pub(super) const fn has_ends(&self) -> bool {
        !self.ends.is_empty()
    }

    /// The shape of one more task; labels without a limit are left out.
    pub(super) fn enter(
        &mut self,
        executors: ExecutorSet,
        demand: Demand,
        mut labels: Vec<LabelId>,
        timeout: Option<Duration>,
    ) -> ShapeId {
        labels.retain(|label| self.limits.is_known(*label));
        labels.sort_unstable_by_key(|label| label.0);
        labels.dedup();
        let key = ShapeKey {
            executors,
            demand,
            labels: labels.into_boxed_slice(),
            timeout: timeout.filter(|_| executors.0 & self.ends.0 != 0),
        };
        if let Some(id) = self.shapes.find(&key) {
            return id;
        }
        let labels = key.labels.clone();
        let fitting = self.bounds.fitting(executors, &demand);
        let id = self.shapes.add(key, fitting);
        self.limits.add_shape(&labels, id);
        id
    }

    /// Is told that a task of this shape is gone, and holds nothing.
    pub(super) fn exit(&mut self, shape: ShapeId) {
        let limits = &mut self.limits;
        self.shapes
            .leave(shape, |id, key| limits.remove_shape(&key.labels, id));
    }

    /// Binds a task that has just become ready, where none of its shape waits and there is room:
    /// the short way past the queues, which gives what they would.
    pub(super) fn bind_at_once(&mut self, id: ShapeId, turn: Turn) -> Option<Room> {
        let is_settled = self.dirty_shapes.is_empty() && self.dirty_offers.is_empty();
        if !is_settled || self.shapes.get(id).queue.len() > 0 {
            return None;
        }
        let room = self.room_for(id, turn)?;
        self.take(Candidate {
            turn,
            shape: id,
            room,
        });
        Some(room)
    }

    /// Puts a task into the queue of its shape.
    pub(super) fn enqueue(&mut self, id: ShapeId, turn: Turn) {
        let shape = self.shapes.get_mut(id);
        let first = shape.queue.first();
        shape.queue.push(turn);
        if first.is_none() {
            self.shapes.begin_waiting(id);
        }
        if first.is_none_or(|first| turn < first) {
            self.touch(id);
        }
    }

    /// Is told that a queued task waits no longer, though it was not bound.
    pub(super) fn leave(&mut self, id: ShapeId, is_queued: impl Fn(Turn) -> bool) {
        let shape = self.shapes.get_mut(id);
        let first = shape.queue.first();
        shape.queue.leave(is_queued);
        let (is_empty, has_new_first) = (shape.queue.len() == 0, shape.queue.first() != first);
        if has_new_first {
            // Turns between the two may now be bound where room was kept for the first.
            self.touch_kept_room(id);
        }
        if is_empty {
            self.shapes.end_waiting(id);
        }
    }

    /// Empties all queues.
    pub(super) fn clear(&mut self) {
        while let Some(&id) = self.shapes.waiting().last() {
            self.shapes.get_mut(id).queue.clear();
            self.shapes.end_waiting(id);
        }
        for id in self.dirty_shapes.drain(..) {
            self.shapes.get_mut(id).is_dirty = false;
        }
        self.dirty_offers.clear();
    }

    /// Takes an offer in; a broken executor has none.
    pub(super) fn offered(
        &mut self,
        executor: ExecutorId,
        number: u32,
        capacity: Capacity,
        until: Option<Instant>,
    ) {
        if !self.bounds.is_broken(executor) {
            let room = self.offers.add(executor, number, capacity, until);
            self.dirty_offers.push(room);
        }
    }

    /// Is told what an executor will ever have room for; tells whether some task may fit nowhere
    /// now.
    pub(super) fn bounded(&mut self, executor: ExecutorId, largest: Option<Capacity>) -> bool {
        if self.bounds.is_broken(executor) {
            return false;
        }
        if largest.is_none() {
            self.offers.withdraw_all(executor);
        }
        self.bounds.set(executor, largest);
        self.shapes.fit(&self.bounds)
    }

    /// The most memory that one place of an executor has, as far as is known.
    pub(super) fn memory(&self, executor: ExecutorId) -> u64 {
        let bound = self.bounds.memory(executor);
        let offered = || self.offers.largest_memory(executor);
        bound.or_else(offered).unwrap_or(u64::MAX)
    }

    /// Whether no executor will ever have room for tasks of this shape.
    pub(super) fn fits_nowhere(&self, shape: ShapeId) -> bool {
        !self.bounds.is_unknown() && self.shapes.get(shape).fitting.is_empty()
    }

    pub(super) fn withdrawn(&mut self, executor: ExecutorId, number: u32) {
        self.offers.withdraw(executor, number);
    }

    /// Gives the room of an attempt that has ended to the next task of the same shape, where no
    /// other could have it: then nothing needs to be given back, compared and taken again.
    pub(super) fn hand_on(
        &mut self,
        id: ShapeId,
        room: Room,
        is_queued: impl Fn(Turn) -> bool,
    ) -> Option<Turn> {
        let is_alone = self.shapes.waiting() == [id]
            && self.dirty_shapes.is_empty()
            && self.dirty_offers.is_empty();
        if !is_alone {
            return None;
        }
        let shape = self.shapes.get_mut(id);
        if !shape.key.labels.is_empty() || !shape.passed.is_empty() {
            return None;
        }
        let offer = self.offers.get(room)?;
        if offer.is_overdrawn || !lasts(offer, &shape.key, self.now) {
            return None;
        }
        let turn = shape.queue.pop(is_queued)?;
        if shape.queue.len() == 0 {
            self.shapes.end_waiting(id);
        }
        Some(turn)
    }

    /// Gives back the room and the labels of an attempt that has ended.
    pub(super) fn give_back(&mut self, id: ShapeId, room: Room) {
        let key = &self.shapes.get(id).key;
        if self.offers.give(room, &key.demand) {
            self.dirty_offers.push(room);
        }
        for at in 0..key.labels.len() {
            let label = self.shapes.get(id).key.labels[at];
            if self.limits.give(label) {
                for at in 0..self.limits.shapes(label).len() {
                    let shape = self.limits.shapes(label)[at];
                    if self.shapes.get(shape).queue.len() > 0 {
                        self.touch(shape);
                    }
                }
            }
        }
    }

    /// Is told that an attempt cannot be stopped: no room is kept any more for a
    /// task that needs what it holds.
    pub(super) fn abandoned(&mut self, id: ShapeId, room: Room) {
        self.offers.lose(room, &self.shapes.get(id).key.demand);
        self.dirty_offers.push(room);
    }

    /// Gives back what an abandoned attempt held.
    pub(super) fn recovered(&mut self, id: ShapeId, room: Room) {
        self.offers.recover(room, &self.shapes.get(id).key.demand);
        self.give_back(id, room);
    }

    /// Where tasks of this shape may run.
    pub(super) fn executors(&self, shape: ShapeId) -> ExecutorSet {
        self.shapes.get(shape).fitting
    }

    /// The label that keeps tasks of this shape from running, if one does.
    pub(super) fn exhausted(&self, shape: ShapeId) -> Option<LabelId> {
        self.limits.exhausted(&self.shapes.get(shape).key.labels)
    }

    /// Binds the best of the tasks that can be bound; `is_queued` tells stale turns.
    pub(super) fn next(&mut self, is_queued: impl Fn(Turn) -> bool) -> Option<(Turn, Room)> {
        if self.shapes.waiting().is_empty() {
            self.dirty_offers.clear();
        }
        if self.is_settled() {
            return None;
        }
        let by_offer = self.best_of_dirty_offers();
        let by_shape = self.best_of_dirty_shapes();
        // On a tie both are the same task, which then stays where room was just made.
        let best = match (by_offer, by_shape) {
            (Some(by_offer), Some(by_shape)) if by_shape.turn < by_offer.turn => by_shape,
            (Some(best), _) | (None, Some(best)) => best,
            (None, None) => return None,
        };
        self.bind(best, is_queued);
        Some((best.turn, best.room))
    }

    /// Whether nothing is left to look at.
    pub(super) fn is_settled(&self) -> bool {
        self.dirty_shapes.is_empty() && self.dirty_offers.is_empty()
    }

    fn touch(&mut self, id: ShapeId) {
        let shape = self.shapes.get_mut(id);
        if !shape.is_dirty {
            shape.is_dirty = true;
            self.dirty_shapes.push(id);
        }
    }

    /// The best turn on any dirty offer; offers on which nothing can be bound are dirty no more.
    fn best_of_dirty_offers(&mut self) -> Option<Candidate> {
        let mut best: Option<Candidate> = None;
        let mut at = 0;
        while let Some(&room) = self.dirty_offers.get(at) {
            match self.best_on(room) {
                Some(candidate) => {
                    if best.is_none_or(|best| candidate.turn < best.turn) {
                        best = Some(candidate);
                    }
                    at += 1;
                }
                None => {
                    self.dirty_offers.swap_remove(at);
                }
            }
        }
        best
    }

    /// The best turn of any dirty shape; shapes that cannot be bound are dirty no more.
    fn best_of_dirty_shapes(&mut self) -> Option<Candidate> {
        loop {
            let turn_of = |id: &ShapeId| self.shapes.get(*id).queue.first();
            // Those without a turn come first, and are thrown out below.
            let (at, &id) = self
                .dirty_shapes
                .iter()
                .enumerate()
                .min_by_key(|(_, id)| turn_of(id))?;
            if let Some(turn) = turn_of(&id)
                && let Some(room) = self.room_for(id, turn)
            {
                return Some(Candidate {
                    turn,
                    shape: id,
                    room,
                });
            }
            self.dirty_shapes.swap_remove(at);
            self.shapes.get_mut(id).is_dirty = false;
        }
    }

    /// The best turn that can be bound to this offer.
    fn best_on(&self, room: Room) -> Option<Candidate> {
        let offer = self.offers.get(room)?;
        let mut best: Option<Candidate> = None;
        let mut best_light: Option<Candidate> = None;
        let mut kept_for: Option<Turn> = None;
        for (id, shape, turn) in self.contenders(room.executor) {
            if offer.free.fits(&shape.key.demand) && lasts(offer, &shape.key, self.now) {
                let candidate = Candidate {
                    turn,
                    shape: id,
                    room,
                };
                if best.is_none_or(|best| turn < best.turn) {
                    best = Some(candidate);
                }
                if !shape.key.is_heavy() && best_light.is_none_or(|best| turn < best.turn) {
                    best_light = Some(candidate);
                }
            } else if self.is_kept_for(room, offer, shape)
                && kept_for.is_none_or(|kept| turn < kept)
            {
                kept_for = Some(turn);
            }
        }
        match (best, kept_for) {
            (Some(best), Some(kept_for)) if kept_for < best.turn => best_light,
            _ => best,
        }
    }

    /// The first offer to which the first task of this shape can be bound.
    fn room_for(&self, id: ShapeId, turn: Turn) -> Option<Room> {
        let key = &self.shapes.get(id).key;
        if self.limits.exhausted(&key.labels).is_some() {
            return None;
        }
        let mut executors = key.executors.0;
        while executors != 0 {
            // Below 64, so it fits.
            let executor = ExecutorId(executors.trailing_zeros() as u8);
            executors &= executors - 1;
            for (room, offer) in self.offers.of(executor) {
                if offer.free.fits(&key.demand)
                    && lasts(offer, key, self.now)
                    && !self.is_kept_from(room, offer, key, turn)
                {
                    return Some(room);
                }
            }
        }
        None
    }

    /// The shapes that want room on this executor and lack no label, each with its first turn.
    pub(super) fn contenders(
        &self,
        executor: ExecutorId,
    ) -> impl Iterator<Item = (ShapeId, &Shape, Turn)> {
        self.shapes.waiting().iter().filter_map(move |&id| {
            let shape = self.shapes.get(id);
            let may_run = shape.key.may_run_on(executor)
                && self.limits.exhausted(&shape.key.labels).is_none();
            shape
                .queue
                .first()
                .filter(|_| may_run)
                .map(|turn| (id, shape, turn))
        })
    }

    fn bind(&mut self, candidate: Candidate, is_queued: impl Fn(Turn) -> bool) {
        self.release_kept_room(candidate.shape);
        let shape = self.shapes.get_mut(candidate.shape);
        let popped = shape.queue.pop(is_queued);
        debug_assert_eq!(
            popped,
            Some(candidate.turn),
            "a task was bound that is not the first of its shape"
        );
        if shape.queue.len() == 0 {
            self.shapes.end_waiting(candidate.shape);
        }
        self.take(candidate);
    }

    /// Takes the room and the labels of a task that is in no queue.
    fn take(&mut self, candidate: Candidate) {
        self.count_passed(candidate);
        let Candidate { shape, room, .. } = candidate;
        let key = &self.shapes.get(shape).key;
        let taken = self.offers.take(room, &key.demand);
        debug_assert!(taken, "a task was bound to room that it does not fit into");
        self.limits.take(&key.labels);
        for at in 0..key.labels.len() {
            let label = self.shapes.get(shape).key.labels[at];
            if self.limits.is_exhausted(label) {
                for at in 0..self.limits.shapes(label).len() {
                    self.touch_kept_room(self.limits.shapes(label)[at]);
                }
            }
        }
    }

    /// The tasks that could be bound now, which between events are none.
    #[cfg(test)]
    pub(super) fn bindable(&self) -> Option<(Turn, Room)> {
        self.shapes.waiting().iter().find_map(|&id| {
            let turn = self.shapes.get(id).queue.first()?;
            Some((turn, self.room_for(id, turn)?))
        })
    }
}

/// Whether an attempt that is bound to this offer now is over before the offer ends.
pub(super) fn lasts(offer: &Offer, key: &ShapeKey, now: Option<Instant>) -> bool {
    let (Some(until), Some(timeout), Some(now)) = (offer.until, key.timeout, now) else {
        return true;
    };
    now.checked_add(timeout).is_some_and(|end| end <= until)
}
