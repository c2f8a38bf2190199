//! The table of tasks that have not ended, and of those that have but still hold room.

use chiltepin_executors::{AttemptId, TaskId};

use super::edge::Dependents;
use super::offer::Room;
use super::queue::Turn;
use super::shape::ShapeId;
use super::state::State;
use super::timer::{Timer, TimerKind};
use super::{ExecutorId, Rules};

/// The place after `length` others.
///
/// # Panics
/// Beyond four billion, which is more than memory holds.
pub(super) fn place_after(length: usize) -> u32 {
    match u32::try_from(length) {
        Ok(place) if place < u32::MAX => place,
        _ => unreachable!("a table of four billion entries does not fit into memory"),
    }
}

/// A task that has not ended.
#[derive(Debug)]
pub(super) struct Task<P> {
    pub(super) number: u64,
    /// Its place in the order of becoming ready, which a repeated attempt keeps; 0 before that.
    pub(super) order: u64,
    pub(super) payload: P,
    /// Its timeout and its retries; its labels are its shape's.
    pub(super) rules: Option<Box<Rules>>,
    pub(super) priority: i32,
    pub(super) shape: ShapeId,
    pub(super) dependents: Dependents,
    /// Attempts started.
    pub(super) attempt: u32,
    /// Those among them that were returned, which do not count against its retries.
    pub(super) returned: u32,
    /// Where the last attempt was bound.
    pub(super) executor: Option<ExecutorId>,
    pub(super) state: State,
}

impl<P> Task<P> {
    /// Whether its result is looked for before it runs, and kept before it ends.
    pub(super) fn is_cached(&self) -> bool {
        self.rules.as_ref().is_some_and(|rules| rules.is_cached)
    }
}

/// What is left of a task that ended while an attempt could not be stopped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Zombie {
    pub(super) number: u64,
    pub(super) attempt: u32,
    pub(super) shape: ShapeId,
    pub(super) room: Room,
}

/// One place of the table. A task's number is the check that an id means this very task.
#[derive(Debug)]
enum Slot<P> {
    Free {
        next: Option<u32>,
    },
    /// Its id was given away, and its submission comes under the same lock.
    Reserved {
        number: u64,
    },
    Live(Task<P>),
    Zombie(Zombie),
}

// Together with its turn in a ready queue: what a queued task costs the kernel.
const _: () = assert!(size_of::<Slot<[usize; 2]>>() + size_of::<Turn>() <= 110);

/// The table.
#[derive(Debug)]
pub(super) struct Table<P> {
    slots: Vec<Slot<P>>,
    free: Option<u32>,
    #[cfg(test)]
    pub(super) last_number: u64,
    live: usize,
}

impl<P> Table<P> {
    pub(super) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: None,
            #[cfg(test)]
            last_number: 0,
            live: 0,
        }
    }

    /// Tasks that have not ended.
    pub(super) const fn len(&self) -> usize {
        self.live
    }

    /// Gives a number a place.
    pub(super) fn reserve(&mut self, number: u64) -> TaskId {
        #[cfg(test)]
        {
            self.last_number = number;
        }
        let index = match self.free {
            Some(index) => {
                if let Slot::Free { next } = self.slots[index as usize] {
                    self.free = next;
                }
                self.slots[index as usize] = Slot::Reserved { number };
                index
            }
            None => {
                let index = place_after(self.slots.len());
                self.slots.push(Slot::Reserved { number });
                index
            }
        };
        TaskId::new(number, index)
    }

    /// Whether this id was given away and its submission has not come.
    pub(super) fn is_reserved(&self, id: TaskId) -> bool {
        matches!(self.slots.get(id.index() as usize),
            Some(Slot::Reserved { number }) if *number == id.number())
    }

    /// Takes a reserved id back.
    pub(super) fn refuse(&mut self, id: TaskId) {
        if self.is_reserved(id) {
            self.release(id.index());
        }
    }

    /// Fills a reserved place.
    pub(super) fn insert(&mut self, id: TaskId, task: Task<P>) {
        debug_assert!(
            self.is_reserved(id),
            "the place of task {id} is not reserved for it"
        );
        self.slots[id.index() as usize] = Slot::Live(task);
        self.live += 1;
    }

    pub(super) fn get(&self, id: TaskId) -> Option<&Task<P>> {
        self.at(id.index())
            .filter(|task| task.number == id.number())
    }

    pub(super) fn get_mut(&mut self, id: TaskId) -> Option<&mut Task<P>> {
        self.at_mut(id.index())
            .filter(|task| task.number == id.number())
    }

    pub(super) fn at(&self, index: u32) -> Option<&Task<P>> {
        match self.slots.get(index as usize) {
            Some(Slot::Live(task)) => Some(task),
            _ => None,
        }
    }

    pub(super) fn at_mut(&mut self, index: u32) -> Option<&mut Task<P>> {
        match self.slots.get_mut(index as usize) {
            Some(Slot::Live(task)) => Some(task),
            _ => None,
        }
    }

    /// Takes a task out.
    pub(super) fn remove(&mut self, id: TaskId) -> Option<Task<P>> {
        self.get(id)?;
        let slot = self.release(id.index());
        self.live -= 1;
        match slot {
            Slot::Live(task) => Some(task),
            Slot::Free { .. } | Slot::Reserved { .. } | Slot::Zombie(_) => None,
        }
    }

    /// Takes a task out and leaves what its attempt still holds.
    pub(super) fn bury(&mut self, id: TaskId, zombie: Zombie) -> Option<Task<P>> {
        self.get(id)?;
        self.live -= 1;
        match std::mem::replace(&mut self.slots[id.index() as usize], Slot::Zombie(zombie)) {
            Slot::Live(task) => Some(task),
            Slot::Free { .. } | Slot::Reserved { .. } | Slot::Zombie(_) => None,
        }
    }

    /// Takes out what an abandoned attempt held.
    pub(super) fn exhume(&mut self, attempt: AttemptId) -> Option<Zombie> {
        match self.slots.get(attempt.task.index() as usize) {
            Some(&Slot::Zombie(zombie))
                if zombie.number == attempt.task.number() && zombie.attempt == attempt.attempt =>
            {
                self.release(attempt.task.index());
                Some(zombie)
            }
            _ => None,
        }
    }

    /// Every task that has not ended, by place.
    pub(super) fn iter(&self) -> impl Iterator<Item = (TaskId, &Task<P>)> {
        self.slots
            .iter()
            .zip(0..)
            .filter_map(|(slot, index)| match slot {
                Slot::Live(task) => Some((TaskId::new(task.number, index), task)),
                _ => None,
            })
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (TaskId, &mut Task<P>)> {
        self.slots
            .iter_mut()
            .zip(0..)
            .filter_map(|(slot, index)| match slot {
                Slot::Live(task) => Some((TaskId::new(task.number, index), task)),
                _ => None,
            })
    }

    /// Whether the task of this turn still waits for it.
    pub(super) fn is_queued(&self, turn: Turn) -> bool {
        self.at(turn.index)
            .is_some_and(|task| task.order == turn.order && task.state == State::Ready)
    }

    /// Whether what this timer watches still goes on.
    pub(super) fn is_timed(&self, timer: &Timer) -> bool {
        self.get(timer.attempt.task).is_some_and(|task| {
            task.attempt == timer.attempt.attempt
                && match timer.kind {
                    TimerKind::Timeout => matches!(task.state, State::Running { .. }),
                    TimerKind::Retry => matches!(task.state, State::Delayed { .. }),
                }
        })
    }

    fn release(&mut self, index: u32) -> Slot<P> {
        let free = Slot::Free { next: self.free };
        self.free = Some(index);
        std::mem::replace(&mut self.slots[index as usize], free)
    }

    /// Every abandoned attempt.
    #[cfg(test)]
    pub(super) fn zombies(&self) -> impl Iterator<Item = &Zombie> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Zombie(zombie) => Some(zombie),
            _ => None,
        })
    }

    /// Places that are on the free list, and all places.
    #[cfg(test)]
    pub(super) fn places(&self) -> (usize, usize) {
        let next = |index: &u32| match self.slots[*index as usize] {
            Slot::Free { next } => next,
            _ => panic!("place {index} is on the free list and taken"),
        };
        (
            std::iter::successors(self.free, next).count(),
            self.slots.len(),
        )
    }

    /// Ids given away whose submission has not come.
    #[cfg(test)]
    pub(super) fn reserved(&self) -> usize {
        self.slots
            .iter()
            .filter(|slot| matches!(slot, Slot::Reserved { .. }))
            .count()
    }
}
