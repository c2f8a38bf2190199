use std::sync::atomic::{AtomicU64, Ordering};

use chiltepin_executors::TaskKind;
use parking_lot::Mutex;

use crate::kernel::ExecutorSet;

/// Where calls may run that set nothing, one set for each kind, once worked out.
#[derive(Default)]
pub(super) struct PlainPlans {
    /// 0 where it is not known.
    sets: [AtomicU64; 4],
    /// How often executors have changed what the sets follow from.
    changes: Mutex<u64>,
}

const fn place_of(kind: TaskKind) -> usize {
    match kind {
        TaskKind::Function => 0,
        TaskKind::AsyncFunction => 1,
        TaskKind::Command => 2,
        _ => 3,
    }
}

impl PlainPlans {
    pub(super) fn get(&self, kind: TaskKind) -> Option<ExecutorSet> {
        let set = ExecutorSet(self.sets[place_of(kind)].load(Ordering::Relaxed));
        (!set.is_empty()).then_some(set)
    }

    /// To be asked before a set is worked out.
    pub(super) fn changes(&self) -> u64 {
        *self.changes.lock()
    }

    /// Keeps a set, unless what it follows from has changed meanwhile.
    pub(super) fn keep(&self, kind: TaskKind, set: ExecutorSet, changes: u64) {
        let now = self.changes.lock();
        if *now == changes {
            self.sets[place_of(kind)].store(set.0, Ordering::Relaxed);
        }
    }

    /// Is told that what the sets follow from has changed.
    pub(super) fn forget(&self) {
        let mut changes = self.changes.lock();
        *changes += 1;
        for set in &self.sets {
            set.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_worked_out_before_a_change_is_not_kept() {
        let plans = PlainPlans::default();
        let changes = plans.changes();
        plans.keep(TaskKind::Function, ExecutorSet(3), changes);
        assert_eq!(plans.get(TaskKind::Function), Some(ExecutorSet(3)));
        assert_eq!(plans.get(TaskKind::Command), None);
        plans.forget();
        assert_eq!(plans.get(TaskKind::Function), None);
        plans.keep(TaskKind::Function, ExecutorSet(3), changes);
        assert_eq!(plans.get(TaskKind::Function), None);
    }
}
