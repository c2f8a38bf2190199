//! Which attempts follow others, by what made those fail.

use super::*;

#[test]
fn each_cause_uses_up_its_own_limit() {
    let mut fixture = Fixture::with(cores(1));
    let call = call()
        .retries(1)
        .limit(Cause::Panic, 2)
        .limit(Cause::ExitCode(75), 1);
    let id = fixture.submit(call);
    let mut fail = |cause, attempt| {
        let said = fixture.fail_for(cause, id, attempt).remove(0);
        let starts = fixture.wake_after(60_000);
        (said.starts_with("repeat"), starts)
    };
    for (cause, attempt) in [
        (Cause::Panic, 1),
        (Cause::ExitCode(75), 2),
        (Cause::Error, 3),
    ] {
        let next = format!("start 1.{} on 0, not last", attempt + 1);
        assert_eq!(fail(cause, attempt), (true, vec![next]));
    }
    // Nothing but a panic may be repeated, and then nothing.
    assert_eq!(
        fail(Cause::Panic, 4),
        (true, vec!["start 1.5 on 0".to_owned()])
    );
    assert_eq!(fail(Cause::Panic, 5), (false, vec![]));
}

#[test]
fn a_cause_whose_limit_is_nothing_is_not_repeated() {
    let mut fixture = Fixture::with(cores(1));
    let (id, said) = fixture.submit_saying(call().retries(2).limit(Cause::Error, 0));
    assert_eq!(said, ["start 1.1 on 0, not last"]);
    assert_eq!(
        fixture.fail_for(Cause::ExitCode(1), id, 1),
        ["end 1.1: Failed(5)"]
    );
    let (_, said) = fixture.submit_saying(call().limit(Cause::Error, 0));
    assert_eq!(said, ["start 2.1 on 0"]);
}

#[test]
fn a_timeout_has_a_limit_of_its_own() {
    let mut fixture = Fixture::with(cores(2));
    let once = fixture.submit(call().timeout(1).limit(Cause::Timeout, 1));
    let never = fixture.submit(call().timeout(1).retries(5).limit(Cause::Timeout, 0));
    fixture.wake_after(1000);
    assert_eq!(
        fixture.finish(never, 1, Finish::Stopped),
        ["end 2.1: TimedOut { abandoned: false }"]
    );
    assert_eq!(
        fixture.finish(once, 1, Finish::Stopped),
        ["repeat 1.1 at 1100 ms after None"]
    );
    assert_eq!(fixture.wake_after(100), ["start 1.2 on 0, until 2100 ms"]);
    assert_eq!(fixture.fail(once, 2, 7), ["end 1.2: Failed(7)"]);
}

#[test]
fn a_failure_after_the_stop_counts_as_what_it_was_stopped_for() {
    let mut fixture = Fixture::with(cores(1));
    let id = fixture.submit(call().timeout(1).limit(Cause::Error, 3));
    fixture.wake_after(1000);
    assert_eq!(
        fixture.fail(id, 1, 5),
        ["end 1.1: TimedOut { abandoned: false }"]
    );
}

#[test]
fn what_is_returned_uses_up_no_limit() {
    let mut fixture = Fixture::with(cores(1));
    let id = fixture.submit(call().limit(Cause::Lost, 1));
    for attempt in 1..4 {
        let next = format!("start 1.{} on 0, not last", attempt + 1);
        assert_eq!(fixture.finish(id, attempt, Finish::Returned), [next]);
    }
    assert_eq!(
        fixture.fail_for(Cause::Lost, id, 4),
        ["repeat 1.4 at 100 ms after Some(5)"]
    );
    assert_eq!(fixture.wake_after(100), ["start 1.5 on 0"]);
    assert_eq!(
        fixture.fail_for(Cause::WorkerOutOfMemory, id, 5),
        ["end 1.5: Failed(5)"]
    );
}

#[test]
fn a_timeout_grows_after_one_that_was_too_short() {
    let mut fixture = Fixture::with(cores(1));
    let id = fixture.submit(call().timeout(2).retries(3).scaled(&[]));
    fixture.wake_after(2000);
    assert_eq!(
        fixture.finish(id, 1, Finish::Stopped),
        ["repeat 1.1 at 2100 ms after None, with 0 B and Some(4000) ms"]
    );
    let said = fixture.wake_after(100);
    assert_eq!(said, ["start 1.2 on 0, until 6100 ms, not last"]);
    // Other failures leave it as it is.
    assert_eq!(
        fixture.fail(id, 2, 5),
        ["repeat 1.2 at 2300 ms after Some(5)"]
    );
    assert_eq!(
        fixture.wake_after(200),
        ["start 1.3 on 0, until 6300 ms, not last"]
    );
    fixture.wake_after(4000);
    assert_eq!(
        fixture.finish(id, 3, Finish::Stopped),
        ["repeat 1.3 at 6700 ms after None, with 0 B and Some(5000) ms"]
    );
    fixture.wake_after(400);
    assert_eq!(fixture.next_wake(), Some(11_700));
}

/// A core and so much memory.
fn memory(memory: u64) -> Demand {
    Demand { memory, ..CORE }
}

/// An executor's room, with so much memory.
fn room(memory: u64) -> Capacity {
    Capacity { memory, ..cores(4) }
}

#[test]
fn memory_grows_after_there_was_too_little_and_goes_where_it_is() {
    let mut fixture = Fixture::with(room(2));
    fixture.offer(1, 0, room(7));
    let id = fixture.submit(
        call()
            .demand(memory(2))
            .on(0b11)
            .limit(Cause::OutOfMemory, 9)
            .scaled(&[2, 7]),
    );
    let mut last = String::new();
    for (attempt, cause, said) in [
        (1, Cause::ExitCode(137), ", with 4 B and None ms"),
        (2, Cause::WorkerOutOfMemory, ", with 7 B and None ms"),
        (3, Cause::OutOfMemory, ""),
    ] {
        let repeated = fixture.fail_for(cause, id, attempt).remove(0);
        assert!(
            repeated.ends_with(&format!("after Some(5){said}")),
            "{repeated}"
        );
        last = fixture.wake_after(60_000).remove(0);
    }
    assert_eq!(last, "start 1.4 on 1, not last");
    // It takes what it asks for.
    assert!(
        fixture
            .submit_saying(call().demand(memory(1)).on(0b10))
            .1
            .is_empty()
    );
}

#[test]
fn memory_grows_no_further_than_executors_turn_out_to_have() {
    let mut fixture = Fixture::with(room(2));
    fixture.bound(0, Some(room(2)));
    let call = call().demand(memory(2)).limit(Cause::OutOfMemory, 1);
    let id = fixture.submit(call.scaled(&[64]));
    assert_eq!(
        fixture.fail_for(Cause::OutOfMemory, id, 1),
        ["repeat 1.1 at 100 ms after Some(5)"]
    );
    assert_eq!(fixture.wake_after(100), ["start 1.2 on 0"]);
}

#[test]
fn memory_grows_up_to_what_is_known_by_then() {
    // What it was said to have at first, by its bound, by an offer, and what comes of each.
    for (bound, offered, said) in [(Some(3), 2, 3), (None, 3, 3), (Some(64), 2, 4)] {
        let mut fixture = Fixture::with(room(offered));
        let call = call().demand(memory(2)).limit(Cause::OutOfMemory, 1);
        let id = fixture.submit(call.scaled(&[u64::MAX]));
        if let Some(bound) = bound {
            fixture.bound(0, Some(room(bound)));
        }
        assert_eq!(
            fixture.fail_for(Cause::OutOfMemory, id, 1),
            [format!(
                "repeat 1.1 at 100 ms after Some(5), with {said} B and None ms"
            )]
        );
    }
}
