use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

use crate::future::{AnyFuture, AppFuture};
use crate::task::{EncodeError, Encoded};
use crate::{TaskError, Value};

/// A collection of futures that becomes a collection of their values.
pub(crate) trait Gather<T>: Send + Sync {
    fn visit(&self, visit: &mut dyn FnMut(&dyn AnyFuture));
    fn take(self: Box<Self>) -> Result<T, TaskError>;
    fn copy(&self) -> Result<T, TaskError>;

    /// Encodes the collection as it would be once the values are there: in postcard a list is its
    /// length and its elements, a map its length and each key with its value, and a tuple nothing
    /// but its elements.
    fn encode(&self, out: &mut Encoded) -> Result<(), EncodeError>;
}

impl<T: Value> Gather<Vec<T>> for Vec<AppFuture<T>> {
    fn visit(&self, visit: &mut dyn FnMut(&dyn AnyFuture)) {
        self.iter().for_each(|future| visit(future));
    }

    fn take(self: Box<Self>) -> Result<Vec<T>, TaskError> {
        self.into_iter().map(AppFuture::into_value).collect()
    }

    fn copy(&self) -> Result<Vec<T>, TaskError> {
        self.iter().map(AppFuture::value).collect()
    }

    fn encode(&self, out: &mut Encoded) -> Result<(), EncodeError> {
        out.value(&self.len())?;
        self.iter().try_for_each(|future| future.encode(out))
    }
}

impl<K, T, S> Gather<HashMap<K, T, S>> for HashMap<K, AppFuture<T>, S>
where
    K: Eq + Hash + Value,
    T: Value,
    S: BuildHasher + Default + Send + Sync,
{
    fn visit(&self, visit: &mut dyn FnMut(&dyn AnyFuture)) {
        self.values().for_each(|future| visit(future));
    }

    fn take(self: Box<Self>) -> Result<HashMap<K, T, S>, TaskError> {
        self.into_iter()
            .map(|(key, future)| Ok((key, future.into_value()?)))
            .collect()
    }

    fn copy(&self) -> Result<HashMap<K, T, S>, TaskError> {
        self.iter()
            .map(|(key, future)| Ok((key.clone(), future.value()?)))
            .collect()
    }

    fn encode(&self, out: &mut Encoded) -> Result<(), EncodeError> {
        out.value(&self.len())?;
        self.iter().try_for_each(|(key, future)| {
            out.value(key)?;
            future.encode(out)
        })
    }
}

impl<K, T> Gather<BTreeMap<K, T>> for BTreeMap<K, AppFuture<T>>
where
    K: Ord + Value,
    T: Value,
{
    fn visit(&self, visit: &mut dyn FnMut(&dyn AnyFuture)) {
        self.values().for_each(|future| visit(future));
    }

    fn take(self: Box<Self>) -> Result<BTreeMap<K, T>, TaskError> {
        self.into_iter()
            .map(|(key, future)| Ok((key, future.into_value()?)))
            .collect()
    }

    fn copy(&self) -> Result<BTreeMap<K, T>, TaskError> {
        self.iter()
            .map(|(key, future)| Ok((key.clone(), future.value()?)))
            .collect()
    }

    fn encode(&self, out: &mut Encoded) -> Result<(), EncodeError> {
        out.value(&self.len())?;
        self.iter().try_for_each(|(key, future)| {
            out.value(key)?;
            future.encode(out)
        })
    }
}

macro_rules! tuples {
    ($($type:ident $index:tt)+) => {
        impl<$($type: Value),+> Gather<($($type,)+)> for ($(AppFuture<$type>,)+) {
            fn visit(&self, visit: &mut dyn FnMut(&dyn AnyFuture)) {
                $(visit(&self.$index);)+
            }

            fn take(self: Box<Self>) -> Result<($($type,)+), TaskError> {
                let futures = *self;
                Ok(($(futures.$index.into_value()?,)+))
            }

            fn copy(&self) -> Result<($($type,)+), TaskError> {
                Ok(($(self.$index.value()?,)+))
            }

            fn encode(&self, out: &mut Encoded) -> Result<(), EncodeError> {
                $(self.$index.encode(out)?;)+
                Ok(())
            }
        }
    };
}

tuples!(A 0 B 1);
tuples!(A 0 B 1 C 2);
tuples!(A 0 B 1 C 2 D 3);
tuples!(A 0 B 1 C 2 D 3 E 4);
tuples!(A 0 B 1 C 2 D 3 E 4 F 5);
