use super::*;
use crate::kernel::Standing;

#[test]
fn a_failed_attempt_is_repeated_after_a_pause_in_which_it_holds_no_room() {
    let mut fixture = Fixture::with(cores(1));
    let (id, said) = fixture.submit_saying(call().retries(2));
    assert_eq!(said, ["start 1.1 on 0, not last"]);
    let other = fixture.submit(call());
    assert_eq!(
        fixture.fail(id, 1, 5),
        ["repeat 1.1 at 100 ms after Some(5)", "start 2.1 on 0"]
    );
    let until = fixture.start + Duration::from_millis(100);
    assert_eq!(fixture.kernel.status(id), Some(Standing::Delayed { until }));
    assert_eq!(fixture.next_wake(), Some(100));
    let later = fixture.submit(call());
    assert!(fixture.wake_after(99).is_empty());
    assert!(fixture.wake_after(1).is_empty());
    assert_eq!(fixture.next_wake(), None);
    // It goes before tasks that became ready after it did the first time.
    assert_eq!(
        fixture.succeed(other),
        ["end 2.1: Succeeded", "start 1.2 on 0, not last"]
    );
    assert_eq!(
        fixture.fail(id, 2, 6)[0],
        "repeat 1.2 at 300 ms after Some(6)"
    );
    fixture.succeed(later);
    assert_eq!(fixture.wake_after(200), ["start 1.3 on 0"]);
    assert_eq!(fixture.fail(id, 3, 7), ["end 1.3: Failed(7)"]);
}

#[test]
fn a_permanent_failure_is_not_repeated() {
    let mut fixture = Fixture::with(cores(1));
    let id = fixture.submit(call().retries(2));
    let finish = Finish::Failed {
        failure: 5,
        cause: None,
    };
    assert_eq!(fixture.finish(id, 1, finish), ["end 1.1: Failed(5)"]);
}

#[test]
fn an_attempt_that_is_over_is_not_reported_again() {
    let mut fixture = Fixture::with(cores(1));
    let id = fixture.submit(call().retries(1));
    fixture.fail(id, 1, 5);
    assert!(fixture.fail(id, 1, 5).is_empty());
    fixture.wake_after(100);
    assert!(fixture.succeed(id).is_empty());
    assert_eq!(
        fixture.finish(id, 2, Finish::Succeeded),
        ["end 1.2: Succeeded"]
    );
}

#[test]
fn an_attempt_is_stopped_at_its_deadline_and_repeated_while_it_may_be() {
    let mut fixture = Fixture::with(cores(1));
    let (id, said) = fixture.submit_saying(call().timeout(2).retries(1));
    assert_eq!(said, ["start 1.1 on 0, until 2000 ms, not last"]);
    assert_eq!(fixture.next_wake(), Some(2000));
    assert!(fixture.wake_after(1999).is_empty());
    assert_eq!(fixture.wake_after(1), ["stop 1.1 on 0"]);
    let stopping = Standing::Stopping {
        executor: ExecutorId(0),
        attempt: 1,
    };
    assert_eq!(fixture.kernel.status(id), Some(stopping));
    assert_eq!(
        fixture.finish(id, 1, Finish::Stopped),
        ["repeat 1.1 at 2100 ms after None"]
    );
    assert_eq!(fixture.wake_after(100), ["start 1.2 on 0, until 4100 ms"]);
    assert_eq!(fixture.wake_after(2000), ["stop 1.2 on 0"]);
    // A failure now is what the stop made of it.
    assert_eq!(
        fixture.fail(id, 2, 5),
        ["end 1.2: TimedOut { abandoned: false }"]
    );
}

#[test]
fn an_attempt_that_ends_in_time_leaves_no_timer() {
    let mut fixture = Fixture::with(cores(1));
    let id = fixture.submit(call().timeout(2));
    fixture.succeed(id);
    assert_eq!(fixture.next_wake(), None);
    let id = fixture.submit(call().timeout(2));
    fixture.cancel(id);
    assert_eq!(fixture.next_wake(), None);
}

#[test]
fn a_deadline_beyond_the_clock_never_comes() {
    let mut fixture = Fixture::with(cores(1));
    let mut endless = call();
    endless.rules.timeout = Some(Duration::MAX);
    let (id, said) = fixture.submit_saying(endless);
    assert_eq!(said, ["start 1.1 on 0"]);
    assert_eq!(fixture.next_wake(), None);
    assert_eq!(fixture.succeed(id), ["end 1.1: Succeeded"]);
}

#[test]
fn a_success_that_overtakes_the_stop_is_a_success() {
    let mut fixture = Fixture::with(cores(1));
    let id = fixture.submit(call().timeout(1));
    fixture.wake_after(1000);
    assert_eq!(fixture.succeed(id), ["end 1.1: Succeeded"]);
    let id = fixture.submit(call());
    fixture.cancel(id);
    assert_eq!(fixture.succeed(id), ["end 2.1: Succeeded"]);
}

#[test]
fn cancelling_ends_what_has_not_started_at_once_with_its_dependents() {
    let mut fixture = Fixture::with(cores(1));
    let running = fixture.submit(call().retries(1));
    let ready = fixture.submit(call());
    let waiting = fixture.submit(call().after(&[running]));
    fixture.submit(call().after(&[ready]));
    assert_eq!(
        fixture.cancel(ready),
        [
            "end 2.0: Cancelled { abandoned: false }",
            "end 4.0: DependencyFailed(Task(TaskId(2)))"
        ]
    );
    assert_eq!(
        fixture.cancel(waiting),
        ["end 3.0: Cancelled { abandoned: false }"]
    );
    fixture.fail(running, 1, 5);
    assert_eq!(
        fixture.cancel(running),
        ["end 1.1: Cancelled { abandoned: false }"]
    );
    assert_eq!(fixture.next_wake(), None);
}

#[test]
fn cancelling_stops_what_runs_whatever_it_answers() {
    for (finish, abandoned) in [
        (Finish::Stopped, false),
        (
            Finish::Failed {
                failure: 5,
                cause: Some(Cause::Error),
            },
            false,
        ),
        (Finish::Abandoned, true),
    ] {
        let mut fixture = Fixture::with(cores(1));
        let id = fixture.submit(call().retries(1));
        fixture.submit(call().after(&[id]));
        assert_eq!(fixture.cancel(id), ["stop 1.1 on 0"]);
        assert!(fixture.cancel(id).is_empty());
        assert_eq!(
            fixture.finish(id, 1, finish),
            [
                format!("end 1.1: Cancelled {{ abandoned: {abandoned} }}"),
                "end 2.0: DependencyFailed(Task(TaskId(1)))".to_owned()
            ]
        );
    }
}

#[test]
fn cancelling_what_is_stopped_for_its_timeout_keeps_it_from_being_repeated() {
    let mut fixture = Fixture::with(cores(1));
    let id = fixture.submit(call().timeout(1).retries(1));
    assert_eq!(fixture.wake_after(1000), ["stop 1.1 on 0"]);
    assert!(fixture.cancel(id).is_empty());
    let said = fixture.finish(id, 1, Finish::Stopped);
    assert_eq!(said, ["end 1.1: Cancelled { abandoned: false }"]);
}

#[test]
fn an_attempt_that_stops_unasked_ends_its_task_as_cancelled() {
    for (finish, abandoned) in [(Finish::Stopped, false), (Finish::Abandoned, true)] {
        let mut fixture = Fixture::with(cores(1));
        let id = fixture.submit(call().timeout(1).retries(1));
        let said = fixture.finish(id, 1, finish);
        assert_eq!(
            said,
            [format!("end 1.1: Cancelled {{ abandoned: {abandoned} }}")]
        );
        assert_eq!(fixture.next_wake(), None);
    }
}

#[test]
fn an_abandoned_attempt_keeps_its_room_and_labels_until_it_has_really_ended() {
    let mut fixture = Fixture::new(&[1]);
    fixture.offer(0, 0, cores(2));
    let id = fixture.submit(call().timeout(1).retries(1).labels(&[0]));
    fixture.submit(call().cores(2));
    fixture.submit(call().labels(&[0]));
    fixture.wake_after(1000);
    let said = fixture.finish(id, 1, Finish::Abandoned);
    assert_eq!(said, ["end 1.1: TimedOut { abandoned: true }"]);
    assert_eq!((fixture.kernel.status(id), fixture.kernel.len()), (None, 2));
    assert!(fixture.cancel(id).is_empty());
    assert!(fixture.finish(id, 1, Finish::Abandoned).is_empty());
    assert!(fixture.finish(id, 2, Finish::Stopped).is_empty());
    assert_eq!(fixture.finish(id, 1, Finish::Stopped), ["start 2.1 on 0"]);
    assert_eq!(
        fixture.succeed(TaskId::new(2, 1)),
        ["end 2.1: Succeeded", "start 3.1 on 0"]
    );
}

#[test]
fn the_end_tells_where_the_last_attempt_ran() {
    let mut fixture = Fixture::new(&[]);
    fixture.offer(5, 0, cores(1));
    let id = fixture.submit(call().on(1 << 5).retries(1));
    fixture.fail(id, 1, 5);
    let mut commands = Vec::new();
    fixture
        .kernel
        .handle(Event::Cancelled { id }, fixture.now, &mut commands);
    assert!(matches!(
        commands[..],
        [Command::Ended {
            attempt: 1,
            executor: Some(ExecutorId(5)),
            ..
        }]
    ));
}

#[test]
fn where_begins_are_told_the_time_counts_from_there() {
    let mut fixture = Fixture::with(cores(1));
    fixture.kernel.expect_begin(ExecutorId(0));
    let id = fixture.submit(call().timeout(5).retries(1));
    assert_eq!(fixture.next_wake(), None);
    assert!(fixture.wake_after(60_000).is_empty());
    fixture.begin(id, 1);
    assert_eq!(fixture.next_wake(), Some(65_000));
    // Said again, and of another attempt, it changes nothing.
    assert!(fixture.wake_after(1000).is_empty());
    fixture.begin(id, 1);
    fixture.begin(id, 2);
    assert_eq!(fixture.next_wake(), Some(65_000));
    assert_eq!(fixture.wake_after(4000), ["stop 1.1 on 0"]);
    fixture.begin(id, 1);
    assert_eq!(fixture.next_wake(), None);
    // The next attempt's begins anew.
    fixture.finish(id, 1, Finish::Stopped);
    fixture.wake_after(60_000);
    fixture.begin(id, 2);
    assert_eq!(fixture.next_wake(), Some(130_000));
    fixture.finish(id, 2, Finish::Succeeded);
    assert_eq!(fixture.next_wake(), None);
    fixture.begin(id, 2);
    assert_eq!(fixture.next_wake(), None);
}

#[test]
fn a_start_names_the_offer_it_is_bound_to() {
    let mut fixture = Fixture::new(&[]);
    fixture.offer(0, 7, cores(1));
    fixture.offer(0, 4, cores(1));
    let (first, said) = fixture.submit_saying(call());
    assert_eq!(said, ["start 1.1 on 0/7"]);
    assert_eq!(fixture.submit_saying(call()).1, ["start 2.1 on 0/4"]);
    fixture.submit(call());
    fixture.submit(call());
    // Its room is handed on.
    assert_eq!(fixture.succeed(first)[1], "start 3.1 on 0/7");
    fixture.withdraw(0, 7);
    assert_eq!(fixture.offer(0, 9, cores(1)), ["start 4.1 on 0/9"]);
}

#[test]
fn a_returned_attempt_is_followed_by_another_at_its_former_turn() {
    let mut fixture = Fixture::with(cores(1));
    let (id, said) = fixture.submit_saying(call().retries(1));
    assert_eq!(said, ["start 1.1 on 0, not last"]);
    fixture.submit(call().priority(1));
    fixture.submit(call());
    fixture.withdraw(0, 0);
    assert!(fixture.finish(id, 1, Finish::Returned).is_empty());
    assert!(fixture.finish(id, 1, Finish::Succeeded).is_empty());
    let said = fixture.offer(0, 2, cores(2));
    assert_eq!(said, ["start 2.1 on 0/2", "start 1.2 on 0/2, not last"]);
    // The attempt before is fenced off.
    assert!(fixture.finish(id, 1, Finish::Succeeded).is_empty());
    assert_eq!(
        fixture.fail(id, 2, 5),
        ["repeat 1.2 at 100 ms after Some(5)", "start 3.1 on 0/2"],
        "returned attempts are neither counted nor do they make pauses longer"
    );
    fixture.offer(0, 3, cores(1));
    assert_eq!(fixture.wake_after(100), ["start 1.3 on 0/3"]);
    assert_eq!(
        fixture.finish(id, 3, Finish::Returned),
        ["start 1.4 on 0/3"]
    );
    assert_eq!(fixture.fail(id, 4, 6), ["end 1.4: Failed(6)"]);
}

#[test]
fn a_returned_attempt_that_was_told_to_stop_ends_as_it_was_told() {
    let mut fixture = Fixture::with(cores(3));
    let late = fixture.submit(call().timeout(1));
    let repeated = fixture.submit(call().timeout(1).retries(1));
    let cancelled = fixture.submit(call());
    fixture.wake_after(1000);
    fixture.cancel(cancelled);
    let mut returned = |id| fixture.finish(id, 1, Finish::Returned);
    assert_eq!(returned(late), ["end 1.1: TimedOut { abandoned: false }"]);
    assert_eq!(returned(repeated), ["repeat 2.1 at 1100 ms after None"]);
    assert_eq!(
        returned(cancelled),
        ["end 3.1: Cancelled { abandoned: false }"]
    );
    assert_eq!(fixture.wake_after(100), ["start 2.2 on 0, until 2100 ms"]);
    assert_eq!(
        fixture.finish(repeated, 2, Finish::Returned),
        ["start 2.3 on 0, until 2100 ms"]
    );
    assert_eq!(fixture.next_wake(), Some(2100));
}

#[test]
fn nothing_is_returned_to_a_workflow_that_closes() {
    let mut fixture = Fixture::with(cores(2));
    let id = fixture.submit(call());
    let other = fixture.submit(call());
    fixture.send(Event::Closing);
    assert_eq!(fixture.finish(id, 1, Finish::Returned), ["end 1.1: Closed"]);
    fixture.send(Event::Killing);
    assert_eq!(
        fixture.finish(other, 1, Finish::Returned),
        ["end 2.1: Closed", "drained"]
    );
}
