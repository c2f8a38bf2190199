use super::*;

/// A kernel with one task in each stand: 1 runs, 2 is ready, 3 waits, 4 is delayed.
fn one_of_each() -> (Fixture, [TaskId; 4]) {
    let mut fixture = Fixture::with(cores(1));
    let delayed = fixture.kernel.next_id();
    let delayed_call = call().retries(1);
    let submission = Submission {
        payload: delayed.number(),
        executors: ExecutorSet(1),
        demand: CORE,
        priority: 0,
        inside: false,
        dependencies: &[],
        rules: Some(Box::new(delayed_call.rules)),
    };
    fixture.send(Event::Submitted {
        id: delayed,
        submission,
    });
    fixture.fail(delayed, 1, 5);
    let running = fixture.submit(call().retries(1));
    let ready = fixture.submit(call());
    let waiting = fixture.submit(call().after(&[running, ready]));
    (fixture, [delayed, running, ready, waiting])
}

#[test]
fn draining_takes_only_what_joins_submit_and_runs_all_to_its_end() {
    let (mut fixture, [delayed, running, ready, waiting]) = one_of_each();
    assert!(fixture.send(Event::Draining).is_empty());
    assert_eq!(fixture.submit_saying(call()).1, ["end 5.0: Closed"]);
    let (inside, said) = fixture.submit_saying(call().inside());
    assert!(said.is_empty());
    assert_eq!(
        fixture.fail(running, 1, 5)[0],
        "repeat 2.1 at 100 ms after Some(5)"
    );
    fixture.succeed(ready);
    fixture.succeed(inside);
    assert_eq!(fixture.wake_after(100), ["start 1.2 on 0"]);
    assert_eq!(
        fixture.finish(delayed, 2, Finish::Succeeded)[1],
        "start 2.2 on 0"
    );
    assert_eq!(
        fixture.finish(running, 2, Finish::Succeeded)[1],
        "start 4.1 on 0"
    );
    assert_eq!(fixture.succeed(waiting), ["end 4.1: Succeeded", "drained"]);
    assert!(fixture.send(Event::Draining).is_empty());
    assert_eq!(
        fixture.submit_saying(call().inside()).1,
        ["end 7.0: Closed"]
    );
}

#[test]
fn an_empty_kernel_is_drained_at_once_and_only_once() {
    for event in [Event::Draining, Event::Closing, Event::Killing] {
        let mut fixture = Fixture::with(cores(1));
        assert_eq!(fixture.send(event), ["drained"]);
        for event in [Event::Draining, Event::Closing, Event::Killing] {
            assert!(fixture.send(event).is_empty());
        }
        assert_eq!(fixture.submit_saying(call()).1, ["end 1.0: Closed"]);
    }
}

#[test]
fn closing_ends_what_has_not_started_and_lets_the_rest_run() {
    let (mut fixture, [_, running, ..]) = one_of_each();
    assert_eq!(
        fixture.send(Event::Closing),
        ["end 1.1: Closed", "end 3.0: Closed", "end 4.0: Closed"]
    );
    assert_eq!(fixture.next_wake(), None);
    assert_eq!(
        fixture.submit_saying(call().inside()).1,
        ["end 5.0: Closed"]
    );
    assert_eq!(
        fixture.fail(running, 1, 5),
        ["end 2.1: Failed(5)", "drained"]
    );
}

#[test]
fn closing_ends_tasks_in_the_order_of_their_numbers() {
    let mut fixture = Fixture::new(&[]);
    let first = fixture.submit(call());
    fixture.submit(call());
    fixture.cancel(first);
    let third = fixture.submit(call());
    assert_eq!(third.index(), first.index());
    assert_eq!(
        fixture.send(Event::Closing),
        ["end 2.0: Closed", "end 3.0: Closed", "drained"]
    );
}

#[test]
fn closing_keeps_timeouts_but_repeats_nothing() {
    let mut fixture = Fixture::with(cores(1));
    let id = fixture.submit(call().timeout(1).retries(3));
    fixture.send(Event::Closing);
    assert_eq!(fixture.wake_after(1000), ["stop 1.1 on 0"]);
    let said = fixture.finish(id, 1, Finish::Stopped);
    assert_eq!(said, ["end 1.1: TimedOut { abandoned: false }", "drained"]);
}

#[test]
fn killing_stops_what_runs_whatever_it_answers() {
    for finish in [
        Finish::Stopped,
        Finish::Failed {
            failure: 5,
            cause: Some(Cause::Error),
        },
        Finish::Abandoned,
    ] {
        let (mut fixture, [_, running, ..]) = one_of_each();
        assert_eq!(
            fixture.send(Event::Killing),
            [
                "end 1.1: Closed",
                "end 3.0: Closed",
                "end 4.0: Closed",
                "stop 2.1 on 0"
            ]
        );
        assert!(fixture.cancel(running).is_empty());
        assert_eq!(
            fixture.finish(running, 1, finish),
            ["end 2.1: Closed", "drained"]
        );
    }
}

#[test]
fn killing_follows_closing_and_nothing_goes_back() {
    let mut fixture = Fixture::with(cores(3));
    let done = fixture.submit(call());
    let timed = fixture.submit(call().timeout(1).retries(1));
    let cancelled = fixture.submit(call());
    fixture.wake_after(1000);
    fixture.cancel(cancelled);
    assert!(fixture.send(Event::Closing).is_empty());
    assert_eq!(fixture.send(Event::Killing), ["stop 1.1 on 0"]);
    assert!(fixture.send(Event::Closing).is_empty());
    assert!(fixture.send(Event::Draining).is_empty());
    assert!(fixture.send(Event::Killing).is_empty());
    assert_eq!(
        fixture.submit_saying(call().inside()).1,
        ["end 4.0: Closed"]
    );
    assert_eq!(fixture.succeed(done), ["end 1.1: Succeeded"]);
    // What was stopped before says so.
    let said = fixture.finish(timed, 1, Finish::Stopped);
    assert_eq!(said, ["end 2.1: TimedOut { abandoned: false }"]);
    let said = fixture.finish(cancelled, 1, Finish::Abandoned);
    assert_eq!(said, ["end 3.1: Cancelled { abandoned: true }", "drained"]);
    assert!(fixture.finish(cancelled, 1, Finish::Stopped).is_empty());
}

#[test]
fn what_outlives_a_kill_can_be_given_up() {
    let mut fixture = Fixture::with(cores(3));
    let stuck = fixture.submit(call());
    fixture.submit(call());
    assert_eq!(
        fixture.send(Event::Abandoning),
        [
            "stop 1.1 on 0",
            "stop 2.1 on 0",
            "end 1.1: Closed",
            "end 2.1: Closed",
            "drained"
        ]
    );
    assert!(fixture.succeed(stuck).is_empty());
    assert!(fixture.send(Event::Abandoning).is_empty());
}
