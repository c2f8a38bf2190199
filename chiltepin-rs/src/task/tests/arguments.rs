use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use chiltepin_executors::{LossRule, OnLoss};
use serde::{Deserialize, Serialize};

use super::loopback::LARGEST;
use super::workflow;
use crate::{AppFuture, TaskContext, Value, sh, task, tasks};

#[task]
fn text_of(number: i64, text: String, list: Vec<f64>, path: PathBuf, maybe: Option<u8>) -> String {
    format!("{number} {text} {list:?} {} {maybe:?}", path.display())
}

#[test]
fn values_arrive_as_they_were() {
    let (workflow, elsewhere) = workflow();
    let call = text_of(-3, "x", vec![0.5, f64::MAX], "/a b", Some(4)).on("elsewhere");
    let expected = call.run_blocking().unwrap();
    let call = text_of(-3, "x", vec![0.5, f64::MAX], "/a b", Some(4)).on("elsewhere");
    assert_eq!(call.submit(&workflow).result().unwrap(), expected);
    assert_eq!(elsewhere.calls.lock().len(), 1);
}

#[task]
fn square(x: i64) -> i64 {
    x * x
}

#[task]
fn sum(values: Vec<i64>) -> i64 {
    values.iter().sum()
}

#[task]
fn sum_map(values: HashMap<String, i64>) -> String {
    let sorted: BTreeMap<_, _> = values.iter().collect();
    format!("{sorted:?}")
}

#[task]
fn sum_sorted(values: BTreeMap<u8, i64>) -> String {
    format!("{values:?}")
}

#[task]
fn pair(both: (i64, String)) -> String {
    format!("{both:?}")
}

/// Futures whose values are there in every way: encoded, decoded, on threads, ready, as views.
fn squares(workflow: &crate::Workflow) -> Vec<AppFuture<i64>> {
    let encoded = square(3).on("elsewhere").submit(workflow);
    let decoded = square(4).on("elsewhere").submit(workflow);
    decoded.result().unwrap();
    let here = square(5).on("local").submit(workflow);
    let view = square(6)
        .on("elsewhere")
        .submit(workflow)
        .map(|value| value + 1);
    let element = AppFuture::ready(vec![7, 8]).index(1);
    vec![encoded, decoded, here, AppFuture::ready(300), view, element]
}

#[test]
fn futures_of_every_kind_arrive_as_arguments() {
    let (workflow, _) = workflow();
    for (future, value) in squares(&workflow).into_iter().zip([9, 16, 25, 300, 37, 8]) {
        let next = square(future).on("elsewhere").submit(&workflow);
        assert_eq!(next.result().unwrap(), value * value);
    }
}

#[test]
fn collections_of_futures_arrive_whole() {
    let (workflow, _) = workflow();
    let total = sum(squares(&workflow)).on("elsewhere").submit(&workflow);
    assert_eq!(total.result().unwrap(), 9 + 16 + 25 + 300 + 37 + 8);
    let none = sum(Vec::<AppFuture<i64>>::new()).on("elsewhere");
    assert_eq!(none.submit(&workflow).result().unwrap(), 0);

    let names = ["a", "bb", "c", "d", "e", "f"].map(ToOwned::to_owned);
    let map: HashMap<_, _> = names.into_iter().zip(squares(&workflow)).collect();
    let text = sum_map(map)
        .on("elsewhere")
        .submit(&workflow)
        .result()
        .unwrap();
    assert_eq!(
        text,
        r#"{"a": 9, "bb": 16, "c": 25, "d": 300, "e": 37, "f": 8}"#
    );

    let map: BTreeMap<_, _> = (250..=255).zip(squares(&workflow)).collect();
    let text = sum_sorted(map)
        .on("elsewhere")
        .submit(&workflow)
        .result()
        .unwrap();
    assert_eq!(
        text,
        "{250: 9, 251: 16, 252: 25, 253: 300, 254: 37, 255: 8}"
    );

    let text = text_of(1, "y", vec![0.0], "p", None)
        .on("elsewhere")
        .submit(&workflow);
    let both = (square(9).on("elsewhere").submit(&workflow), text);
    let text = pair(both)
        .on("elsewhere")
        .submit(&workflow)
        .result()
        .unwrap();
    assert_eq!(text, r#"(81, "1 y [0.0] p None")"#);
}

#[derive(Clone, Serialize, Deserialize)]
struct Line {
    slope: i64,
}

#[tasks]
impl Line {
    #[task]
    fn at(&self, x: i64) -> i64 {
        self.slope * x
    }

    #[task]
    async fn steeper(&self, by: i64) -> Self {
        Self {
            slope: self.slope + by,
        }
    }

    #[bash_task]
    fn plot(&self, out: PathBuf) -> String {
        let slope = self.slope;
        sh!("plot {slope} {out}")
    }
}

#[test]
fn methods_take_their_snapshot_along() {
    let (workflow, elsewhere) = workflow();
    let mut line = Line { slope: 2 };
    let six = line.at(3).on("elsewhere").submit(&workflow);
    line.slope = 100;
    assert_eq!(six.result().unwrap(), 6);
    let steeper = line.steeper(1).on("elsewhere").submit(&workflow);
    assert_eq!(steeper.result().unwrap().slope, 101);
    let calls = elsewhere.calls.lock();
    let signatures: Vec<_> = calls.iter().map(|call| call.info.signature()).collect();
    assert_eq!(
        signatures,
        [
            "fn(self: Line, x: i64) -> i64",
            "fn(self: Line, by: i64) -> Self"
        ]
    );
}

#[test]
fn a_command_s_script_is_made_elsewhere() {
    let (workflow, _) = workflow();
    let plot = Line { slope: 2 }
        .plot("a b")
        .on("elsewhere")
        .submit(&workflow);
    let error = plot.result().unwrap_err().to_string();
    assert!(error.ends_with("cannot be run: plot 2 'a b'"), "{error}");
}

#[task]
fn length(bytes: Vec<u8>) -> usize {
    bytes.len()
}

#[task]
fn zeros(count: usize) -> Vec<u8> {
    vec![0; count]
}

#[test]
fn an_argument_above_the_limit_is_refused_by_name_and_size() {
    let (workflow, elsewhere) = workflow();
    // Three bytes hold the length.
    let fits = zeros(LARGEST - 3).on("local").submit(&workflow);
    let fits = length(&fits).on("elsewhere").submit(&workflow);
    assert_eq!(fits.result().unwrap(), LARGEST - 3);
    let sent = elsewhere.calls.lock().len();
    let error = length(vec![0; LARGEST - 2])
        .on("elsewhere")
        .retries(3)
        .submit(&workflow)
        .result()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "task `length` (3) on `elsewhere`, attempt 1, has an argument `bytes` (`Vec<u8>`) that has \
         65537 bytes when it is encoded, more than the 65536 (64 KiB) that may travel to another \
         process: write it to a file and pass the path, or raise `max_inline_value` of the resource"
    );
    assert_eq!(elsewhere.calls.lock().len(), sent, "nothing was sent");
}

#[test]
fn a_large_result_is_passed_on_without_a_copy() {
    let (workflow, elsewhere) = workflow();
    let large = zeros(50_000_usize).on("elsewhere").submit(&workflow);
    let lengths: Vec<_> = (0..2)
        .map(|_| length(&large).on("elsewhere").submit(&workflow))
        .collect();
    for future in lengths {
        assert_eq!(future.result().unwrap(), 50_000);
    }
    let calls = elsewhere.calls.lock();
    let at = |index: usize| calls[index].arguments.bytes.as_ptr();
    assert_eq!(at(1), at(2));
}

/// Fails until the third attempt.
#[task]
fn persistent(context: &TaskContext, values: Vec<i64>) -> Result<i64, String> {
    match context.attempt() {
        3 => Ok(values.iter().sum()),
        attempt => Err(format!("attempt {attempt}")),
    }
}

#[test]
fn arguments_are_there_for_every_attempt() {
    let (workflow, elsewhere) = workflow();
    let values = squares(&workflow);
    let before = elsewhere.calls.lock().len();
    let call = persistent(values).on("elsewhere").retries(2);
    assert_eq!(call.submit(&workflow).result().unwrap(), 395);
    let calls = elsewhere.calls.lock();
    let sent = &calls[calls.len() - 3..];
    assert!(calls.len() >= before + 3);
    assert!(sent.iter().all(|call| call.arguments == sent[0].arguments));
}

#[task(on_loss = "fail", name = "sent once")]
fn send() -> u8 {
    1
}

#[test]
fn a_call_takes_along_its_name_its_directory_and_what_loss_means() {
    let (workflow, elsewhere) = workflow();
    let folder = std::env::temp_dir().join(format!("chiltepin-travel-{}", std::process::id()));
    let calls = [
        send(),
        send().on_loss(OnLoss::Repeat).name("again"),
        send().directory(folder.join("of its own")),
    ];
    for call in calls {
        call.on("elsewhere").submit(&workflow).result().unwrap();
    }
    square(1)
        .on("elsewhere")
        .submit(&workflow)
        .result()
        .unwrap();
    let calls = elsewhere.calls.lock();
    let on_loss: Vec<_> = calls.iter().map(|call| call.on_loss).collect();
    let (fail, repeat) = (LossRule::Fail, LossRule::Repeat);
    assert_eq!(on_loss, [fail, repeat, fail, repeat]);
    assert_eq!(calls[0].name, None);
    assert_eq!(calls[1].name.as_deref(), Some("again"));
    assert_eq!(calls[2].directory, Some(folder.join("of its own")));
    assert!(folder.join("of its own").is_dir(), "it was made there");
    std::fs::remove_dir_all(folder).unwrap();
}

#[task]
fn describe(context: &TaskContext) -> (String, u32, u64, bool, bool, PathBuf) {
    let stopped = context.is_cancelled();
    (
        context.name().to_owned(),
        context.attempt(),
        context.id().number(),
        context.deadline().is_some(),
        stopped,
        context.directory(),
    )
}

fn value_of<T: Value>(future: AppFuture<T>) -> T {
    future.result().unwrap()
}

#[test]
fn a_body_knows_elsewhere_what_it_knows_here() {
    let (workflow, _) = workflow();
    let folder = std::env::temp_dir();
    for executor in ["local", "elsewhere"] {
        let described = value_of(describe().on(executor).submit(&workflow));
        let here = std::env::current_dir().unwrap();
        assert_eq!(
            (
                &*described.0,
                described.1,
                described.3,
                described.4,
                described.5
            ),
            ("describe", 1, false, false, here)
        );
        assert!(described.2 > 0);
        let call = describe().on(executor).name("it").directory(&folder);
        let call = call.timeout(std::time::Duration::from_secs(600));
        let described = value_of(call.submit(&workflow));
        assert_eq!(
            (&*described.0, described.3, described.5),
            ("it", true, folder.clone())
        );
    }
}
