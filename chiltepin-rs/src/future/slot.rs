use std::collections::BTreeMap;
use std::task::{Context, Poll, Waker};

use parking_lot::RwLock;

use super::Decision;
use crate::TaskError;

/// Where the value of a task is put, and who waits for it.
///
/// The body's value is put here before the kernel hears of it, and counts only once the kernel has
/// decided that the task ended well. Clones of a value are made under the shared lock, so that
/// many readers clone at once; wakers run, and values are dropped, outside it.
pub(crate) struct Slot<T> {
    state: RwLock<State<T>>,
}

struct State<T> {
    content: Option<T>,
    /// The key of the handle that registered last.
    last_key: u32,
    waiting: Waiting,
}

/// Those who wait, each by the key of its handle. Nearly always nobody or one.
#[derive(Default)]
pub(crate) enum Waiting {
    #[default]
    Nobody,
    One(u32, Waker),
    Many(BTreeMap<u32, Waker>),
}

impl<T> Slot<T> {
    pub(crate) const fn new() -> Self {
        let state = State {
            content: None,
            last_key: 0,
            waiting: Waiting::Nobody,
        };
        Self {
            state: RwLock::new(state),
        }
    }

    /// Puts the body's value; the caller drops what a former attempt may have left.
    #[must_use]
    pub(crate) fn put(&self, value: T) -> Option<T> {
        self.state.write().content.replace(value)
    }

    /// Takes the value out; the caller is the last that can ask for it.
    pub(crate) fn take(&self) -> Option<T> {
        self.state.write().content.take()
    }

    /// Takes those who wait, once the task is decided.
    pub(crate) fn waiting(&self) -> Waiting {
        std::mem::take(&mut self.state.write().waiting)
    }

    /// Reads the value, if there is one.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&T) -> R) -> Option<R> {
        // Recursive: `read` may be a `Clone` that looks at this very future.
        self.state.read_recursive().content.as_ref().map(read)
    }

    /// Waits for the decision: `key` is the handle's, 0 until it has registered once.
    pub(crate) fn poll_decided(
        &self,
        decision: &Decision,
        key: &mut u32,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), TaskError>> {
        if let Some(result) = decision.result() {
            return Poll::Ready(result);
        }
        // A waker is foreign code: cloned before the lock is taken.
        let waker = context.waker().clone();
        let mut state = self.state.write();
        if let Some(result) = decision.result() {
            return Poll::Ready(result);
        }
        if *key == 0 {
            state.last_key = state.last_key.wrapping_add(1).max(1);
            *key = state.last_key;
        }
        let before = state.waiting.insert(*key, waker);
        drop(state);
        drop(before);
        Poll::Pending
    }

    /// Forgets a handle that waited.
    pub(crate) fn forget(&self, key: u32) {
        let mut state = self.state.write();
        let waker = state.waiting.remove(key);
        drop(state);
        drop(waker);
    }
}

impl Waiting {
    fn insert(&mut self, key: u32, waker: Waker) -> Option<Waker> {
        match self {
            Self::Nobody => {
                *self = Self::One(key, waker);
                None
            }
            Self::One(one, old) if *one == key => Some(std::mem::replace(old, waker)),
            Self::One(..) => {
                let Self::One(one, old) = std::mem::take(self) else {
                    return None;
                };
                *self = Self::Many(BTreeMap::from([(one, old), (key, waker)]));
                None
            }
            Self::Many(many) => many.insert(key, waker),
        }
    }

    fn remove(&mut self, key: u32) -> Option<Waker> {
        match self {
            Self::One(one, _) if *one == key => match std::mem::take(self) {
                Self::One(_, waker) => Some(waker),
                _ => None,
            },
            Self::Many(many) => many.remove(&key),
            _ => None,
        }
    }

    /// Wakes all of them.
    pub(crate) fn wake(self) {
        match self {
            Self::Nobody => {}
            Self::One(_, waker) => waker.wake(),
            Self::Many(many) => many.into_values().for_each(Waker::wake),
        }
    }
}
