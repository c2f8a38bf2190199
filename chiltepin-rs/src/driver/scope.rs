use std::sync::Arc;

use chiltepin_executors::TaskId;
use parking_lot::Mutex;

use super::Driver;

/// The tasks that a join has submitted.
#[derive(Default)]
pub(crate) struct Scope {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tasks: Vec<TaskId>,
    cancelled: bool,
}

impl Scope {
    /// Notes a task; one that comes after the join was cancelled is cancelled too.
    pub(super) fn add(&self, driver: &Arc<Driver>, id: TaskId) {
        let mut state = self.state.lock();
        if state.cancelled {
            drop(state);
            driver.cancel_placed(id);
        } else {
            state.tasks.push(id);
        }
    }

    pub(super) fn cancel(&self, driver: &Arc<Driver>) {
        let mut state = self.state.lock();
        state.cancelled = true;
        let tasks = std::mem::take(&mut state.tasks);
        drop(state);
        for id in tasks {
            driver.cancel_placed(id);
        }
    }
}

impl Driver {
    /// The scope of a running join.
    pub(crate) fn scope(&self, join: TaskId) -> Arc<Scope> {
        Arc::clone(self.scopes.lock().entry(join).or_default())
    }
}
