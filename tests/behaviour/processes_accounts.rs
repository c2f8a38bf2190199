//! What is known of a task that ran in a worker process: what it took, and what it printed.

use std::hint::black_box;
use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use chiltepin::{AppFuture, TaskReport, Value, task};

use crate::crew::Crew;
use crate::place::shell;

/// Keeps a core busy for so long, by its own clock of processor time.
#[task]
fn spin(time: Duration) -> u64 {
    let begun = Instant::now();
    let mut count = 0_u64;
    while begun.elapsed() < time {
        count = black_box(count.wrapping_add(1));
    }
    count
}

#[task]
fn sleep(time: Duration) {
    std::thread::sleep(time);
}

#[task]
async fn sleep_later(time: Duration) {
    tokio::time::sleep(time).await;
}

#[task]
fn hold_memory(bytes: usize) -> usize {
    // Written to, since memory that is only asked for costs nothing.
    let held = black_box(vec![1_u8; bytes]);
    std::thread::sleep(Duration::from_millis(20));
    held.iter().filter(|byte| **byte == 1).count()
}

#[track_caller]
fn report<T: Value>(future: &AppFuture<T>) -> TaskReport {
    assert!(future.result().is_ok());
    future.report().unwrap()
}

#[chiltepin::test]
fn a_body_that_computes_takes_processor_time_and_one_that_sleeps_does_not() {
    let crew = Crew::new();
    let workflow = crew.open("max_workers_per_node = 1");
    let long = Duration::from_millis(400);
    let spun = report(&spin(long).submit(&workflow));
    assert!(spun.run >= long && spun.run < long * 20, "{spun:?}");
    let taken = spun.user + spun.system;
    // On a machine that is busy it gets but a part of its time.
    assert!(
        taken > long / 20 && taken <= spun.run + long / 10,
        "{spun:?}"
    );
    for slept in [
        report(&sleep(long).submit(&workflow)),
        report(&sleep_later(long).submit(&workflow)),
    ] {
        assert!(slept.run >= long, "{slept:?}");
        assert!(slept.user + slept.system < long / 4, "{slept:?}");
        assert_eq!(
            (&*slept.executor, slept.worker.as_deref(), slept.attempt),
            ("pool", Some("pool-0"), 1)
        );
        assert_eq!(slept.process, crew.workers()[0].id());
        assert_eq!(
            slept.node,
            std::fs::read_to_string("/proc/sys/kernel/hostname")
                .unwrap()
                .trim()
        );
        assert!(slept.waited.is_some(), "{slept:?}");
    }
}

#[chiltepin::test]
fn the_most_memory_is_that_of_the_task_and_not_of_one_before_it() {
    const LARGE: usize = 200 << 20;
    let crew = Crew::new();
    let workflow = crew.open("max_workers_per_node = 1");
    let peak = |report: TaskReport| usize::try_from(report.peak_memory.unwrap()).unwrap();
    let before = peak(report(&hold_memory(1000).submit(&workflow)));
    let large = peak(report(&hold_memory(LARGE).submit(&workflow)));
    let after = peak(report(&hold_memory(1000).submit(&workflow)));
    assert!((LARGE..LARGE * 2).contains(&large), "{large}");
    assert!(before < LARGE / 2, "{before}");
    assert!(after < LARGE / 2, "{after}");
}

#[chiltepin::test]
fn a_command_is_accounted_for_with_its_children() {
    let crew = Crew::new();
    let workflow = crew.open("");
    let spun =
        report(&shell("bash -c 'for ((i = 0; i < 100000; i++)); do :; done'").submit(&workflow));
    assert!(
        spun.user + spun.system > Duration::from_millis(10),
        "{spun:?}"
    );
    assert!(spun.run >= (spun.user + spun.system) / 2, "{spun:?}");
    assert_eq!(
        (&*spun.executor, spun.worker, spun.attempt),
        ("pool", None, 1)
    );
    assert!(spun.peak_memory.unwrap() > 1 << 20);
    let slept = report(&shell("sleep 0.4").submit(&workflow));
    assert!(slept.run >= Duration::from_millis(400), "{slept:?}");
    assert!(
        slept.user + slept.system < Duration::from_millis(200),
        "{slept:?}"
    );
    // What is awaited and held shows: the largest process of the command.
    let large = report(
        &shell("x=$(head -c 30000000 /dev/zero | tr '\\0' 'x'); : \"$x\"").submit(&workflow),
    );
    assert!(large.peak_memory.unwrap() > 30 << 20, "{large:?}");
}

#[chiltepin::test]
fn an_attempt_is_numbered_in_the_report() {
    let crew = Crew::new();
    let workflow = crew.open("max_workers_per_node = 1");
    let flaky = shell("[ $CHILTEPIN_ATTEMPT = 3 ]")
        .retries(2)
        .submit(&workflow);
    assert_eq!(report(&flaky).attempt, 3);
}

/// Prints in every way that there is.
#[task]
fn print_all(number: u32) -> u32 {
    println!("line {number}");
    print!("no end {number}|");
    Command::new("sh")
        .args([
            "-c",
            &format!("echo child {number}; echo error {number} >&2"),
        ])
        .status()
        .unwrap();
    for byte in format!("C {number}|").bytes() {
        put_by_c(byte);
    }
    eprintln!("last {number}");
    std::io::stderr().write_all(b"raw").unwrap();
    number
}

/// Writes a byte as a C library does, which keeps it in a buffer of its own.
fn put_by_c(byte: u8) {
    #[expect(unsafe_code, reason = "a C library's stdout is what is looked at")]
    mod c {
        unsafe extern "C" {
            pub(super) safe fn putchar(byte: i32) -> i32;
        }
    }
    assert_eq!(c::putchar(i32::from(byte)), i32::from(byte));
}

#[task]
async fn print_later(number: u32) -> u32 {
    println!("begun {number}");
    tokio::task::yield_now().await;
    println!("ended {number}");
    number
}

#[task]
fn print_nothing() -> u32 {
    0
}

fn texts<T: Value>(future: &AppFuture<T>) -> [String; 2] {
    [future.stdout(), future.stderr()]
        .map(|output| output.map_or_else(String::new, |output| output.text().unwrap()))
}

/// The text without the pieces that were written, in whatever order.
#[track_caller]
fn is_made_of(text: &str, pieces: &[String]) {
    let mut rest = text.to_owned();
    for piece in pieces {
        assert_eq!(
            rest.matches(piece.as_str()).count(),
            1,
            "`{piece}` in `{text}`"
        );
        rest = rest.replacen(piece.as_str(), "", 1);
    }
    assert_eq!(rest, "", "more than it printed in `{text}`");
}

#[track_caller]
fn printed_all(future: &AppFuture<u32>, number: u32) {
    assert_eq!(future.result().unwrap(), number);
    let [out, err] = texts(future);
    // Buffers are written out when they are, so the order is not that of printing.
    let pieces = ["line N\n", "no end N|", "child N\n", "C N|"];
    is_made_of(
        &out,
        &pieces.map(|piece| piece.replace('N', &number.to_string())),
    );
    let pieces = ["error N\n", "last N\n", "raw"];
    is_made_of(
        &err,
        &pieces.map(|piece| piece.replace('N', &number.to_string())),
    );
}

#[chiltepin::test]
fn a_future_gives_what_its_task_has_printed() {
    let crew = Crew::new();
    let workflow = crew.open("max_workers_per_node = 1");
    // Among others that print nothing, and such that are sent ahead.
    let quiet = workflow.map(0..100, |_| print_nothing());
    let loud = workflow.map(0..20, print_all);
    for (number, future) in (0..).zip(&loud) {
        printed_all(future, number);
    }
    for future in &quiet {
        assert_eq!(future.result().unwrap(), 0);
        assert_eq!(texts(future), ["", ""]);
    }
    for number in 0..5 {
        let later = print_later(number).submit(&workflow);
        assert_eq!(later.result().unwrap(), number);
        assert_eq!(
            texts(&later)[0],
            format!("begun {number}\nended {number}\n")
        );
    }
    one_file_for_each(&loud[0], 1);
}

#[chiltepin::test]
fn what_tasks_print_on_several_workers_does_not_mix() {
    let crew = Crew::new();
    let workflow = crew.open("max_workers_per_node = 3\ncores_per_node = 3");
    let loud = workflow.map(0..100, print_all);
    for (number, future) in (0..).zip(&loud) {
        printed_all(future, number);
    }
    one_file_for_each(&loud[0], 3);
}

/// There is a file for each worker and stream, and not for each task.
#[track_caller]
fn one_file_for_each(future: &AppFuture<u32>, most: usize) {
    let file = future.stdout().unwrap().path().to_owned();
    let files = std::fs::read_dir(file.parent().unwrap()).unwrap().count();
    assert!(files >= 2 && files <= 2 * most, "{files} files");
}

/// Prints and then ends the process, the first time.
#[task]
fn print_and_abort(file: std::path::PathBuf) -> u32 {
    println!("before the end");
    if std::fs::File::create_new(file).is_ok() {
        std::process::abort();
    }
    1
}

#[chiltepin::test]
fn what_a_lost_worker_printed_is_not_taken_for_another_task_s() {
    let crew = Crew::new();
    let workflow = crew.open("max_workers_per_node = 1");
    let first = print_all(1).submit(&workflow);
    printed_all(&first, 1);
    let lossy = print_and_abort(crew.place.path("aborted")).submit(&workflow);
    assert_eq!(lossy.result().unwrap(), 1);
    assert_eq!(texts(&lossy)[0], "before the end\n");
    let last = print_all(2).submit(&workflow);
    printed_all(&last, 2);
    printed_all(&first, 1);
}

#[task]
fn log(number: u32) -> u32 {
    tracing::info!(number, "within a task");
    tracing::debug!("too fine");
    number
}

#[chiltepin::test]
fn events_in_a_task_are_among_what_it_printed() {
    for (level, is_logged) in [("info", true), ("warn", false)] {
        let crew = Crew::new();
        let line = format!("export CHILTEPIN_LOG={level}");
        let workflow = crew.open_in(&[&line], "max_workers_per_node = 1");
        let future = log(3).submit(&workflow);
        assert_eq!(future.result().unwrap(), 3);
        let text = &texts(&future)[1];
        assert_eq!(text.contains("within a task"), is_logged, "{text}");
        assert!(!text.contains("too fine"), "{text}");
    }
}
