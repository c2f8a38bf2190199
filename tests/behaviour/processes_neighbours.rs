//! Calls that share a worker process: none keeps another's result from arriving.

use std::path::PathBuf;
use std::time::Duration;

use chiltepin::{AppFuture, TaskError, Value, task};

use crate::crew::{Crew, note, notes, wait_for};
use crate::place::until;

/// Far longer than any of these calls takes, on a busy machine too.
const LONG: Duration = Duration::from_secs(30);

#[track_caller]
fn ended<T: Value>(future: &AppFuture<T>) -> Result<T, TaskError> {
    match future.result_timeout(LONG) {
        Some(result) => result,
        None => panic!("`{}` has not ended", future.name()),
    }
}

/// Keeps stdout locked until the file is there.
#[task]
fn hold_stdout(file: PathBuf) -> u32 {
    let _lock = std::io::stdout().lock();
    note(&file.with_extension("begun"), "begun");
    wait_for(&file);
    1
}

#[task]
async fn answer_later() -> u32 {
    tokio::task::yield_now().await;
    2
}

#[task]
fn answer() -> u32 {
    3
}

#[task]
async fn print_later() -> u32 {
    println!("by the async one");
    4
}

#[task]
fn print_nothing() -> u32 {
    5
}

#[chiltepin::test]
fn a_body_that_holds_stdout_keeps_no_other_from_ending() {
    let crew = Crew::new();
    let workflow = crew.open(
        "max_workers_per_node = 1\nthreads_per_worker = 2\ncores_per_worker = 2\n\
         cores_per_node = 2",
    );
    let file = crew.place.path("go");
    let holding = hold_stdout(file.clone()).submit(&workflow);
    until("stdout to be held", || {
        file.with_extension("begun").exists()
    });
    assert_eq!(ended(&answer_later().submit(&workflow)).unwrap(), 2);
    assert_eq!(ended(&answer().submit(&workflow)).unwrap(), 3);
    assert!(!holding.done());
    note(&file, "go");
    assert_eq!(ended(&holding).unwrap(), 1);
}

#[chiltepin::test]
fn what_an_async_body_printed_is_not_the_next_one_s() {
    let crew = Crew::new();
    let workflow = crew.open("max_workers_per_node = 1");
    for round in 0..3 {
        let before = print_nothing().submit(&workflow);
        assert_eq!(ended(&before).unwrap(), 5);
        let printing = print_later().submit(&workflow);
        assert_eq!(ended(&printing).unwrap(), 4);
        let after = print_nothing().submit(&workflow);
        assert_eq!(ended(&after).unwrap(), 5);
        let text = |future: &AppFuture<u32>| {
            let output = future.stdout();
            output.map_or_else(String::new, |output| output.text().unwrap())
        };
        assert_eq!(text(&printing), "by the async one\n", "{round}");
        assert_eq!(text(&after), "", "{round}");
    }
}

/// Blocks its runtime's only thread until the file is there.
#[task]
async fn block(file: PathBuf) -> u32 {
    note(&file.with_extension("begun"), "begun");
    wait_for(&file);
    6
}

/// Notes that it ends.
#[task]
async fn end(file: PathBuf, number: usize) -> usize {
    note(&file, &number.to_string());
    number
}

#[chiltepin::test]
fn an_async_body_that_blocks_its_thread_holds_back_none_that_have_ended() {
    let crew = Crew::new();
    let workflow = crew.open("max_workers_per_node = 1");
    for round in 0..10 {
        let file = crew.place.path(&format!("go-{round}"));
        let ends = file.with_extension("ends");
        let mut quick = workflow.map(0..20, |number| end(ends.clone(), number));
        let blocking = block(file.clone()).submit(&workflow);
        quick.extend(workflow.map(20..40, |number| end(ends.clone(), number)));
        until("the thread to be blocked", || {
            file.with_extension("begun").exists()
        });
        for number in notes(&ends) {
            let number: usize = number.parse().unwrap();
            assert_eq!(ended(&quick[number]).unwrap(), number);
        }
        assert!(!blocking.done());
        note(&file, "go");
        assert_eq!(ended(&blocking).unwrap(), 6);
        for (number, future) in quick.iter().enumerate() {
            assert_eq!(ended(future).unwrap(), number);
        }
    }
}

/// Gives so many bytes, once the file is there.
#[task]
fn fill_after(file: PathBuf, bytes: usize) -> Vec<u8> {
    note(&file.with_extension("begun"), "begun");
    wait_for(&file);
    vec![7; bytes]
}

/// A result that is refused is small on its way, and not sent for its size; the memory it took is
/// large.
#[chiltepin::test]
fn a_refused_result_of_one_thread_arrives_while_the_other_waits_for_calls() {
    let crew = Crew::new();
    let workflow = crew.open(
        "max_workers_per_node = 1\nthreads_per_worker = 2\ncores_per_worker = 2\n\
         cores_per_node = 2\nmax_inline_value = \"1MiB\"",
    );
    // Either thread may have either call, and the one that ends last is to be on the second.
    for (round, order) in [[0, 1], [1, 0]].into_iter().cycle().take(20).enumerate() {
        let files = [0, 1].map(|number| crew.place.path(&format!("go-{round}-{number}")));
        let calls = files.each_ref().map(|file| {
            let call = fill_after(file.clone(), 2 << 20).submit(&workflow);
            until("the call to run", || file.with_extension("begun").exists());
            call
        });
        for number in order {
            note(&files[number], "go");
            let error = ended(&calls[number]).unwrap_err();
            assert!(error.to_string().contains("max_inline_value"), "{error}");
        }
    }
}
