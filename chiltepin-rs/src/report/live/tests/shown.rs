//! What people read.

use super::super::rows::{Size, rows};
use super::super::text;
use super::*;

const WIDE: Size = Size {
    columns: 100,
    lines: 24,
};

fn lines(run: &Run, size: Size) -> String {
    rows(&run.tally, seconds(72), size).join("\n")
}

/// Some of everything.
fn busy() -> Run {
    let mut run = Run::new();
    let counts = run.submit("corpus::count", LOCAL, 640);
    run.start(&counts[..520], 0);
    run.end(&counts[..500], &Ending::Succeeded);
    run.end(&counts[500..512], &failed());
    run.find(&counts[630..]);
    let fits = run.submit("corpus::fit", BOTH, 9);
    run.start(&fits[..4], 1);
    run.end(&fits[..1], &Ending::Succeeded);
    let merges = run.submit("corpus::merge", COMPUTE, 3);
    run.end(&merges[..1], &Ending::DependencyFailed { root: None });
    run.end(&merges[1..2], &Ending::Closed);
    run
}

#[test]
fn a_row_for_each_function_and_executor() {
    insta::assert_snapshot!(lines(&busy(), WIDE), @r"
    count  local    8 running  110 waiting  500 succeeded  10 cached  12 failed
    fit    -                     5 waiting
    fit    compute  3 running                 1 succeeded
    merge  compute               1 waiting                                       1 not run  1 cancell…
    525 of 652 tasks ended, 1 min 12 s
    ");
}

#[test]
fn a_narrow_terminal_cuts_rows() {
    let size = Size {
        columns: 40,
        lines: 24,
    };
    insta::assert_snapshot!(lines(&busy(), size), @r"
    count  local    8 running  110 waitin…
    fit    -                     5 waiting
    fit    compute  3 running            …
    merge  compute               1 waitin…
    525 of 652 tasks ended, 1 min 12 s
    ");
}

#[test]
fn columns_that_are_empty_are_left_out() {
    let mut run = Run::new();
    let tasks = run.submit("simulate", LOCAL, 1);
    run.start(&tasks, 0);
    insta::assert_snapshot!(lines(&run, WIDE), @r"
    simulate  local  1 running
    0 of 1 task ended, 1 min 12 s
    ");
}

#[test]
fn a_low_terminal_shows_the_busiest() {
    let mut run = Run::new();
    for function in 0..9 {
        let tasks = run.submit(&format!("step_{function}"), LOCAL, 5);
        run.start(&tasks[..function % 5], 0);
    }
    let size = Size {
        columns: 80,
        lines: 12,
    };
    insta::assert_snapshot!(lines(&run, size), @r"
    step_3  local  3 running  2 waiting
    step_4  local  4 running  1 waiting
    step_7  local  2 running  3 waiting
    step_8  local  3 running  2 waiting
    … and 5 more
    0 of 45 tasks ended, 1 min 12 s
    ");
    // However low it is.
    for lines in 0..12 {
        let size = Size { columns: 10, lines };
        assert!(rows(&run.tally, seconds(0), size).len() <= (lines / 2).max(3));
    }
}

#[test]
fn two_functions_of_one_name_are_told_apart() {
    let mut run = Run::new();
    run.submit("a::load", LOCAL, 1);
    run.submit("b::load", LOCAL, 1);
    run.submit("b::save", LOCAL, 1);
    insta::assert_snapshot!(lines(&run, WIDE), @r"
    a::load  local  1 waiting
    b::load  local  1 waiting
    save     local  1 waiting
    0 of 3 tasks ended, 1 min 12 s
    ");
}

#[test]
fn names_move_no_cursor() {
    let mut run = Run::new();
    run.submit("a\x1b[2J\nb", LOCAL, 1);
    let lines = lines(&run, WIDE);
    assert!(lines.contains("a?[2J?b"), "{lines}");
    assert_eq!(lines.lines().count(), 2);
}

#[test]
fn a_task_that_runs_again_waits_where_it_may_run() {
    let mut run = Run::new();
    let tasks = run.submit("fetch", BOTH, 2);
    run.start(&tasks, 1);
    run.tell(retrying(tasks[0], 1));
    insta::assert_snapshot!(lines(&run, WIDE), @r"
    fetch  -                   1 waiting
    fetch  compute  1 running
    0 of 2 tasks ended, 1 min 12 s
    ");
    run.tell(started(tasks[0], 2, 0));
    insta::assert_snapshot!(lines(&run, WIDE), @r"
    fetch  compute  1 running
    fetch  local    1 running
    0 of 2 tasks ended, 1 min 12 s
    ");
}

#[test]
fn a_rate_is_that_of_the_last_half_minute() {
    let mut run = Run::new();
    let tasks = run.submit("count", LOCAL, 1000);
    run.start(&tasks, 0);
    let mut ended = 0;
    let mut rate = |run: &mut Run, now: u64, more: usize| {
        run.end(&tasks[ended..ended + more], &Ending::Succeeded);
        ended += more;
        run.tally.sample(seconds(now));
        let row = lines(run, WIDE).lines().next().unwrap().to_owned();
        row.rsplit("  ").next().unwrap().to_owned()
    };
    assert_eq!(rate(&mut run, 1, 0), "1000 running");
    assert_eq!(rate(&mut run, 2, 24), "24/s");
    assert_eq!(rate(&mut run, 3, 12), "18/s");
    assert_eq!(rate(&mut run, 40, 2), "38 succeeded", "two tell nothing");
    assert_eq!(rate(&mut run, 60, 3), "9.0/min");
    assert_eq!(rate(&mut run, 70, 100), "3.4/s");
}

#[test]
fn a_line_tells_of_the_whole_run() {
    insta::assert_snapshot!(text::line(&busy().tally, seconds(72)), @"chiltepin: 1 min 12 s: 525 of 652 tasks ended, 12 failed, 1 not run, 1 cancelled; count: 8 running, 110 waiting; fit: 3 running, 5 waiting; merge: 1 waiting");
    let mut run = Run::new();
    for function in 0..6 {
        run.submit(&format!("step_{function}"), LOCAL, 5);
    }
    run.tell(What::Missed { events: 3 });
    insta::assert_snapshot!(text::line(&run.tally, seconds(9)), @"chiltepin: 9 s: 0 of 30 tasks ended; step_0: 5 waiting; step_1: 5 waiting; step_2: 5 waiting; step_3: 5 waiting; and 2 more (3 events are not counted)");
}

#[test]
fn the_last_line_sums_up() {
    insta::assert_snapshot!(text::last(&busy().tally, seconds(7300)), @"chiltepin: 652 tasks: 501 succeeded, 10 from the cache, 12 failed, 1 not run, 1 cancelled, 127 not ended, in 2 h 1 min");
    let mut run = Run::new();
    insta::assert_snapshot!(text::last(&run.tally, seconds(12)), @"chiltepin: 0 tasks, in 12 s");
    let tasks = run.submit("simulate", LOCAL, 1);
    run.end(&tasks, &Ending::Succeeded);
    insta::assert_snapshot!(text::last(&run.tally, seconds(12)), @"chiltepin: 1 task: 1 succeeded, in 12 s");
}
