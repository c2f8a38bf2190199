use std::sync::{Arc, Weak};
use std::time::Instant;

use super::manager::Shared;

/// Tells a pool the time when it wants to know it, for as long as it is there.
pub(super) fn spawn(shared: &Arc<Shared>) {
    let pool = Arc::downgrade(shared);
    shared.runtime.spawn(async move {
        while let Some(armed) = armed(&pool).await {
            if let Some(at) = armed {
                let Some(shared) = pool.upgrade() else { return };
                tokio::select! {
                    () = tokio::time::sleep_until(at.into()) => {}
                    () = shared.earlier.notified() => continue,
                }
                shared.wake_state();
            }
        }
    });
}

/// When the pool wants to be told the time; waits for it to want that. None if it is gone.
async fn armed(pool: &Weak<Shared>) -> Option<Option<Instant>> {
    let shared = pool.upgrade()?;
    let armed = shared.inner.lock().armed;
    if armed.is_none() {
        shared.earlier.notified().await;
    }
    Some(armed)
}

impl Shared {
    fn wake_state(self: &Arc<Self>) {
        self.inner.lock().armed = None;
        self.with(|state, now, commands| {
            state.woken(now, commands);
            state.schedule(now, commands);
        });
    }
}
