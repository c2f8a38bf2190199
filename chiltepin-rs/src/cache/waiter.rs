//! Who is told what became of a result.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::NotKept;

type Done = Box<dyn FnOnce(Result<(), NotKept>) + Send>;

/// Is told exactly once: that nothing was kept where it is dropped untold, as when the thread that
/// writes is gone.
pub(super) struct Waiter(Option<Done>);

impl Waiter {
    pub(super) fn new(done: impl FnOnce(Result<(), NotKept>) + Send + 'static) -> Self {
        Self(Some(Box::new(done)))
    }

    pub(super) fn tell(mut self, result: Result<(), NotKept>) {
        self.tell_once(result);
    }

    fn tell_once(&mut self, result: Result<(), NotKept>) {
        if let Some(done) = self.0.take() {
            // A panic in there must not take the results of others along.
            let _ = catch_unwind(AssertUnwindSafe(|| done(result)));
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.tell_once(Err(NotKept::ReadOnly));
    }
}
