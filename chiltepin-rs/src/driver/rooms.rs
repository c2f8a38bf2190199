use std::sync::{Arc, Weak};

use chiltepin_executors::{Capacity, Rooms};

use super::Driver;
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
    fn offered(&self, offer: u32, capacity: Capacity) {
        if let Some(driver) = self.driver.upgrade() {
            driver.tell(Event::Offered {
                executor: self.executor,
                offer,
                capacity,
            });
        }
    }

    fn withdrawn(&self, offer: u32) {
        if let Some(driver) = self.driver.upgrade() {
            driver.tell(Event::Withdrawn {
                executor: self.executor,
                offer,
            });
        }
    }
}
