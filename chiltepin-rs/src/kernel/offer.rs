//! The room that executors have announced, and what of it is free.

use std::time::Instant;

use chiltepin_executors::{Capacity, Demand};

use super::ExecutorId;

/// A piece of room to which a task is bound: an offer at its place among the executor's offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) executor: ExecutorId,
    pub(super) place: u32,
    /// Tells whether the offer at that place is still the same.
    pub(super) serial: u32,
}

/// Room in one place: a process, a node.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub(super) number: u32,
    serial: u32,
    /// When it goes away, where that is known.
    pub(super) until: Option<Instant>,
    /// All of it but what abandoned attempts hold, which may never come back.
    pub(super) total: Capacity,
    pub(super) free: Capacity,
}

/// All offers, by executor and place.
#[derive(Debug, Default)]
pub(super) struct Offers {
    executors: Vec<Vec<Option<Offer>>>,
    last_serial: u32,
}

impl Offers {
    /// Adds an offer, in place of an earlier one of that number: what runs there counts no more.
    pub(super) fn add(
        &mut self,
        executor: ExecutorId,
        number: u32,
        capacity: Capacity,
        until: Option<Instant>,
    ) -> Room {
        let at = usize::from(executor.0);
        if at >= self.executors.len() {
            self.executors.resize_with(at + 1, Vec::new);
        }
        self.last_serial = self.last_serial.wrapping_add(1);
        let serial = self.last_serial;
        let offer = Some(Offer {
            number,
            serial,
            until,
            total: capacity,
            free: capacity,
        });
        let offers = &mut self.executors[at];
        let same =
            |other: &Option<Offer>| other.as_ref().is_some_and(|other| other.number == number);
        let place = offers
            .iter()
            .position(same)
            .or_else(|| offers.iter().position(Option::is_none));
        let place = match place {
            Some(place) => {
                offers[place] = offer;
                place
            }
            None => {
                offers.push(offer);
                offers.len() - 1
            }
        };
        Room {
            executor,
            place: super::graph::place_after(place),
            serial,
        }
    }

    pub(super) fn withdraw(&mut self, executor: ExecutorId, number: u32) {
        let Some(offers) = self.executors.get_mut(usize::from(executor.0)) else {
            return;
        };
        for offer in offers.iter_mut() {
            if offer.as_ref().is_some_and(|offer| offer.number == number) {
                *offer = None;
            }
        }
        while offers.last().is_some_and(Option::is_none) {
            offers.pop();
        }
    }

    /// Withdraws whatever an executor has offered.
    pub(super) fn withdraw_all(&mut self, executor: ExecutorId) {
        if let Some(offers) = self.executors.get_mut(usize::from(executor.0)) {
            offers.clear();
        }
    }

    pub(super) fn get(&self, room: Room) -> Option<&Offer> {
        self.executors
            .get(usize::from(room.executor.0))?
            .get(room.place as usize)?
            .as_ref()
            .filter(|offer| offer.serial == room.serial)
    }

    /// The number under which its executor made the offer of this room.
    pub(super) fn number(&self, room: Room) -> u32 {
        let offer = self.get(room);
        debug_assert!(offer.is_some(), "a task is bound to room that is gone");
        offer.map_or(0, |offer| offer.number)
    }

    /// Takes a demand out of an offer; false where it does not fit or the offer is gone.
    pub(super) fn take(&mut self, room: Room, demand: &Demand) -> bool {
        self.get_mut(room)
            .is_some_and(|offer| offer.free.take(demand))
    }

    /// Gives back what was taken; true if the offer is still there.
    pub(super) fn give(&mut self, room: Room, demand: &Demand) -> bool {
        let offer = self.get_mut(room);
        let is_there = offer.is_some();
        if let Some(offer) = offer {
            offer.free.give(demand);
        }
        is_there
    }

    /// Counts no longer on what was taken by an attempt that cannot be stopped.
    pub(super) fn lose(&mut self, room: Room, demand: &Demand) {
        if let Some(offer) = self.get_mut(room) {
            let taken = offer.total.take(demand);
            debug_assert!(taken, "an attempt held more than was offered");
        }
    }

    /// Counts on it again.
    pub(super) fn recover(&mut self, room: Room, demand: &Demand) {
        if let Some(offer) = self.get_mut(room) {
            offer.total.give(demand);
        }
    }

    /// The offers of one executor, in their order.
    pub(super) fn of(&self, executor: ExecutorId) -> impl Iterator<Item = (Room, &Offer)> {
        let offers = self
            .executors
            .get(usize::from(executor.0))
            .map_or(&[][..], Vec::as_slice);
        offers.iter().zip(0..).filter_map(move |(offer, place)| {
            let offer = offer.as_ref()?;
            Some((
                Room {
                    executor,
                    place,
                    serial: offer.serial,
                },
                offer,
            ))
        })
    }

    fn get_mut(&mut self, room: Room) -> Option<&mut Offer> {
        self.executors
            .get_mut(usize::from(room.executor.0))?
            .get_mut(room.place as usize)?
            .as_mut()
            .filter(|offer| offer.serial == room.serial)
    }

    /// Every offer.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (Room, &Offer)> {
        (0..64).flat_map(|executor| self.of(ExecutorId(executor)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXECUTOR: ExecutorId = ExecutorId(3);

    fn cores(cores: u32) -> Capacity {
        Capacity {
            async_bodies: 0,
            cores,
            memory: 0,
            gpus: 0,
        }
    }

    fn demand(cores: u32) -> Demand {
        Demand {
            async_bodies: 0,
            cores,
            memory: 0,
            gpus: 0,
        }
    }

    #[test]
    fn room_of_an_offer_that_is_gone_is_forgotten() {
        let mut offers = Offers::default();
        let first = offers.add(EXECUTOR, 0, cores(4), None);
        assert!(offers.take(first, &demand(3)));
        assert!(!offers.take(first, &demand(2)));
        offers.withdraw(EXECUTOR, 0);
        let second = offers.add(EXECUTOR, 0, cores(4), None);
        assert_eq!(first.place, second.place);
        assert!(!offers.give(first, &demand(3)));
        assert_eq!(offers.get(second).unwrap().free, cores(4));
    }

    #[test]
    fn an_offer_made_again_takes_the_place_of_the_first() {
        let mut offers = Offers::default();
        let first = offers.add(EXECUTOR, 7, cores(4), None);
        let second = offers.add(EXECUTOR, 7, cores(2), None);
        assert!(offers.get(first).is_none());
        assert_eq!(
            offers
                .of(EXECUTOR)
                .map(|(room, _)| room)
                .collect::<Vec<_>>(),
            [second]
        );
    }

    #[test]
    fn places_are_used_again() {
        let mut offers = Offers::default();
        for number in 0..100 {
            offers.add(EXECUTOR, number, cores(1), None);
            offers.add(EXECUTOR, 1000, cores(1), None);
            offers.withdraw(EXECUTOR, number);
        }
        assert!(offers.executors[3].len() <= 2);
        offers.withdraw(EXECUTOR, 1000);
        assert!(offers.executors[3].is_empty());
    }
}
