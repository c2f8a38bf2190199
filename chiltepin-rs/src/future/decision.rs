use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::TaskError;

/// Whether and how a task has ended. Made once, under the kernel's lock, so that a call submitted
/// at the same moment sees what the kernel sees.
#[derive(Debug, Default)]
pub(crate) struct Decision {
    succeeded: AtomicBool,
    failure: OnceLock<TaskError>,
}

impl Decision {
    pub(crate) const fn new() -> Self {
        Self {
            succeeded: AtomicBool::new(false),
            failure: OnceLock::new(),
        }
    }

    pub(crate) fn succeed(&self) {
        self.succeeded.store(true, Ordering::Release);
    }

    pub(crate) fn fail(&self, error: TaskError) {
        // The kernel ends a task once; a second decision would be its bug and changes nothing.
        let first = self.failure.set(error).is_ok();
        debug_assert!(first && !self.succeeded.load(Ordering::Acquire));
    }

    pub(crate) fn is_made(&self) -> bool {
        self.succeeded.load(Ordering::Acquire) || self.failure.get().is_some()
    }

    pub(crate) fn failure(&self) -> Option<&TaskError> {
        self.failure.get()
    }

    pub(crate) fn result(&self) -> Option<Result<(), TaskError>> {
        if self.succeeded.load(Ordering::Acquire) {
            return Some(Ok(()));
        }
        self.failure.get().map(|error| Err(error.clone()))
    }
}
