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
    /// It was withdrawn, and is remembered for what still runs there.
    is_withdrawn: bool,
    announced: Capacity,
    /// What attempts hold that are not abandoned.
    held: Held,
    /// What abandoned attempts hold, which may never come back.
    lost: Held,
    /// All of it but what is lost.
    pub(super) total: Capacity,
    pub(super) free: Capacity,
    /// More is held than there is, since it was offered again with less.
    pub(super) is_overdrawn: bool,
}

/// Demands, added up.
type Held = Capacity;

const NOTHING: Held = Held {
    async_bodies: 0,
    cores: 0,
    memory: 0,
    gpus: 0,
};

impl Offer {
    /// Reckons anew what is left.
    fn settle(&mut self) {
        self.total = without(&self.announced, &self.lost);
        self.free = without(&self.total, &self.held);
        let Held {
            async_bodies,
            cores,
            memory,
            gpus,
        } = self.held;
        self.is_overdrawn = !self.total.fits(&Demand {
            async_bodies,
            cores,
            memory,
            gpus,
        });
    }

    fn is_unused(&self) -> bool {
        self.held == NOTHING && self.lost == NOTHING
    }
}

/// What is left of some room where so much of it is taken; nothing where that is more.
fn without(room: &Capacity, taken: &Held) -> Capacity {
    Capacity {
        async_bodies: room.async_bodies.saturating_sub(taken.async_bodies),
        cores: room.cores.saturating_sub(taken.cores),
        memory: room.memory.saturating_sub(taken.memory),
        gpus: room.gpus.saturating_sub(taken.gpus),
    }
}

fn of_demand(demand: &Demand) -> Held {
    Held {
        async_bodies: demand.async_bodies,
        cores: demand.cores,
        memory: demand.memory,
        gpus: demand.gpus,
    }
}

/// All offers, by executor and place.
#[derive(Debug, Default)]
pub(super) struct Offers {
    executors: Vec<Vec<Option<Offer>>>,
    last_serial: u32,
}

impl Offers {
    /// The memory of the largest of an executor's offers.
    pub(super) fn largest_memory(&self, executor: ExecutorId) -> Option<u64> {
        let offers = self.executors.get(usize::from(executor.0))?.iter();
        offers.flatten().map(|offer| offer.announced.memory).max()
    }

    /// Adds an offer, or says anew how much room that of this number is: what runs there is part of
    /// it, also where it was withdrawn meanwhile.
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
        let offers = &mut self.executors[at];
        let known = offers.iter_mut().zip(0..).find_map(|(offer, place)| {
            let offer = offer.as_mut().filter(|offer| offer.number == number)?;
            Some((offer, place))
        });
        if let Some((offer, place)) = known {
            offer.until = until;
            offer.is_withdrawn = false;
            offer.announced = capacity;
            offer.settle();
            return Room {
                executor,
                place,
                serial: offer.serial,
            };
        }
        self.last_serial = self.last_serial.wrapping_add(1);
        let serial = self.last_serial;
        let offer = Some(Offer {
            number,
            serial,
            until,
            is_withdrawn: false,
            announced: capacity,
            held: NOTHING,
            lost: NOTHING,
            total: capacity,
            free: capacity,
            is_overdrawn: false,
        });
        let place = match offers.iter().position(Option::is_none) {
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
        for place in offers.iter_mut() {
            let Some(offer) = place.as_mut().filter(|offer| offer.number == number) else {
                continue;
            };
            offer.is_withdrawn = true;
            if offer.is_unused() {
                *place = None;
            }
        }
        self.trim(executor);
    }

    /// Withdraws whatever an executor has offered, for good.
    pub(super) fn withdraw_all(&mut self, executor: ExecutorId) {
        if let Some(offers) = self.executors.get_mut(usize::from(executor.0)) {
            offers.clear();
        }
    }

    /// An offer that stands.
    pub(super) fn get(&self, room: Room) -> Option<&Offer> {
        self.executors
            .get(usize::from(room.executor.0))?
            .get(room.place as usize)?
            .as_ref()
            .filter(|offer| offer.serial == room.serial && !offer.is_withdrawn)
    }

    /// The number under which its executor made the offer of this room.
    pub(super) fn number(&self, room: Room) -> u32 {
        let offer = self.get(room);
        debug_assert!(offer.is_some(), "a task is bound to room that is gone");
        offer.map_or(0, |offer| offer.number)
    }

    /// Takes a demand out of an offer; false where it does not fit or the offer is gone.
    pub(super) fn take(&mut self, room: Room, demand: &Demand) -> bool {
        let offer = self.get_mut(room).filter(|offer| !offer.is_withdrawn);
        offer.is_some_and(|offer| {
            let taken = offer.free.take(demand);
            if taken {
                offer.held.give(demand);
            }
            taken
        })
    }

    /// Gives back what was taken; true if the offer still stands.
    pub(super) fn give(&mut self, room: Room, demand: &Demand) -> bool {
        let Some(offer) = self.get_mut(room) else {
            return false;
        };
        offer.held = without(&offer.held, &of_demand(demand));
        if !offer.is_withdrawn {
            if offer.is_overdrawn {
                offer.settle();
            } else {
                offer.free.give(demand);
            }
            return true;
        }
        if offer.is_unused() {
            self.executors[usize::from(room.executor.0)][room.place as usize] = None;
            self.trim(room.executor);
        }
        false
    }

    /// Counts no longer on what was taken by an attempt that cannot be stopped.
    pub(super) fn lose(&mut self, room: Room, demand: &Demand) {
        if let Some(offer) = self.get_mut(room) {
            offer.held = without(&offer.held, &of_demand(demand));
            offer.lost.give(demand);
            offer.settle();
        }
    }

    /// Counts on it again.
    pub(super) fn recover(&mut self, room: Room, demand: &Demand) {
        if let Some(offer) = self.get_mut(room) {
            offer.lost = without(&offer.lost, &of_demand(demand));
            offer.held.give(demand);
            offer.settle();
        }
    }

    /// The offers of one executor, in their order.
    pub(super) fn of(&self, executor: ExecutorId) -> impl Iterator<Item = (Room, &Offer)> {
        let offers = self
            .executors
            .get(usize::from(executor.0))
            .map_or(&[][..], Vec::as_slice);
        offers.iter().zip(0..).filter_map(move |(offer, place)| {
            let offer = offer.as_ref().filter(|offer| !offer.is_withdrawn)?;
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

    /// Forgets places at the end that hold nothing.
    fn trim(&mut self, executor: ExecutorId) {
        if let Some(offers) = self.executors.get_mut(usize::from(executor.0)) {
            while offers.last().is_some_and(Option::is_none) {
                offers.pop();
            }
        }
    }

    /// An offer that stands, or was withdrawn and is still remembered.
    fn get_mut(&mut self, room: Room) -> Option<&mut Offer> {
        self.executors
            .get_mut(usize::from(room.executor.0))?
            .get_mut(room.place as usize)?
            .as_mut()
            .filter(|offer| offer.serial == room.serial)
    }

    /// Every offer, those among them that were withdrawn, each with what is held of it.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (Room, &Offer)> {
        let executors = self.executors.iter().zip(0..);
        executors.flat_map(|(offers, executor)| {
            offers.iter().zip(0..).filter_map(move |(offer, place)| {
                let offer = offer.as_ref()?;
                let room = Room {
                    executor: ExecutorId(executor),
                    place,
                    serial: offer.serial,
                };
                Some((room, offer))
            })
        })
    }
}

#[cfg(test)]
impl Offer {
    /// Checks what it says against what attempts hold that go on, and that were abandoned.
    pub(super) fn check(&self, held: &[Demand], lost: &[Demand]) {
        let sum = |demands: &[Demand]| {
            let mut sum = NOTHING;
            demands.iter().for_each(|demand| sum.give(demand));
            sum
        };
        assert_eq!(self.held, sum(held), "what is held of {self:?}");
        assert_eq!(self.lost, sum(lost), "what is lost of {self:?}");
        assert!(
            !self.is_withdrawn || !self.is_unused(),
            "it was withdrawn, and nothing runs there: {self:?}"
        );
        if !self.is_withdrawn {
            let mut settled = self.clone();
            settled.settle();
            assert_eq!((settled.total, settled.free), (self.total, self.free));
            assert_eq!(settled.is_overdrawn, self.is_overdrawn);
        }
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
    fn what_runs_on_an_offer_that_comes_back_is_part_of_it() {
        let mut offers = Offers::default();
        let first = offers.add(EXECUTOR, 0, cores(4), None);
        assert!(offers.take(first, &demand(3)));
        assert!(!offers.take(first, &demand(2)));
        offers.withdraw(EXECUTOR, 0);
        let second = offers.add(EXECUTOR, 0, cores(4), None);
        assert_eq!(first, second);
        assert_eq!(offers.get(second).unwrap().free, cores(1));
        assert!(offers.give(first, &demand(3)));
        assert_eq!(offers.get(second).unwrap().free, cores(4));
    }

    #[test]
    fn an_offer_that_is_gone_is_remembered_while_something_runs_there() {
        let mut offers = Offers::default();
        let first = offers.add(EXECUTOR, 0, cores(4), None);
        assert!(offers.take(first, &demand(3)));
        offers.withdraw(EXECUTOR, 0);
        assert!(offers.get(first).is_none());
        assert!(!offers.take(first, &demand(1)));
        assert_eq!(offers.of(EXECUTOR).count(), 0);
        assert!(!offers.give(first, &demand(3)));
        assert!(offers.executors[3].is_empty());
        let second = offers.add(EXECUTOR, 0, cores(4), None);
        assert_ne!(first, second);
        assert_eq!(offers.get(second).unwrap().free, cores(4));
    }

    #[test]
    fn an_offer_made_again_with_less_is_overdrawn_until_enough_has_ended() {
        let mut offers = Offers::default();
        let room = offers.add(EXECUTOR, 0, cores(4), None);
        assert!((0..4).all(|_| offers.take(room, &demand(1))));
        offers.add(EXECUTOR, 0, cores(2), None);
        for (left, free) in [(3, 0), (2, 0), (1, 1)] {
            assert!(offers.give(room, &demand(1)));
            let offer = offers.get(room).unwrap();
            assert_eq!((offer.free, offer.is_overdrawn), (cores(free), left > 2));
        }
    }

    #[test]
    fn an_offer_made_again_is_the_same() {
        let mut offers = Offers::default();
        let first = offers.add(EXECUTOR, 7, cores(4), None);
        let second = offers.add(EXECUTOR, 7, cores(2), None);
        assert_eq!(offers.get(first).unwrap().total, cores(2));
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
