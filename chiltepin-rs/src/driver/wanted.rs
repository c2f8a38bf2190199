use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Driver;
use crate::kernel::ExecutorId;

impl Driver {
    /// Tells an executor how much work waits for it.
    ///
    /// One thread tells it at a time, and what waits at that moment. Others that come meanwhile,
    /// this one again from within the executor among them, leave it to that one to look once more:
    /// so what the executor heard last is how things stand.
    pub(super) fn tell_wanted(self: &Arc<Self>, id: ExecutorId) {
        let Some(installed) = self.executors.get(usize::from(id.0)) else {
            return;
        };
        let Some(executor) = installed.executor() else {
            return;
        };
        if installed.to_tell.fetch_add(1, Ordering::AcqRel) > 0 {
            return;
        }
        let mut heard = 1;
        loop {
            let wanted = self.lock().kernel.wanted(id);
            executor.wanted(wanted);
            let done =
                installed
                    .to_tell
                    .compare_exchange(heard, 0, Ordering::AcqRel, Ordering::Acquire);
            match done {
                Ok(_) => return,
                Err(more) => heard = more,
            }
        }
    }
}
