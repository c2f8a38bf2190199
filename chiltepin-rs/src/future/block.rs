//! Waiting for a future on a thread that is not async.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Instant;

use chiltepin_executors::panic::catch;
use chiltepin_executors::threads::while_blocked;
use tokio::runtime::{Handle, RuntimeFlavor};

/// Runs `future` to its end on this thread, or until `deadline`; then none.
///
/// On a thread of a multi-thread tokio runtime the runtime is told, so that it goes on elsewhere;
/// a workflow's own runtime is never the one that a blocked single-thread runtime would starve.
pub(crate) fn block_on<F: Future>(future: F, deadline: Option<Instant>) -> Option<F::Output> {
    let on_worker = Handle::try_current()
        .is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread);
    if !on_worker {
        return park_on(future, deadline);
    }
    let mut future = Some(future);
    // In a `LocalSet` tokio refuses with a panic, and it cannot be asked beforehand. That thread
    // is no worker of the runtime, which goes on without being told.
    let told = catch(|| {
        tokio::task::block_in_place(|| {
            let future = future.take()?;
            let wait = || while_blocked(|| park_on(future, deadline));
            Some(catch_unwind(AssertUnwindSafe(wait)))
        })
    });
    match (told, future) {
        (Ok(Some(waited)), _) => waited.unwrap_or_else(|panic| resume_unwind(panic)),
        (_, Some(future)) => park_on(future, deadline),
        (_, None) => None,
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn park_on<F: Future>(future: F, deadline: Option<Instant>) -> Option<F::Output> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        match deadline {
            None => std::thread::park(),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return None;
                }
                std::thread::park_timeout(left);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_wake_from_another_thread_ends_the_wait() {
        let (sender, receiver) = futures::channel::oneshot::channel();
        let thread = std::thread::spawn(move || sender.send(5));
        assert_eq!(block_on(receiver, None), Some(Ok(5)));
        thread.join().unwrap().unwrap();
    }

    #[test]
    fn a_deadline_ends_the_wait() {
        let deadline = Instant::now() + Duration::from_millis(5);
        assert_eq!(block_on(std::future::pending::<()>(), Some(deadline)), None);
    }

    #[test]
    fn a_local_set_may_block() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let value = tokio::task::LocalSet::new().block_on(&runtime, async {
            let other = runtime.spawn(async { 7 });
            tokio::task::spawn_local(async { block_on(other, None) })
                .await
                .unwrap()
        });
        assert_eq!(value.unwrap().unwrap(), 7);
    }

    #[test]
    #[should_panic(expected = "of the future's own")]
    fn a_panic_on_a_worker_goes_on() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        runtime.block_on(async { block_on(async { panic!("of the future's own") }, None) });
    }

    #[test]
    fn a_worker_of_a_runtime_may_block() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let value = runtime.block_on(async {
            tokio::spawn(async {
                let other = tokio::spawn(async { 7 });
                block_on(other, None)
            })
            .await
            .unwrap()
        });
        assert_eq!(value.unwrap().unwrap(), 7);
    }
}
