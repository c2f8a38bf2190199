use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use chiltepin_executors::registry::{Functions, TaskInfo};
use chiltepin_executors::{Failure, FailureKind, Work as _};
use serde::{Deserialize, Serialize, Serializer};

use super::workflow;
use crate::arg::Arg;
use crate::file::FileHashes;
use crate::future::AnyFuture;
use crate::task::{AnyTask, Arguments, Function, Header, Run, TaskCell};
use crate::{AppFuture, File, IntoArg, Value, Workflow, bash_task, join_task, task, tasks};

fn info(name: &str) -> &'static TaskInfo {
    let end = format!("digests::{name}");
    let mut infos = Functions::of_program().iter();
    infos.find(|info| info.path().ends_with(&end)).unwrap()
}

/// What runs nowhere.
fn never<V, T>(_: V, _: &Run<'_>) -> Result<T, Failure> {
    let reason = "it never runs".to_owned();
    Err(Failure::permanent(FailureKind::Invalid { reason }))
}

/// The call of a task with such arguments.
fn cell<A: Arguments>(name: &str, arguments: A) -> impl AnyTask + use<A> {
    let body = Function(never::<A::Values, i64>);
    TaskCell::new(Header::new(info(name)), arguments, body)
}

fn digests(name: &str, arguments: impl Arguments) -> Vec<(&'static str, [u8; 32])> {
    let digests = cell(name, arguments).digests(&FileHashes::default());
    let digests = digests.unwrap().arguments.into_iter();
    digests.map(|digest| (digest.name, digest.digest)).collect()
}

fn arg<T: Value>(argument: impl IntoArg<T>) -> Arg<T> {
    argument.into_arg()
}

fn one<T: Value>(argument: impl IntoArg<T>) -> [u8; 32] {
    digests("any", (arg::<T>(argument),))[0].1
}

#[task]
fn any(value: i64) -> i64 {
    value
}

#[task]
fn list(shift: i64) -> Vec<i64> {
    vec![1 + shift, 2 + shift, 300 + shift]
}

#[task]
fn map(backwards: bool) -> HashMap<String, i64> {
    let mut entries: Vec<_> = (0..50).map(|number| (number.to_string(), number)).collect();
    if backwards {
        entries.reverse();
    }
    entries.into_iter().collect()
}

#[test]
fn a_value_has_one_digest_whatever_stands_for_it() {
    let (workflow, _) = workflow();
    let expected = one::<i64>(7);
    assert_eq!(one::<i64>(&7), expected);
    assert_eq!(one::<i64>(AppFuture::ready(7)), expected);
    assert_ne!(one::<i64>(8), expected);
    for executor in ["local", "elsewhere"] {
        let seven = any(7).on(executor).submit(&workflow);
        seven.wait();
        assert_eq!(one::<i64>(&seven), expected, "on {executor}");
        assert_eq!(one::<i64>(seven.map(|value| *value)), expected);
        assert_eq!(one::<i64>(seven), expected);
    }
}

trait Wait {
    fn wait(&self);
}

impl<T: Value> Wait for AppFuture<T> {
    /// Until the value is there, without reading it.
    fn wait(&self) {
        while !self.done() {
            std::thread::yield_now();
        }
    }
}

#[test]
fn collections_have_one_digest_whatever_they_are_made_of() {
    let (workflow, _) = workflow();
    let numbers = |workflow: &Workflow| {
        let three = any(300).on("elsewhere").submit(workflow);
        three.wait();
        [
            AppFuture::ready(1),
            any(2).on("local").submit(workflow),
            three,
        ]
    };
    let expected = one::<Vec<i64>>(vec![1, 2, 300]);
    let futures = numbers(&workflow);
    futures.iter().for_each(Wait::wait);
    assert_eq!(one::<Vec<i64>>(&futures), expected);
    assert_eq!(one::<Vec<i64>>(futures.to_vec()), expected);
    let whole = list(0).on("elsewhere").submit(&workflow);
    whole.wait();
    assert_eq!(one::<Vec<i64>>(whole), expected);
    assert_ne!(one::<Vec<i64>>(vec![2, 1, 300]), expected);

    let names = ["a", "b", "c"].map(ToOwned::to_owned);
    let of_values: HashMap<_, _> = names.clone().into_iter().zip([1, 2, 300]).collect();
    let expected = one::<HashMap<String, i64>>(of_values.clone());
    let of_futures: HashMap<_, _> = names.clone().into_iter().zip(futures.clone()).collect();
    assert_eq!(one::<HashMap<String, i64>>(of_futures), expected);
    let sorted: BTreeMap<_, _> = names.into_iter().zip(futures).collect();
    assert_eq!(one::<BTreeMap<String, i64>>(sorted), expected);
    let ready = AppFuture::ready(of_values);
    assert_eq!(one::<HashMap<String, i64>>(ready), expected);
    let tuple = (AppFuture::ready(1_u8), AppFuture::ready("x".to_owned()));
    assert_eq!(
        one::<(u8, String)>(tuple),
        one::<(u8, String)>((1, "x".to_owned()))
    );
}

/// A map that came encoded was written in whatever order it had there.
#[test]
fn a_map_of_another_process_is_put_in_order() {
    let (workflow, _) = workflow();
    let expected = one::<HashMap<String, i64>>(map(false).run_blocking().unwrap());
    for backwards in [false, true] {
        for executor in ["local", "elsewhere"] {
            let map = map(backwards).on(executor).submit(&workflow);
            map.wait();
            assert_eq!(one::<HashMap<String, i64>>(&map), expected);
        }
    }
}

/// It is looked at, and is passed on as it came: a map that were decoded for good would be encoded
/// in another order.
#[test]
fn what_came_encoded_stays_so() {
    let (workflow, _) = workflow();
    let map = map(false).on("elsewhere").submit(&workflow);
    map.wait();
    let task = AnyFuture::task(&map).unwrap();
    let before = task.encoded_value().unwrap();
    for _ in 0..3 {
        one::<HashMap<String, i64>>(&map);
        assert_eq!(task.encoded_value().unwrap(), before);
    }
}

#[task(cache, ignore(progress))]
fn simulate(steps: u32, progress: bool, r#type: String) -> u32 {
    let _ = (progress, r#type);
    steps
}

#[bash_task(cache, ignore(r#type, verbose))]
fn script(r#type: String, path: PathBuf, verbose: bool) -> String {
    let _ = (r#type, verbose);
    path.display().to_string()
}

#[join_task(cache, ignore(depth))]
fn joined(workflow: &Workflow, depth: u32, value: i64) -> AppFuture<i64> {
    let _ = depth;
    any(value).submit(workflow)
}

#[derive(Clone, Serialize, Deserialize)]
struct Table {
    rows: i64,
}

#[tasks]
impl Table {
    #[task(cache, ignore(verbose))]
    fn scaled(&self, by: i64, verbose: bool) -> i64 {
        let _ = verbose;
        self.rows * by
    }

    #[task(cache, ignore(self))]
    fn fixed(&self, by: i64) -> i64 {
        let _ = self;
        by
    }
}

#[test]
fn arguments_that_are_ignored_are_left_out() {
    let of = |steps, progress| {
        let kind = arg::<String>("x");
        digests("simulate", (arg::<u32>(steps), arg::<bool>(progress), kind))
    };
    let names: Vec<_> = of(1, true).iter().map(|digest| digest.0).collect();
    assert_eq!(names, ["steps", "type"]);
    assert_eq!(of(1, true), of(1, false));
    assert_ne!(of(1, true)[0], of(2, true)[0]);
    assert_eq!(of(1, true)[1], of(2, true)[1]);

    let method = digests(
        "Table::scaled",
        (arg(Table { rows: 3 }), arg(2_i64), arg(true)),
    );
    let names: Vec<_> = method.iter().map(|digest| digest.0).collect();
    assert_eq!(names, ["self", "by"]);
    let other = digests(
        "Table::scaled",
        (arg(Table { rows: 4 }), arg(2_i64), arg(true)),
    );
    assert_ne!(method[0], other[0]);
    assert_eq!(method[1], other[1]);

    let ignored = |name: &str| {
        let parameters = info(name).parameters.iter();
        let ignored = parameters.filter(|parameter| parameter.is_ignored);
        ignored.map(|parameter| parameter.name).collect::<Vec<_>>()
    };
    assert_eq!(ignored("script"), ["type", "verbose"]);
    assert_eq!(ignored("joined"), ["depth"]);
    assert_eq!(ignored("Table::fixed"), ["self"]);
    assert_eq!(ignored("list"), [""; 0]);
}

mod first {
    #[crate::task]
    fn body(x: i64) -> i64 {
        [1, 2, 3].iter().map(|y| x * y).sum()
    }
}

mod second {
    /// Documented and formatted in another way.
    #[crate::task(name = "another", cache)]
    #[rustfmt::skip]
    fn body(x: i64,) -> i64 {
        // A comment.
        [1, 2, 3,].iter().map(|y| { x * y }).sum()
    }
}

mod third {
    #[crate::task]
    fn body(x: i64) -> i64 {
        [1, 2, 4].iter().map(|y| x * y).sum()
    }
}

#[test]
fn bodies_are_told_apart_by_what_they_do() {
    let body = |module: &str| info(&format!("{module}::body")).body;
    assert_eq!(body("first"), body("second"));
    assert_ne!(body("first"), body("third"));
    assert_ne!(info("list").body, info("map").body);
}

#[task(cache)]
fn sizes(files: Vec<File>, scale: u64) -> u64 {
    files
        .iter()
        .flat_map(std::fs::metadata)
        .map(|file| file.len())
        .sum::<u64>()
        * scale
}

#[test]
fn files_count_by_what_they_hold() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    for (name, content) in [("a", "one"), ("b", "one"), ("c", "two")] {
        std::fs::write(at(name), content).unwrap();
    }
    let of = |names: &[&str]| {
        let files: Vec<_> = names.iter().map(|name| File::new(at(name))).collect();
        digests("sizes", (arg::<Vec<File>>(files), arg(1_u64)))
    };
    assert_eq!(of(&["a", "c", "a"]), of(&["b", "c", "a"]));
    assert_ne!(of(&["a", "c"]), of(&["c", "a"]));
    let before = of(&["a", "c"]);
    std::fs::write(at("c"), "three").unwrap();
    assert_ne!(of(&["a", "c"]), before);
    assert_eq!(of(&["a", "c"])[1], before[1]);

    let path = at("a");
    let text = path.to_str().unwrap();
    let expected = one::<File>(File::new(&path));
    assert_eq!(one::<File>(text), expected);
    assert_eq!(one::<File>(text.to_owned()), expected);
    assert_eq!(one::<File>(path.as_path()), expected);
    assert_eq!(one::<File>(&path), expected);
    assert_eq!(one::<File>(path.clone()), expected);
    assert_eq!(one::<File>(AppFuture::ready(File::new(at("b")))), expected);

    let missing = vec![File::new("/nowhere/at all")];
    let failure = cell("sizes", (arg::<Vec<File>>(missing), arg(1_u64)))
        .digests(&FileHashes::default())
        .unwrap_err();
    let FailureKind::Encoding { reason } = failure.kind else {
        panic!("{failure:?}");
    };
    assert_eq!(
        reason,
        "has an argument `files` (`Vec<File>`) that cannot be part of a cache key: cannot read \
         `/nowhere/at all`: No such file or directory (os error 2)"
    );
}

#[derive(Clone, Deserialize)]
struct Panics;

impl Serialize for Panics {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("no digest of this")
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Skips {
    #[serde(skip_serializing_if = "Option::is_none")]
    maybe: Option<u8>,
}

#[test]
fn a_value_without_a_digest_is_the_failure_of_its_call() {
    let of = |failing: &dyn AnyTask| failing.digests(&FileHashes::default()).unwrap_err().kind;
    let FailureKind::Panicked(report) = of(&cell("any", (arg(Panics),))) else {
        panic!("it went well");
    };
    assert_eq!(report.message, "no digest of this");
    let FailureKind::Encoding { reason } = of(&cell("any", (arg(Skips { maybe: None }),))) else {
        panic!("it went well");
    };
    let start = "has an argument `value` (`i64`) that cannot be part of a cache key: ";
    assert!(reason.starts_with(start), "{reason}");
}

/// A call whose value is of such a type.
fn of_value<T: Value>() -> impl AnyTask {
    let body = Function(never::<(), T>);
    TaskCell::new(Header::new(info("any")), (), body)
}

#[test]
fn a_value_is_kept_and_restored() {
    let (workflow, _) = workflow();
    let kept = |future: &AppFuture<Vec<i64>>| {
        future.wait();
        AnyFuture::task(future).unwrap().encoded_value()
    };
    let here = kept(&list(0).on("local").submit(&workflow)).unwrap();
    let elsewhere = kept(&list(0).on("elsewhere").submit(&workflow)).unwrap();
    assert_eq!(here, elsewhere);

    let again = of_value::<Vec<i64>>();
    assert!(again.encoded_value().is_err());
    assert!(!again.restore(here.slice(..here.len() - 1)));
    assert!(again.encoded_value().is_err());
    assert!(again.restore(here.clone()));
    assert_eq!(again.encoded_value().unwrap(), here);
    // What a worker gave is kept as it came.
    let returned = of_value::<Vec<i64>>();
    let _ = returned.returned(here.clone());
    assert_eq!(returned.encoded_value().unwrap(), here);
}

#[derive(Clone, Serialize, Deserialize)]
struct Unfaithful {
    name: String,
    #[serde(skip_deserializing)]
    cache: u32,
}

#[task(cache)]
fn unfaithful() -> Unfaithful {
    let name = "x".to_owned();
    Unfaithful { name, cache: 7 }
}

#[test]
fn a_value_that_does_not_come_back_is_not_kept() {
    let (workflow, _) = workflow();
    let future = unfaithful().on("local").submit(&workflow);
    future.wait();
    let task = AnyFuture::task(&future).unwrap();
    if cfg!(debug_assertions) {
        let FailureKind::Encoding { reason } = task.encoded_value().unwrap_err().kind else {
            panic!("another failure");
        };
        assert!(
            reason.starts_with("gave a result that cannot be decoded"),
            "{reason}"
        );
    }
}
