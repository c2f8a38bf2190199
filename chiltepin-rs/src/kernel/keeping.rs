//! Room that is kept for large tasks, lest small ones pass them without end.

use std::time::Instant;

use super::offer::{Offer, Room};
use super::placement::{Candidate, Placement, lasts};
use super::queue::Turn;
use super::shape::{Shape, ShapeId, ShapeKey};

/// So many tasks may be bound to an offer past one that does not fit there yet; from then on the
/// room is kept until it does. Enough to fill a node with small tasks while a large one waits for
/// others to finish, and a wait that stays short beside theirs.
pub(super) const MAY_PASS: u32 = 64;

impl Placement {
    /// Whether the room of this offer is kept for a task with an earlier turn.
    pub(super) fn is_kept_from(
        &self,
        room: Room,
        offer: &Offer,
        key: &ShapeKey,
        turn: Turn,
    ) -> bool {
        key.is_heavy()
            && self.contenders(room.executor).any(|(_, shape, first)| {
                first < turn
                    && !offer.free.fits(&shape.key.demand)
                    && self.is_kept_for(room, offer, shape)
            })
    }

    /// Whether as many tasks as may have passed this shape on this offer.
    pub(super) fn is_kept_for(&self, room: Room, offer: &Offer, shape: &Shape) -> bool {
        self.waits_for_room(offer, shape) && shape.passed_on(room) >= self.may_pass
    }

    /// Counts this binding for every earlier task that waits for room on the same offer.
    pub(super) fn count_passed(&mut self, candidate: Candidate) {
        let Candidate {
            turn,
            shape: id,
            room,
        } = candidate;
        if self.shapes.waiting().is_empty() || !self.shapes.get(id).key.is_heavy() {
            return;
        }
        let Some(offer) = self.offers.get(room) else {
            return;
        };
        for at in 0..self.shapes.waiting().len() {
            let other = self.shapes.waiting()[at];
            let shape = self.shapes.get(other);
            if shape.queue.first().is_some_and(|first| first < turn)
                && shape.key.may_run_on(room.executor)
                && self.waits_for_room(offer, shape)
                && self.limits.exhausted(&shape.key.labels).is_none()
            {
                let until = latest_begin(offer, shape);
                self.kept_until = [self.kept_until, until].into_iter().flatten().min();
                self.shapes.get_mut(other).pass_on(room);
            }
        }
    }

    /// Keeps no room for this shape any more: its next task was not passed yet.
    pub(super) fn release_kept_room(&mut self, id: ShapeId) {
        self.touch_kept_room(id);
        self.shapes.get_mut(id).passed.clear();
    }

    /// Looks again at the offers whose room was kept for this shape.
    pub(super) fn touch_kept_room(&mut self, id: ShapeId) {
        for passed in &self.shapes.get(id).passed {
            if passed.count >= self.may_pass {
                self.dirty_offers.push(passed.room);
            }
        }
    }

    /// Is told the time of the next event, where room may end. Room that would end too early by
    /// then for the task that it was kept for is kept no more.
    pub(super) fn set_now(&mut self, now: Instant) {
        self.now = Some(now);
        if self.kept_until.is_some_and(|until| until < now) {
            self.release_late_room(now);
        }
    }

    fn release_late_room(&mut self, now: Instant) {
        self.kept_until = None;
        for &id in self.shapes.waiting() {
            let shape = self.shapes.get(id);
            for passed in &shape.passed {
                let Some(offer) = self.offers.get(passed.room) else {
                    continue;
                };
                if !lasts(offer, &shape.key, Some(now)) {
                    self.dirty_offers.push(passed.room);
                } else if let Some(until) = latest_begin(offer, shape) {
                    self.kept_until = Some(self.kept_until.map_or(until, |kept| kept.min(until)));
                }
            }
        }
    }

    /// Whether this shape lacks room on this offer and would not if others gave theirs back.
    fn waits_for_room(&self, offer: &Offer, shape: &Shape) -> bool {
        let demand = &shape.key.demand;
        shape.key.is_heavy()
            && !offer.free.fits(demand)
            && offer.total.fits(demand)
            && lasts(offer, &shape.key, self.now)
    }
}

/// When tasks of this shape can be bound to this offer at the latest, if there is such a time.
fn latest_begin(offer: &Offer, shape: &Shape) -> Option<Instant> {
    offer.until?.checked_sub(shape.key.timeout?)
}
