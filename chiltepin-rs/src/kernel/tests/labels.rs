use super::*;
use crate::kernel::Standing;

#[test]
fn only_so_many_tasks_of_a_label_run_at_once_and_they_run_in_order() {
    let mut fixture = Fixture::new(&[2]);
    fixture.offer(0, 0, cores(8));
    let ids: Vec<_> = (0..4)
        .map(|_| fixture.submit(call().labels(&[0, 0])))
        .collect();
    let limited = Some(Standing::Limited(LabelId(0)));
    assert_eq!(
        (fixture.kernel.status(ids[2]), fixture.kernel.status(ids[3])),
        (limited, limited)
    );
    assert_eq!(fixture.submit_saying(call()).1, ["start 5.1 on 0"]);
    assert_eq!(
        fixture.succeed(ids[1]),
        ["end 2.1: Succeeded", "start 3.1 on 0"]
    );
    assert_eq!(
        fixture.succeed(ids[0]),
        ["end 1.1: Succeeded", "start 4.1 on 0"]
    );
}

#[test]
fn a_label_without_a_limit_limits_nothing() {
    let mut fixture = Fixture::new(&[]);
    fixture.offer(0, 0, cores(8));
    assert_eq!(
        fixture.submit_saying(call().labels(&[3])).1,
        ["start 1.1 on 0"]
    );
}

#[test]
fn a_task_takes_all_its_labels_or_none() {
    let mut fixture = Fixture::new(&[1, 1]);
    fixture.offer(0, 0, cores(8));
    let first = fixture.submit(call().labels(&[0]));
    let both = fixture.submit(call().labels(&[1, 0]));
    assert_eq!(
        fixture.kernel.status(both),
        Some(Standing::Limited(LabelId(0)))
    );
    let (second, said) = fixture.submit_saying(call().labels(&[1]));
    assert_eq!(said, ["start 3.1 on 0"]);
    assert_eq!(fixture.succeed(first), ["end 1.1: Succeeded"]);
    assert_eq!(
        fixture.succeed(second),
        ["end 3.1: Succeeded", "start 2.1 on 0"]
    );
}

#[test]
fn a_label_given_back_on_one_executor_serves_a_task_for_another() {
    let mut fixture = Fixture::new(&[1]);
    fixture.offer(0, 0, cores(1));
    fixture.offer(1, 0, cores(1));
    let first = fixture.submit(call().on(1).labels(&[0]));
    fixture.submit(call().on(2).labels(&[0]));
    fixture.submit(call().on(1).labels(&[0]));
    // The earlier one goes first, though room was just made for the later one.
    assert_eq!(
        fixture.succeed(first),
        ["end 1.1: Succeeded", "start 2.1 on 1"]
    );
}

#[test]
fn a_label_is_not_kept_for_a_task_that_has_no_room() {
    let mut fixture = Fixture::new(&[1]);
    fixture.offer(0, 0, cores(1));
    let first = fixture.submit(call().on(1).labels(&[0]));
    fixture.submit(call().on(2).labels(&[0]));
    fixture.submit(call().on(1).labels(&[0]));
    assert_eq!(
        fixture.succeed(first),
        ["end 1.1: Succeeded", "start 3.1 on 0"]
    );
}

#[test]
fn a_stopped_task_holds_its_label_until_it_has_ended() {
    let mut fixture = Fixture::new(&[1]);
    fixture.offer(0, 0, cores(8));
    let first = fixture.submit(call().labels(&[0]));
    fixture.submit(call().labels(&[0]));
    assert_eq!(fixture.cancel(first), ["stop 1.1 on 0"]);
    assert_eq!(
        fixture.finish(first, 1, Finish::Stopped)[1],
        "start 2.1 on 0"
    );
}

#[test]
fn the_end_of_a_limited_task_lets_the_next_one_run() {
    let mut fixture = Fixture::new(&[1]);
    fixture.offer(0, 0, cores(8));
    let ids: Vec<_> = (0..3)
        .map(|_| fixture.submit(call().labels(&[0])))
        .collect();
    fixture.cancel(ids[1]);
    assert_eq!(
        fixture.succeed(ids[0]),
        ["end 1.1: Succeeded", "start 3.1 on 0"]
    );
}
