//! Results that are looked for before a task runs, and kept before it ends.

use super::*;
use crate::kernel::Standing;

#[test]
fn a_result_that_is_there_needs_no_room() {
    let mut fixture = Fixture::new(&[]);
    let (first, said) = fixture.submit_saying(call().cached());
    assert_eq!(said, ["look for 1"]);
    let second = fixture.submit(call().cached().after(&[first]));
    assert_eq!(
        fixture.looked(first, true),
        ["end 1.0: Succeeded", "look for 2"]
    );
    assert_eq!(fixture.looked(second, true), ["end 2.0: Succeeded"]);
}

#[test]
fn a_result_that_is_not_there_is_worked_out_and_kept_before_the_task_ends() {
    let mut fixture = Fixture::with(cores(1));
    let first = fixture.submit(call().cached());
    assert_eq!(fixture.looked(first, false), ["start 1.1 on 0"]);
    fixture.submit(call());
    let dependent = fixture.submit(call().after(&[first]));
    // Its room is free while the result is kept.
    assert_eq!(fixture.succeed(first), ["keep 1.1", "start 2.1 on 0"]);
    assert!(fixture.cancel(first).is_empty(), "what it did is done");
    assert_eq!(fixture.kept(first), ["end 1.1: Succeeded"]);
    assert_eq!(fixture.kernel.status(first), None);
    assert!(matches!(
        fixture.kernel.status(dependent),
        Some(Standing::Ready { .. })
    ));
}

#[test]
fn what_is_repeated_is_not_looked_for_again_and_what_failed_is_not_kept() {
    let mut fixture = Fixture::with(cores(1));
    let task = fixture.submit(call().cached().retries(1));
    assert_eq!(fixture.looked(task, false), ["start 1.1 on 0, not last"]);
    fixture.fail(task, 1, 5);
    assert_eq!(fixture.wake_after(200), ["start 1.2 on 0"]);
    assert_eq!(fixture.fail(task, 2, 6), ["end 1.2: Failed(6)"]);
}

#[test]
fn answers_that_nobody_has_asked_for_are_ignored() {
    let mut fixture = Fixture::with(cores(1));
    let plain = fixture.submit(call());
    assert!(fixture.looked(plain, true).is_empty());
    assert!(fixture.kept(plain).is_empty());
    let task = fixture.submit(call().cached());
    assert!(fixture.kept(task).is_empty());
    assert_eq!(
        fixture.cancel(task),
        ["end 2.0: Cancelled { abandoned: false }"]
    );
    assert!(fixture.looked(task, true).is_empty());
}

#[test]
fn a_workflow_that_is_killed_waits_for_what_is_being_kept() {
    let mut fixture = Fixture::with(cores(1));
    let kept = fixture.submit(call().cached());
    fixture.looked(kept, false);
    let looked_for = fixture.submit(call().cached());
    fixture.succeed(kept);
    assert_eq!(fixture.send(Event::Killing), ["end 2.0: Closed"]);
    assert!(fixture.looked(looked_for, false).is_empty());
    assert_eq!(fixture.kept(kept), ["end 1.1: Succeeded", "drained"]);
}

#[test]
fn a_workflow_that_is_abandoned_ends_what_is_being_kept() {
    let mut fixture = Fixture::with(cores(1));
    let kept = fixture.submit(call().cached());
    fixture.looked(kept, false);
    fixture.succeed(kept);
    assert_eq!(
        fixture.send(Event::Abandoning),
        ["end 1.1: Succeeded", "drained"]
    );
}
