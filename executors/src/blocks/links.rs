use std::io;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

/// How many threads serve all links: one waits for the system while the other takes what has come.
const THREADS: usize = 2;

/// What the links to nodes live on, which is nobody else's: user code that blocks the workflow's
/// runtime would keep them from saying that this process is there, and the nodes would end.
pub(super) struct Links {
    handle: Handle,
    /// None once this is dropped.
    runtime: Option<Runtime>,
}

impl Links {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("chiltepin-links")
            .enable_all()
            .build()?;
        Ok(Self {
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
        })
    }

    /// Runs this where links are served.
    pub(super) fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.handle.spawn(future)
    }
}

impl Drop for Links {
    /// This may be on a runtime, where nobody may wait for another to end.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
