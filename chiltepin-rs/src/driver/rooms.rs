use std::sync::{Arc, Weak};
use std::time::Instant;

use chiltepin_executors::{Capacity, Rooms};

use super::Driver;
use super::installed::Bound;
use crate::kernel::{Event, ExecutorId};

/// Whom an executor tells of its room: the kernel, as long as there is one.
///
/// The driver has the executors, so they must not have the driver.
pub(super) struct RoomsOf {
    driver: Weak<Driver>,
    executor: ExecutorId,
}

impl RoomsOf {
    pub(super) fn shared(driver: &Arc<Driver>, executor: ExecutorId) -> Arc<dyn Rooms> {
        Arc::new(Self {
            driver: Arc::downgrade(driver),
            executor,
        })
    }
}

impl Rooms for RoomsOf {
    fn offered_until(&self, offer: u32, capacity: Capacity, until: Option<Instant>) {
        if let Some(driver) = self.driver.upgrade() {
            driver.note_room(self.executor, offer, Some(capacity));
            driver.tell(Event::Offered {
                executor: self.executor,
                offer,
                capacity,
                until,
            });
        }
    }

    fn largest(&self, capacity: Capacity) {
        if let Some(driver) = self.driver.upgrade() {
            driver.bounded(self.executor, Ok(capacity));
        }
    }

    fn broken(&self, reason: String) {
        if let Some(driver) = self.driver.upgrade() {
            driver.bounded(self.executor, Err(Arc::from(reason)));
        }
    }

    fn withdrawn(&self, offer: u32) {
        if let Some(driver) = self.driver.upgrade() {
            driver.note_room(self.executor, offer, None);
            driver.tell(Event::Withdrawn {
                executor: self.executor,
                offer,
            });
        }
    }
}

impl Driver {
    /// An executor says what it will ever have room for, or why it runs nothing any more.
    fn bounded(self: &Arc<Self>, executor: ExecutorId, bound: Bound) {
        let Some(installed) = self.executors.get(usize::from(executor.0)) else {
            return;
        };
        if let Err(reason) = &bound {
            tracing::warn!(executor = &*installed.name, %reason, "can run nothing any more");
            self.note_unavailable(executor, reason);
        }
        let largest = bound.as_ref().ok().copied();
        let mut commands = super::perform::take_scratch();
        // Driver and kernel learn it together: what the kernel ends, the driver can explain.
        let mut state = self.lock();
        if installed.set_bound(bound) {
            self.plain.forget();
            let now = state.now(false);
            let event = Event::Bounded { executor, largest };
            state.kernel.handle(event, now, &mut commands);
        }
        self.leave(state, &commands);
        self.perform(commands, None);
    }
}
