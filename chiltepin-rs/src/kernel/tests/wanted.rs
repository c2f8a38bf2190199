use super::*;

/// A kernel whose first executor hears of waiting work.
fn hearing(limits: &[u32]) -> Fixture {
    let mut fixture = Fixture::new(limits);
    fixture.kernel.hear_wanted(ExecutorId(0));
    fixture
}

#[test]
fn what_waits_is_told_when_it_has_doubled_or_halved_or_is_none() {
    let mut fixture = hearing(&[]);
    let told: Vec<_> = (0..20)
        .flat_map(|_| fixture.submit_saying(call()).1)
        .collect();
    let wants = |calls: u32| format!("0 wants {calls} calls, {calls} cores");
    assert_eq!(told, [1, 2, 4, 8, 16].map(wants));
    let mut told = Vec::new();
    for offer in 0..20 {
        let said = fixture.offer(0, offer, cores(1));
        told.extend(said.into_iter().filter(|said| said.contains("wants")));
    }
    assert_eq!(told, [8, 4, 2, 1, 0].map(wants));
    assert!(fixture.offer(0, 30, cores(1)).is_empty());
    assert!(
        fixture.submit_saying(call()).1[0].starts_with("start"),
        "what finds room was never wanted"
    );
}

#[test]
fn other_sizes_count_too() {
    let mut fixture = hearing(&[]);
    fixture.kernel.expect_ends(ExecutorId(0));
    fixture.submit(call().timeout(1));
    fixture.submit(call().timeout(1));
    for (call, wants) in [
        (call().cores(4), "0 wants 3 calls, 6 cores, longest 1000 ms"),
        (
            call().timeout(2),
            "0 wants 4 calls, 7 cores, longest 2000 ms",
        ),
        (
            call().demand(LIGHT),
            "0 wants 5 calls, 7 cores, longest 2000 ms",
        ),
    ] {
        assert_eq!(fixture.submit_saying(call).1, [wants]);
    }
    assert_eq!(
        fixture.kernel.wanted(ExecutorId(0)),
        chiltepin_executors::Wanted {
            calls: 5,
            async_bodies: 1,
            cores: 7,
            longest: Some(Duration::from_secs(2)),
            ..Default::default()
        }
    );
}

#[test]
fn only_what_could_run_there_now_is_wanted() {
    let mut fixture = hearing(&[2]);
    assert!(fixture.submit_saying(call().on(0b10)).1.is_empty());
    let first = fixture.submit(call().on(0b11));
    let waiting = fixture.submit(call().after(&[first]));
    for _ in 0..5 {
        fixture.submit(call().labels(&[0]));
    }
    let calls = |fixture: &Fixture| fixture.kernel.wanted(ExecutorId(0)).calls;
    assert_eq!(
        calls(&fixture),
        3,
        "as many of a label as may run, and the first"
    );
    fixture.offer(1, 0, cores(2));
    assert_eq!(calls(&fixture), 2);
    fixture.succeed(first);
    assert_eq!(calls(&fixture), 3);
    fixture.bound(0, Some(cores(0)));
    assert_eq!(calls(&fixture), 0);
    assert_eq!(fixture.kernel.status(waiting), None);
}

#[test]
fn nothing_is_wanted_after_the_end() {
    let mut fixture = hearing(&[]);
    fixture.submit(call());
    assert_eq!(
        fixture.send(Event::Closing),
        ["end 1.0: Closed", "0 wants 0 calls, 0 cores", "drained"]
    );
}
