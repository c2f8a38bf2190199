use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::signals::Heard;
use crate::driver::Driver;
use crate::future::block_on;
use crate::kernel::Event;
use crate::report::RunOutcome;

/// How long what is killed is waited for, before it is left to the system.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// An open workflow: its driver and the runtime that serves it.
pub(crate) struct Session {
    driver: Arc<Driver>,
    runtime: Mutex<Option<Runtime>>,
    handle: Handle,
    /// Everything has ended and the executors are shut. Whoever else ends the workflow waits for
    /// that: the program may exit then, and nothing is to be left of it.
    shut: OnceCell<()>,
    /// Set if signals are handled.
    heard: OnceLock<Heard>,
    /// How long running tasks may go on once the user interrupts.
    grace: Duration,
}

impl Session {
    pub(super) fn new(driver: Arc<Driver>, runtime: Runtime, grace: Duration) -> Arc<Self> {
        let handle = runtime.handle().clone();
        let runtime = Mutex::new(Some(runtime));
        Arc::new(Self {
            driver,
            runtime,
            handle,
            shut: OnceCell::new(),
            heard: OnceLock::new(),
            grace,
        })
    }

    pub(super) fn driver(&self) -> &Arc<Driver> {
        &self.driver
    }

    pub(super) fn set_heard(&self, heard: Heard) {
        // It is listened to once; a second count would be dropped at once.
        let _ = self.heard.set(heard);
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(super) fn grace(&self) -> Duration {
        self.grace
    }

    /// Lets everything run to its end.
    pub(super) async fn close(&self) {
        self.driver.begin_end(Event::Draining);
        self.end(self.grace, RunOutcome::Closed).await;
    }

    /// Ends everything.
    pub(super) async fn kill(&self) {
        self.driver.begin_end(Event::Killing);
        self.end(self.grace, RunOutcome::Cancelled).await;
    }

    /// Ends everything without waiting for anyone's grace.
    async fn kill_now(&self) {
        self.driver.begin_end(Event::Killing);
        self.driver.hurry();
        self.end(Duration::ZERO, RunOutcome::Cancelled).await;
    }

    /// Ends everything that has not ended, even what cannot be stopped, before long.
    pub(super) fn kill_blocking(&self) {
        if self.shut.initialized() {
            return;
        }
        // The runtime's own threads do the work meanwhile, so this may block.
        let kill = || block_on(self.kill_now(), Instant::now().checked_add(LAST_WAIT));
        if kill().is_none() {
            // With the runtime goes what would have reported their end.
            self.driver.abandon_all();
            kill();
        }
    }

    /// The same, without blocking the thread.
    pub(super) async fn kill_soon(&self) {
        if timeout(LAST_WAIT, self.kill_now()).await.is_err() {
            self.driver.abandon_all();
            self.kill_now().await;
        }
    }

    async fn end(&self, grace: Duration, outcome: RunOutcome) {
        self.driver.drained().await;
        let shut = || async {
            self.driver.shut_executors(grace).await;
            self.driver.close_record(outcome);
        };
        self.shut.get_or_init(shut).await;
    }
}

/// Cancels what has not ended, so that every future ends and no process is left.
impl Drop for Session {
    fn drop(&mut self) {
        self.kill_blocking();
        if let Some(runtime) = self.runtime.lock().take() {
            runtime.shutdown_background();
        }
    }
}
