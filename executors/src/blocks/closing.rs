//! The end of an executor on blocks.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::timeout;

use super::manager::{Inner, Shared};

/// How long after the grace everything may take to end.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

impl Shared {
    /// Waits until no block is left, and that is noted.
    async fn emptied(&self) {
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            // From now on, so that nothing is missed between asking and waiting.
            settled.as_mut().enable();
            let is_done = |inner: &Inner| inner.state.is_empty() && inner.outbox.is_empty();
            if is_done(&self.inner.lock()) && self.notes.load(Ordering::SeqCst) == 0 {
                return;
            }
            settled.await;
        }
    }

    /// The jobs that are not known to be over, in words.
    fn left(&self) -> String {
        let inner = self.inner.lock();
        let left: Vec<_> = inner.state.left().into_iter().map(|job| &*job.0).collect();
        left.join(", ")
    }

    pub(super) async fn shut(self: &Arc<Self>, grace: Duration) {
        self.with(|state, now, commands| state.close(grace, now, commands));
        let patient = grace.saturating_add(ENDS_WITHIN / 2);
        if timeout(patient, self.emptied()).await.is_err() {
            self.with(|state, now, commands| state.hurry(now, commands));
            if timeout(ENDS_WITHIN / 2, self.emptied()).await.is_err() {
                let left = self.left();
                tracing::warn!(
                    executor = self.name(),
                    provider = self.provider.name(),
                    jobs = left,
                    "not all blocks are known to be over; their jobs are in the run's folder, and \
                     `chiltepin clean` cancels what is left of them"
                );
            }
        }
        match timeout(ENDS_WITHIN / 2, self.cancel_unheard()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "jobs may be left that were never heard of"),
            Err(_) => tracing::warn!("jobs may be left that were never heard of"),
        }
        self.rendezvous.write();
    }
}
