//! What executors hear of the work that waits for room.

use chiltepin_executors::Wanted;

use super::machine::Kernel;
use super::{Command, ExecutorId};

/// An executor that hears of waiting work.
#[derive(Debug)]
pub(super) struct Hearer {
    executor: ExecutorId,
    /// What waited when it was last told to ask.
    told: Wanted,
}

impl<P: Clone, F: Clone> Kernel<P, F> {
    /// Is told of an executor that it wants to hear of waiting work.
    pub(crate) fn hear_wanted(&mut self, executor: ExecutorId) {
        self.hearers.push(Hearer {
            executor,
            told: Wanted::default(),
        });
    }

    /// The work that waits and could run on this executor. Of tasks with labels, as many as may
    /// run now.
    pub(crate) fn wanted(&self, executor: ExecutorId) -> Wanted {
        let mut wanted = Wanted::default();
        let placement = &self.placement;
        for &id in placement.shapes.waiting() {
            let shape = placement.shapes.get(id);
            if !shape.fitting.contains(executor) {
                continue;
            }
            let calls = shape.queue.len() as u64;
            let calls = calls.min(placement.limits.left(&shape.key.labels));
            if calls > 0 {
                wanted.add(calls, &shape.key.demand, shape.key.timeout);
            }
        }
        wanted
    }

    /// Says of each executor that hears whether what waits for it has changed much.
    pub(super) fn say_wanted(&mut self, commands: &mut Vec<Command<P, F>>) {
        for at in 0..self.hearers.len() {
            let executor = self.hearers[at].executor;
            let wanted = self.wanted(executor);
            let hearer = &mut self.hearers[at];
            if differs(&hearer.told, &wanted) {
                hearer.told = wanted;
                commands.push(Command::Wanted { executor });
            }
        }
    }

    /// Each executor that hears, and what waited when it was last told to ask.
    #[cfg(test)]
    pub(super) fn hearers(&self) -> impl Iterator<Item = (ExecutorId, &Wanted)> {
        self.hearers
            .iter()
            .map(|hearer| (hearer.executor, &hearer.told))
    }
}

/// Whether the difference is worth telling: by half or double, or to or from nothing.
pub(super) fn differs(told: &Wanted, wanted: &Wanted) -> bool {
    let counts = [
        (told.calls, wanted.calls),
        (told.async_bodies, wanted.async_bodies),
        (told.cores, wanted.cores),
        (told.memory, wanted.memory),
        (told.gpus, wanted.gpus),
    ];
    let has_changed =
        |&(told, wanted): &(u64, u64)| told != wanted && (wanted / 2 >= told || told / 2 >= wanted);
    wanted.longest > told.longest || counts.iter().any(has_changed)
}
