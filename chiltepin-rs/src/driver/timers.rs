use std::sync::{Arc, Weak};

use super::Driver;

/// Starts the task that wakes the kernel when a timeout or a retry is due.
///
/// It is asleep while there is none: between submit and dispatch there is no timer.
pub(super) fn spawn(driver: &Arc<Driver>) {
    let weak = Arc::downgrade(driver);
    driver.handle.spawn(run(weak));
}

async fn run(driver: Weak<Driver>) {
    loop {
        let Some(driver) = driver.upgrade() else {
            return;
        };
        let earlier = driver.earlier.notified();
        match driver.armed() {
            None => earlier.await,
            Some(due) => {
                tokio::select! {
                    () = earlier => {}
                    () = tokio::time::sleep_until(due.into()) => driver.woken(),
                }
            }
        }
    }
}
