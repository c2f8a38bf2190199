use std::sync::{Arc, Weak};
use std::time::Instant;

use super::manager::Shared;

/// Tells the state the time when it wants to know it, for as long as it is there.
pub(super) fn spawn(shared: &Arc<Shared>) {
    let blocks = Arc::downgrade(shared);
    shared.runtime.spawn(async move {
        while let Some(armed) = armed(&blocks).await {
            if let Some(at) = armed {
                let Some(shared) = blocks.upgrade() else {
                    return;
                };
                tokio::select! {
                    () = tokio::time::sleep_until(at.into()) => {}
                    () = shared.earlier.notified() => continue,
                }
                shared.inner.lock().armed = None;
                shared.with(|state, now, commands| state.woken(now, commands));
            }
        }
    });
}

/// When the state wants to be told the time; waits for it to want that. None if it is gone.
async fn armed(blocks: &Weak<Shared>) -> Option<Option<Instant>> {
    let shared = blocks.upgrade()?;
    let armed = shared.inner.lock().armed;
    if armed.is_none() {
        shared.earlier.notified().await;
    }
    Some(armed)
}
