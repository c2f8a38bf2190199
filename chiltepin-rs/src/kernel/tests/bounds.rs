use super::*;
use crate::kernel::Standing;

#[test]
fn what_fits_nowhere_any_more_ends() {
    let mut fixture = Fixture::with(cores(2));
    let running = fixture.submit(call().cores(2).retries(1));
    fixture.submit(call().cores(2));
    let small = fixture.submit(call());
    fixture.submit(call().cores(3).on(0b11));
    assert!(fixture.bound(0, Some(cores(2))).is_empty());
    let said = fixture.bound(0, Some(cores(1)));
    assert_eq!(
        said,
        ["end 2.0: FitsNowhere { executors: ExecutorSet(1) }"],
        "the small one, the one that may go elsewhere and the one that runs are left alone"
    );
    let elsewhere = "end 4.0: FitsNowhere { executors: ExecutorSet(3) }";
    assert_eq!(fixture.bound(1, Some(cores(2))), [elsewhere]);
    assert_eq!(
        fixture.fail(running, 1, 5),
        ["end 1.1: Failed(5)", "start 3.1 on 0"],
        "it is not repeated"
    );
    assert_eq!(fixture.succeed(small), ["end 3.1: Succeeded"]);
    let (_, said) = fixture.submit_saying(call().cores(2));
    assert_eq!(said, ["end 5.0: FitsNowhere { executors: ExecutorSet(1) }"]);
}

#[test]
fn what_waits_for_others_ends_when_they_are_there() {
    let mut fixture = Fixture::with(cores(2));
    let first = fixture.submit(call());
    let waiting = fixture.submit(call().cores(2).after(&[first]));
    fixture.submit(call().after(&[waiting]));
    fixture.submit(call().after(&[first]));
    assert!(fixture.bound(0, Some(cores(1))).is_empty());
    assert_eq!(
        fixture.succeed(first),
        [
            "end 1.1: Succeeded",
            "end 2.0: FitsNowhere { executors: ExecutorSet(1) }",
            "end 3.0: DependencyFailed(Task(TaskId(2)))",
            "start 4.1 on 0",
        ]
    );
}

#[test]
fn what_is_delayed_or_returned_ends_too() {
    let mut fixture = Fixture::with(cores(4));
    let delayed = fixture.submit(call().cores(2).retries(1));
    let returned = fixture.submit(call().cores(2));
    fixture.fail(delayed, 1, 5);
    let said = fixture.bound(0, Some(cores(1)));
    assert_eq!(said, ["end 1.1: FitsNowhere { executors: ExecutorSet(1) }"]);
    assert_eq!(fixture.next_wake(), None);
    let said = fixture.finish(returned, 1, Finish::Returned);
    assert_eq!(said, ["end 2.1: FitsNowhere { executors: ExecutorSet(1) }"]);
}

#[test]
fn a_broken_executor_runs_nothing_any_more() {
    let mut fixture = Fixture::with(cores(1));
    let running = fixture.submit(call());
    let anywhere = fixture.submit(call().on(0b11));
    fixture.submit(call());
    let said = fixture.bound(0, None);
    assert_eq!(said, ["end 3.0: FitsNowhere { executors: ExecutorSet(1) }"]);
    assert_eq!(
        fixture.kernel.status(anywhere),
        Some(Standing::Ready {
            executors: ExecutorSet(0b10)
        })
    );
    // Neither what becomes free there nor what it says from now on counts.
    assert_eq!(fixture.succeed(running), ["end 1.1: Succeeded"]);
    assert!(fixture.offer(0, 1, cores(4)).is_empty());
    assert!(fixture.bound(0, Some(cores(4))).is_empty());
    let (_, said) = fixture.submit_saying(call());
    assert_eq!(said, ["end 4.0: FitsNowhere { executors: ExecutorSet(1) }"]);
    assert_eq!(fixture.offer(1, 0, cores(1)), ["start 2.1 on 1"]);
}

#[test]
fn a_bound_may_grow() {
    let mut fixture = Fixture::new(&[]);
    fixture.bound(0, Some(cores(1)));
    let (_, said) = fixture.submit_saying(call().cores(2));
    assert_eq!(said.len(), 1);
    fixture.bound(0, Some(cores(2)));
    let (_, said) = fixture.submit_saying(call().cores(2));
    assert!(said.is_empty());
    assert_eq!(fixture.offer(0, 0, cores(2)), ["start 2.1 on 0"]);
}
