use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};
use std::path::{Path, PathBuf};

use super::Arg;
use crate::{AppFuture, File, Value};

/// May stand for an argument of type `T` in a call.
///
/// That is a `T`, a `&T`, a future of `T` or a reference to one; for a list, map or tuple also
/// one of futures; for `String`, `PathBuf` and [`File`] also `&str`, for the latter two `&Path`, and
/// for a `File` any path. A list that mixes values and futures is made with [`AppFuture::ready`].
///
/// ```
/// # use chiltepin::{AppFuture, Workflow, task};
/// #[task]
/// fn add(values: Vec<i64>) -> i64 { values.iter().sum() }
///
/// # let workflow = Workflow::open()?;
/// let six = add(vec![1, 2, 3]).submit(&workflow);
/// let nine = add([six, AppFuture::ready(3)]).submit(&workflow);
/// assert_eq!(nine.result()?, 9);
/// # Ok::<(), chiltepin::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand for an argument of type `{T}`",
    label = "expected `{T}`, or a future of it",
    note = "an argument may be a `{T}`, an `AppFuture<{T}>`, a reference to either, or, for a list, \
            map or tuple, one of futures"
)]
pub trait IntoArg<T> {
    /// Makes the argument.
    #[doc(hidden)]
    fn into_arg(self) -> Arg<T>;
}

impl<T: Value> IntoArg<T> for T {
    fn into_arg(self) -> Arg<T> {
        Arg::value(self)
    }
}

#[diagnostic::do_not_recommend]
impl<T: Value> IntoArg<T> for &T {
    fn into_arg(self) -> Arg<T> {
        Arg::value(self.clone())
    }
}

#[diagnostic::do_not_recommend]
impl IntoArg<String> for &str {
    fn into_arg(self) -> Arg<String> {
        Arg::value(self.to_owned())
    }
}

#[diagnostic::do_not_recommend]
impl IntoArg<PathBuf> for &Path {
    fn into_arg(self) -> Arg<PathBuf> {
        Arg::value(self.to_owned())
    }
}

#[diagnostic::do_not_recommend]
impl IntoArg<PathBuf> for &str {
    fn into_arg(self) -> Arg<PathBuf> {
        Arg::value(PathBuf::from(self))
    }
}

macro_rules! files {
    ($($path:ty),*) => {$(
        #[diagnostic::do_not_recommend]
        impl IntoArg<File> for $path {
            fn into_arg(self) -> Arg<File> {
                Arg::value(File::new(self))
            }
        }
    )*};
}

files!(&str, String, &Path, PathBuf, &PathBuf);

#[diagnostic::do_not_recommend]
impl<T: Value> IntoArg<T> for AppFuture<T> {
    fn into_arg(self) -> Arg<T> {
        Arg::future(self)
    }
}

#[diagnostic::do_not_recommend]
impl<T: Value> IntoArg<T> for &AppFuture<T> {
    fn into_arg(self) -> Arg<T> {
        Arg::future(self.clone())
    }
}

#[diagnostic::do_not_recommend]
impl<T: Value> IntoArg<Vec<T>> for Vec<AppFuture<T>> {
    fn into_arg(self) -> Arg<Vec<T>> {
        Arg::gathered(self)
    }
}

#[diagnostic::do_not_recommend]
impl<T: Value> IntoArg<Vec<T>> for &Vec<AppFuture<T>> {
    fn into_arg(self) -> Arg<Vec<T>> {
        Arg::gathered(self.clone())
    }
}

#[diagnostic::do_not_recommend]
impl<T: Value> IntoArg<Vec<T>> for &[AppFuture<T>] {
    fn into_arg(self) -> Arg<Vec<T>> {
        Arg::gathered(self.to_vec())
    }
}

#[diagnostic::do_not_recommend]
impl<T: Value, const N: usize> IntoArg<Vec<T>> for [AppFuture<T>; N] {
    fn into_arg(self) -> Arg<Vec<T>> {
        Arg::gathered(Vec::from(self))
    }
}

#[diagnostic::do_not_recommend]
impl<T: Value, const N: usize> IntoArg<Vec<T>> for &[AppFuture<T>; N] {
    fn into_arg(self) -> Arg<Vec<T>> {
        Arg::gathered(self.to_vec())
    }
}

#[diagnostic::do_not_recommend]
impl<K, T, S> IntoArg<HashMap<K, T, S>> for HashMap<K, AppFuture<T>, S>
where
    HashMap<K, T, S>: Value,
    K: Eq + Hash + Value,
    T: Value,
    S: BuildHasher + Default + Send + Sync + 'static,
{
    fn into_arg(self) -> Arg<HashMap<K, T, S>> {
        Arg::gathered(self)
    }
}

#[diagnostic::do_not_recommend]
impl<K, T> IntoArg<BTreeMap<K, T>> for BTreeMap<K, AppFuture<T>>
where
    BTreeMap<K, T>: Value,
    K: Ord + Value,
    T: Value,
{
    fn into_arg(self) -> Arg<BTreeMap<K, T>> {
        Arg::gathered(self)
    }
}

macro_rules! tuples {
    ($($type:ident)+) => {
        #[diagnostic::do_not_recommend]
        impl<$($type: Value),+> IntoArg<($($type,)+)> for ($(AppFuture<$type>,)+) {
            fn into_arg(self) -> Arg<($($type,)+)> {
                Arg::gathered(self)
            }
        }
    };
}

tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
