//! Invocations that come while this thread is handing over others.
//!
//! Reporting an attempt's end brings the next invocation, and may start more on this or another
//! pool. They are taken together when the report is done: one lock and one write for many, and no
//! recursion however many end one after the other.

use std::cell::RefCell;
use std::sync::Arc;

use super::manager::Shared;
use crate::Invocation;

/// When what the turn adds for busy workers is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    /// At its end: it is about many calls.
    Now,
    /// Soon, by somebody else, together with what others add.
    Soon,
}

struct Turn {
    sending: Sending,
    waiting: Vec<(Arc<Shared>, Invocation)>,
}

thread_local! {
    /// This thread's turn, if it has one.
    static TURN: RefCell<Option<Turn>> = const { RefCell::new(None) };
}

/// Begins a turn on this thread, does `first` in it, and takes what comes of it; within a turn
/// `first` is just done.
pub(super) fn within(sending: Sending, first: impl FnOnce()) {
    if self::sending().is_some() {
        return first();
    }
    let waiting = Vec::new();
    TURN.set(Some(Turn { sending, waiting }));
    let _end = End;
    first();
    loop {
        let mut waiting = TURN.with_borrow_mut(|turn| {
            turn.as_mut()
                .map(|turn| std::mem::take(&mut turn.waiting))
                .unwrap_or_default()
        });
        if waiting.is_empty() {
            return;
        }
        while let Some((pool, _)) = waiting.first() {
            let pool = Arc::clone(pool);
            let (of_pool, others) = waiting
                .into_iter()
                .partition(|(other, _)| Arc::ptr_eq(other, &pool));
            waiting = others;
            pool.take(of_pool);
        }
    }
}

/// How this thread's turn sends, if it has one.
pub(super) fn sending() -> Option<Sending> {
    // A thread at its end has no turn.
    TURN.try_with(|turn| turn.borrow().as_ref().map(|turn| turn.sending))
        .unwrap_or_default()
}

/// Leaves an invocation to the turn of this thread; gives it back if there is none.
pub(super) fn defer(pool: &Arc<Shared>, invocation: Invocation) -> Option<Invocation> {
    let mut kept = Some(invocation);
    let _ = TURN.try_with(|turn| {
        if let Some(turn) = turn.borrow_mut().as_mut()
            && let Some(invocation) = kept.take()
        {
            turn.waiting.push((Arc::clone(pool), invocation));
        }
    });
    kept
}

/// Ends the turn, also when user code panics through it.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        let _ = TURN.try_with(|turn| turn.borrow_mut().take());
    }
}
