use std::collections::BTreeMap;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use chiltepin_executors::panic::catch;
use chiltepin_executors::wire::codec;
use parking_lot::RwLock;

use super::Decision;
use crate::serve::WithHint;
use crate::task::{EncodeError, Encoded};
use crate::{TaskError, Value};

/// Where the value of a task is put, and who waits for it.
///
/// The body's value is put here before the kernel hears of it, and counts only once the kernel has
/// decided that the task ended well. One that comes from another process stays encoded until
/// somebody reads it. Clones of a value are made under the shared lock, so that many readers clone
/// at once; wakers run, and values are decoded and dropped, outside it.
pub(crate) struct Slot<T> {
    state: RwLock<State<T>>,
}

struct State<T> {
    content: Content<T>,
    /// The key of the handle that registered last.
    last_key: u32,
    waiting: Waiting,
}

/// What a slot holds.
#[derive(Debug, Default)]
pub(crate) enum Content<T> {
    #[default]
    Nothing,
    Value(T),
    /// As another process gave it, and whether somebody has read it.
    Encoded(Bytes, bool),
}

/// Why the bytes that another process gave are no value, in words.
#[derive(Debug)]
pub(crate) struct Undecodable(pub(crate) String);

impl<T: Value> Content<T> {
    /// The value, decoded if need be.
    pub(crate) fn into_value(self) -> Result<Option<T>, Undecodable> {
        match self {
            Self::Nothing => Ok(None),
            Self::Value(value) => Ok(Some(value)),
            Self::Encoded(bytes, _) => decode(bytes).map(Some),
        }
    }
}

fn decode<T: Value>(bytes: Bytes) -> Result<T, Undecodable> {
    match catch(|| codec::decode_owned(bytes)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Undecodable(WithHint(&error).to_string())),
        Err(report) => Err(Undecodable(format!(
            "its `Deserialize` panicked: {}",
            report.message
        ))),
    }
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
            content: Content::Nothing,
            last_key: 0,
            waiting: Waiting::Nobody,
        };
        Self {
            state: RwLock::new(state),
        }
    }

    /// Puts the body's value; the caller drops what a former attempt may have left.
    #[must_use]
    pub(crate) fn put(&self, value: T) -> Content<T> {
        self.replace(Content::Value(value))
    }

    /// Puts the value as another process gives it.
    #[must_use]
    pub(crate) fn put_encoded(&self, value: Bytes) -> Content<T> {
        self.replace(Content::Encoded(value, false))
    }

    fn replace(&self, content: Content<T>) -> Content<T> {
        std::mem::replace(&mut self.state.write().content, content)
    }

    /// Takes the value out; the caller is the last that can ask for it.
    pub(crate) fn take(&self) -> Content<T> {
        self.replace(Content::Nothing)
    }

    /// Takes those who wait, once the task is decided.
    pub(crate) fn waiting(&self) -> Waiting {
        std::mem::take(&mut self.state.write().waiting)
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

impl<T: Value> Slot<T> {
    /// Reads the value, if there is one, and keeps it decoded.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&T) -> R) -> Result<Option<R>, Undecodable> {
        loop {
            // Recursive: `read` may be a `Clone` that looks at this very future.
            let state = self.state.read_recursive();
            let bytes = match &state.content {
                Content::Nothing => return Ok(None),
                Content::Value(value) => return Ok(Some(read(value))),
                Content::Encoded(bytes, _) => bytes.clone(),
            };
            drop(state);
            self.keep_decoded(decode(bytes)?);
        }
    }

    /// Reads the value, if there is one, and leaves it as it is: who passes it on still has the
    /// bytes.
    pub(crate) fn look<R>(&self, read: impl FnOnce(&T) -> R) -> Result<Option<R>, Undecodable> {
        // Recursive, as for `read`.
        let state = self.state.read_recursive();
        let bytes = match &state.content {
            Content::Nothing => return Ok(None),
            Content::Value(value) => return Ok(Some(read(value))),
            Content::Encoded(bytes, _) => bytes.clone(),
        };
        drop(state);
        Ok(Some(read(&decode(bytes)?)))
    }

    /// A value of the reader's own, if there is one. Mostly there is but one reader, who decodes it
    /// for himself; from the second on it is kept decoded, and cloned.
    pub(crate) fn copy(&self) -> Result<Option<T>, Undecodable> {
        match self.first_reading() {
            Some(bytes) => decode(bytes).map(Some),
            None => self.read(T::clone),
        }
    }

    /// What nobody has read yet.
    fn first_reading(&self) -> Option<Bytes> {
        let is_unread = |content: &Content<T>| matches!(content, Content::Encoded(_, false));
        if !is_unread(&self.state.read_recursive().content) {
            return None;
        }
        match &mut self.state.write().content {
            Content::Encoded(bytes, is_read) => {
                let was_read = std::mem::replace(is_read, true);
                (!was_read).then(|| bytes.clone())
            }
            _ => None,
        }
    }

    /// Puts the value in the place of its encoded form. Who comes second, or after somebody has
    /// taken the content away, has decoded in vain.
    fn keep_decoded(&self, value: T) {
        let mut state = self.state.write();
        let unused = match state.content {
            Content::Encoded(..) => std::mem::replace(&mut state.content, Content::Value(value)),
            _ => Content::Value(value),
        };
        drop(state);
        drop(unused);
    }

    /// Adds the encoded value to `out`; false if there is none.
    pub(crate) fn encode(&self, out: &mut Encoded) -> Result<bool, EncodeError> {
        let state = self.state.read_recursive();
        match &state.content {
            Content::Nothing => Ok(false),
            Content::Value(value) => out.value(value).map(|()| true),
            Content::Encoded(bytes, _) => {
                let bytes = bytes.clone();
                drop(state);
                out.splice(bytes);
                Ok(true)
            }
        }
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
