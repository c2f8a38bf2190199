use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use super::workflow;
use crate::{AppFuture, ErrorKind, task};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum LoadError {
    Missing { name: String },
}

impl fmt::Display for LoadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Missing { name } = self;
        write!(formatter, "`{name}` is missing")
    }
}

impl std::error::Error for LoadError {}

#[task]
fn load(name: String) -> Result<u8, LoadError> {
    Err(LoadError::Missing { name })
}

#[task]
async fn read(name: String) -> std::io::Result<u8> {
    Err(std::io::Error::other(name))
}

type LoadResult<T> = Result<T, LoadError>;

#[task]
async fn load_by_alias(name: String) -> LoadResult<u8> {
    Err(LoadError::Missing { name })
}

#[test]
fn a_typed_error_comes_back_typed() {
    let (workflow, _) = workflow();
    let expected = LoadError::Missing {
        name: "x".to_owned(),
    };
    for call in [load("x"), load_by_alias("x")] {
        let error = call.on("elsewhere").submit(&workflow).result().unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&expected), "{error}");
        assert!(error.to_string().ends_with("failed: `x` is missing"));
    }
    let error = read("no disk").on("elsewhere").submit(&workflow).result();
    let error = error.unwrap_err();
    assert!(error.to_string().ends_with("failed: no disk"), "{error}");
    assert!(error.downcast_ref::<String>().is_none());
}

#[task]
fn explode(x: u8) -> u8 {
    assert!(x == 0, "x is {x}");
    x
}

#[test]
fn a_panic_comes_back_with_its_place() {
    let (workflow, _) = workflow();
    let error = explode(3)
        .on("elsewhere")
        .submit(&workflow)
        .result()
        .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("panicked: x is 3 (at "), "{text}");
}

/// Encoded as a number, decoded by asking what comes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Size {
    Lines(u32),
    Text(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Options {
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
}

/// Written in one way and read in another.
#[derive(Clone, Debug, Deserialize)]
struct Lopsided(String);

impl Serialize for Lopsided {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.0.as_str(), 1_u8).serialize(serializer)
    }
}

#[task]
fn resize(times: u8, size: Size) -> u8 {
    let _ = (times, size);
    1
}

#[task]
fn configure(options: Options) -> u8 {
    let _ = options;
    1
}

#[task]
fn tilt(lopsided: Lopsided) -> u8 {
    let _ = lopsided;
    1
}

#[task]
fn measure() -> Size {
    // Debug builds look whether a value comes back, though not at one so long.
    Size::Text("long".repeat(1 << 19))
}

#[task]
fn settings(limit: Option<u32>) -> Options {
    Options { limit }
}

fn words<T: crate::Value>(future: &AppFuture<T>) -> String {
    let Err(error) = future.result() else {
        panic!("it has a value");
    };
    assert!(
        matches!(error.kind(), ErrorKind::Encoding { .. }),
        "{error:?}"
    );
    error.to_string()
}

#[test]
fn an_argument_that_does_not_survive_is_named_with_its_type() {
    let (workflow, _) = workflow();
    let call = resize(2, Size::Lines(3)).on("elsewhere").retries(2);
    let text = words(&call.submit(&workflow));
    assert!(
        text.starts_with(
            "task `resize` (1) on `elsewhere`, attempt 1, has an argument `size` (`Size`) that \
             cannot be decoded: at byte 0: its type asks what the bytes hold, as enums do that are \
             `untagged`"
        ),
        "{text}"
    );
    let call = configure(Options { limit: None })
        .on("elsewhere")
        .retries(2);
    let text = words(&call.submit(&workflow));
    assert!(
        text.starts_with(
            "task `configure` (2) on `elsewhere`, attempt 1, has an argument `options` (`Options`) \
             that cannot be encoded: field `limit` of `Options` is left out"
        ),
        "{text}"
    );
    let call = tilt(Lopsided("x".to_owned())).on("elsewhere");
    let text = words(&call.submit(&workflow));
    assert!(
        text.contains("an argument `lopsided` (`Lopsided`) that cannot be decoded: at byte 2: 1 b"),
        "{text}"
    );
    assert!(text.contains("do not survive postcard"), "{text}");
}

#[test]
fn a_result_that_does_not_survive_names_its_function() {
    let (workflow, _) = workflow();
    let text = words(&settings(None).on("elsewhere").submit(&workflow));
    assert!(
        text.starts_with(
            "task `settings` (1) on `elsewhere`, attempt 1, gave a result that cannot be encoded: \
             `settings` returns `Options`, and field `limit`"
        ),
        "{text}"
    );
    let size = measure().on("elsewhere").submit(&workflow);
    let text = words(&size);
    assert!(
        text.starts_with(
            "task `measure` (2) gave a result that cannot be decoded: `measure` returns `Size`, \
             and at byte 0: its type asks"
        ),
        "{text}"
    );
    // Who takes it over on threads is told of the task it comes from.
    let error = resize(1, size)
        .on("local")
        .submit(&workflow)
        .result()
        .unwrap_err();
    assert_eq!(error.root().task(), "measure");
}

#[derive(Clone, Deserialize)]
struct Prickly;

impl Serialize for Prickly {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("do not touch")
    }
}

#[task]
fn touch(prickly: Prickly) -> u8 {
    let _ = prickly;
    1
}

#[test]
fn a_panic_while_encoding_ends_the_task_alone() {
    let (workflow, _) = workflow();
    let error = touch(Prickly).on("elsewhere").submit(&workflow).result();
    let text = error.unwrap_err().to_string();
    assert!(text.contains("panicked: do not touch"), "{text}");
    assert_eq!(
        explode(0)
            .on("elsewhere")
            .submit(&workflow)
            .result()
            .unwrap(),
        0
    );
}
