use super::*;
use crate::kernel::keeping::MAY_PASS;

/// A kernel whose first executor has offers that end.
fn ending() -> Fixture {
    let mut fixture = Fixture::new(&[]);
    fixture.kernel.expect_ends(ExecutorId(0));
    fixture
}

#[test]
fn a_task_is_bound_only_where_its_timeout_ends_before_the_room() {
    let mut fixture = ending();
    fixture.offer_for(9999, (0, 2), cores(4));
    let (_, said) = fixture.submit_saying(call().timeout(10));
    assert!(said.is_empty());
    let (_, said) = fixture.submit_saying(call().timeout(9));
    assert_eq!(said, ["start 2.1 on 0/2, until 9000 ms"]);
    let (_, said) = fixture.submit_saying(call());
    assert_eq!(
        said,
        ["start 3.1 on 0/2"],
        "what has no timeout goes anywhere"
    );
    let said = fixture.offer_for(10_000, (0, 4), cores(4));
    assert_eq!(said, ["start 1.1 on 0/4, until 10000 ms"]);
}

#[test]
fn time_that_passes_counts() {
    let mut fixture = ending();
    fixture.offer_for(10_000, (0, 0), cores(1));
    let first = fixture.submit(call().timeout(5));
    let second = fixture.submit(call().timeout(5));
    let third = fixture.submit(call().timeout(2));
    fixture.wake_after(4000);
    assert_eq!(
        fixture.succeed(first)[1..],
        ["start 2.1 on 0, until 9000 ms"]
    );
    let fourth = fixture.submit(call().timeout(5));
    fixture.now += Duration::from_millis(4000);
    assert_eq!(
        fixture.succeed(second)[1..],
        ["start 3.1 on 0, until 10000 ms"]
    );
    assert_eq!(fixture.succeed(third), ["end 3.1: Succeeded"]);
    assert_eq!(fixture.offer(0, 1, cores(1)).len(), 1);
    assert_eq!(fixture.succeed(fourth), ["end 4.1: Succeeded"]);
}

#[test]
fn the_room_of_an_attempt_is_not_handed_on_where_it_ends_too_early() {
    let mut fixture = ending();
    fixture.offer_for(10_000, (0, 0), cores(1));
    let first = fixture.submit(call().timeout(8));
    fixture.submit(call().timeout(8));
    fixture.now += Duration::from_millis(2001);
    assert_eq!(fixture.succeed(first), ["end 1.1: Succeeded"]);
}

#[test]
fn a_task_that_can_run_elsewhere_goes_there() {
    let mut fixture = ending();
    fixture.offer_for(1000, (0, 0), cores(1));
    fixture.offer(1, 0, cores(1));
    let (_, said) = fixture.submit_saying(call().timeout(2).on(0b11));
    assert_eq!(said, ["start 1.1 on 1, until 2000 ms"]);
}

#[test]
fn room_is_kept_only_as_long_as_the_task_could_run_there() {
    let mut fixture = ending();
    fixture.offer_for(10_000, (0, 0), cores(2));
    fixture.submit(call());
    fixture.submit(call().cores(2).timeout(8));
    for _ in 0..MAY_PASS {
        let (small, said) = fixture.submit_saying(call());
        assert_eq!(said.len(), 1);
        fixture.succeed(small);
    }
    let (small, said) = fixture.submit_saying(call());
    assert!(said.is_empty(), "room is kept for the large task");
    assert!(fixture.wake_after(2000).is_empty());
    let said = fixture.wake_after(1);
    assert_eq!(said, [format!("start {small}.1 on 0")]);
}

#[test]
fn timeouts_make_shapes_only_where_room_ends() {
    let shapes = |fixture: &Fixture| fixture.kernel.placement.shapes.iter().count();
    let mut fixture = ending();
    for timeout in 1..=9 {
        fixture.submit(call().timeout(timeout).on(0b10));
    }
    assert_eq!(shapes(&fixture), 1);
    for timeout in 1..=9 {
        fixture.submit(call().timeout(timeout).on(0b11));
    }
    assert_eq!(shapes(&fixture), 10);
}
