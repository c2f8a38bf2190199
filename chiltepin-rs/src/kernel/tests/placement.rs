use super::*;
use crate::kernel::Standing;
use crate::kernel::keeping::MAY_PASS;

#[test]
fn a_task_is_bound_only_when_an_offer_fits() {
    let mut fixture = Fixture::new(&[]);
    let id = fixture.submit(call().cores(2).on(0b110));
    assert!(matches!(
        fixture.kernel.status(id),
        Some(Standing::Ready { .. })
    ));
    assert!(fixture.offer(0, 0, cores(8)).is_empty());
    assert!(fixture.offer(2, 0, cores(1)).is_empty());
    assert_eq!(fixture.offer(1, 0, cores(2)), ["start 1.1 on 1"]);
}

#[test]
fn room_is_given_back_when_the_attempt_has_ended() {
    let mut fixture = Fixture::with(cores(2));
    let first = fixture.submit(call());
    let second = fixture.submit(call());
    fixture.submit(call().cores(2));
    assert_eq!(fixture.succeed(first), ["end 1.1: Succeeded"]);
    assert_eq!(
        fixture.succeed(second),
        ["end 2.1: Succeeded", "start 3.1 on 0"]
    );
}

#[test]
fn every_resource_of_a_demand_must_fit() {
    let demand = Demand {
        async_bodies: 0,
        cores: 1,
        memory: 8,
        gpus: 1,
    };
    let room = Capacity {
        async_bodies: 0,
        cores: 4,
        memory: 16,
        gpus: 2,
    };
    let mut fixture = Fixture::with(room);
    for (demand, fits) in [
        (
            Demand {
                memory: 17,
                ..demand
            },
            false,
        ),
        (Demand { gpus: 3, ..demand }, false),
        (Demand { cores: 5, ..demand }, false),
        (
            Demand {
                async_bodies: 1,
                ..demand
            },
            false,
        ),
        (demand, true),
        (demand, true),
        (demand, false),
    ] {
        let (_, said) = fixture.submit_saying(call().demand(demand));
        assert_eq!(!said.is_empty(), fits, "{demand:?}");
    }
}

#[test]
fn a_withdrawn_offer_takes_no_task_and_its_room_is_forgotten() {
    let mut fixture = Fixture::with(cores(1));
    let first = fixture.submit(call());
    assert!(fixture.withdraw(0, 0).is_empty());
    fixture.submit(call());
    assert_eq!(fixture.succeed(first), ["end 1.1: Succeeded"]);
    assert_eq!(fixture.offer(0, 3, cores(1)), ["start 2.1 on 0/3"]);
    assert!(fixture.withdraw(0, 7).is_empty());
    assert!(fixture.withdraw(9, 7).is_empty());
}

#[test]
fn an_offer_made_again_counts_what_runs_there() {
    let mut fixture = Fixture::with(cores(2));
    let first = fixture.submit(call());
    let second = fixture.submit(call());
    let third = fixture.submit(call());
    fixture.submit(call());
    assert!(fixture.offer(0, 0, cores(2)).is_empty());
    assert!(fixture.withdraw(0, 0).is_empty());
    assert!(fixture.offer(0, 0, cores(2)).is_empty());
    assert_eq!(fixture.offer(0, 0, cores(3)), ["start 3.1 on 0"]);
    // With less than what runs there nothing is handed on.
    assert!(fixture.offer(0, 0, cores(1)).is_empty());
    assert_eq!(fixture.succeed(first), ["end 1.1: Succeeded"]);
    assert_eq!(fixture.succeed(second), ["end 2.1: Succeeded"]);
    assert_eq!(
        fixture.succeed(third),
        ["end 3.1: Succeeded", "start 4.1 on 0"]
    );
}

#[test]
fn higher_priority_goes_first_then_the_one_that_was_ready_earlier() {
    let mut fixture = Fixture::with(cores(1));
    let running = fixture.submit(call());
    let dependency = fixture.submit(call().priority(9));
    fixture.submit(call().after(&[dependency]));
    for priority in [0, 3, 0, 3, -2] {
        fixture.submit(call().priority(priority));
    }
    let mut order = Vec::new();
    let mut said = fixture.succeed(running);
    while let Some(number) = said
        .iter()
        .find_map(|word| word.strip_prefix("start ")?.split('.').next())
    {
        let number: u64 = number.parse().unwrap();
        order.push(number);
        said = fixture.succeed(TaskId::new(number, number as u32 - 1));
    }
    // 3 was submitted before the others and became ready after them.
    assert_eq!(order, [2, 5, 7, 4, 6, 3, 8]);
}

#[test]
fn priority_counts_across_shapes_and_executors() {
    let mut fixture = Fixture::with(cores(2));
    let running = fixture.submit(call().cores(2));
    fixture.submit(call().cores(1).on(0b1));
    fixture.submit(call().cores(2).on(0b11).priority(1));
    assert_eq!(
        fixture.succeed(running),
        ["end 1.1: Succeeded", "start 3.1 on 0"]
    );
}

#[test]
fn a_task_that_does_not_fit_is_overtaken_only_so_often() {
    let mut fixture = Fixture::with(cores(2));
    let long = fixture.submit(call());
    let large = fixture.submit(call().cores(2));
    let mut small = fixture.submit(call());
    let mut passed = 1;
    loop {
        let next = fixture.submit(call());
        let said = fixture.succeed(small);
        if said.len() == 1 {
            break;
        }
        small = next;
        passed += 1;
        assert!(
            passed <= MAY_PASS,
            "the large task is overtaken without end"
        );
    }
    assert_eq!(passed, MAY_PASS);
    // The room is kept, but not from what does not compete for it.
    assert_eq!(fixture.submit_saying(call().demand(LIGHT)).1.len(), 1);
    assert!(fixture.submit_saying(call()).1.is_empty());
    assert!(
        fixture
            .submit_saying(call().demand(Demand { gpus: 0, ..CORE }))
            .1
            .is_empty()
    );
    // A higher priority is no overtaking.
    let (urgent, said) = fixture.submit_saying(call().priority(1));
    assert_eq!(said.len(), 1);
    fixture.succeed(urgent);
    let said = fixture.succeed(long);
    assert_eq!(said[1..], [format!("start {large}.1 on 0")]);
}

/// A kernel in which room for one core is kept for task 2, task 1 runs, and task 3 waits.
fn kept_room(limits: &[u32], large: Call) -> (Fixture, TaskId) {
    let mut fixture = Fixture::new(limits);
    fixture.offer(0, 0, cores(2));
    fixture.submit(call());
    let large = fixture.submit(large.cores(2));
    for _ in 0..MAY_PASS {
        let (small, said) = fixture.submit_saying(call());
        assert_eq!(said.len(), 1);
        fixture.succeed(small);
    }
    assert!(fixture.submit_saying(call()).1.is_empty());
    (fixture, large)
}

#[test]
fn kept_room_is_free_again_when_the_task_runs_elsewhere_or_ends() {
    let (mut fixture, large) = kept_room(&[], call());
    assert_eq!(fixture.cancel(large).len(), 2);

    let (mut fixture, _) = kept_room(&[], call().on(0b11));
    let said = fixture.offer(1, 0, cores(2));
    assert_eq!(said.len(), 2);
    assert_eq!(said[0], "start 2.1 on 1");
    assert!(said[1].ends_with("on 0"));
}

#[test]
fn kept_room_is_free_again_while_the_task_lacks_a_label() {
    let (mut fixture, _) = kept_room(&[1], call().labels(&[0]));
    fixture.offer(1, 0, cores(1));
    let (holder, said) = fixture.submit_saying(call().on(0b10).labels(&[0]));
    assert_eq!(
        said.len(),
        2,
        "the holder of the label and the task from which room was kept"
    );
    assert!(said[1].ends_with("on 0"));
    fixture.succeed(holder);
    assert_eq!(fixture.succeed(TaskId::new(1, 0)), ["end 1.1: Succeeded"]);
}

#[test]
fn room_is_not_kept_from_a_task_that_needs_only_an_async_body() {
    let (mut fixture, _) = kept_room(&[], call());
    let lights: Vec<_> = (0..3)
        .map(|_| fixture.submit(call().demand(LIGHT)))
        .collect();
    let started = format!("start {}.1 on 0", lights[2]);
    assert_eq!(fixture.succeed(lights[0])[1..], [started]);
}

#[test]
fn no_room_is_kept_for_a_task_that_can_never_fit() {
    let mut fixture = Fixture::with(cores(2));
    fixture.submit(call().cores(3));
    fixture.submit(call());
    for _ in 0..2 * MAY_PASS {
        let (small, said) = fixture.submit_saying(call());
        assert_eq!(said.len(), 1);
        fixture.succeed(small);
    }
}

#[test]
fn no_room_is_kept_for_a_task_that_needs_what_an_abandoned_attempt_holds() {
    let (mut fixture, _) = kept_room(&[], call());
    let stuck = TaskId::new(1, 0);
    fixture.cancel(stuck);
    let said = fixture.finish(stuck, 1, Finish::Abandoned);
    assert_eq!(said.len(), 2, "the task from which room was kept starts");
    let number: u64 = MAY_PASS as u64 + 3;
    let started = format!("start {number}.1 on 0");
    assert_eq!(said[1], started);
    // When the attempt ends after all, there is room for the large one next.
    let waiting = fixture.submit(call());
    assert_eq!(fixture.finish(stuck, 1, Finish::Stopped), [] as [&str; 0]);
    let running = fixture
        .kernel
        .table
        .iter()
        .find(|(id, _)| id.number() == number);
    let said = fixture.succeed(running.unwrap().0);
    assert_eq!(said[1], "start 2.1 on 0");
    assert!(matches!(
        fixture.kernel.status(waiting),
        Some(Standing::Ready { .. })
    ));
}

#[test]
fn room_kept_on_one_offer_is_not_kept_on_another() {
    let mut fixture = Fixture::with(cores(2));
    fixture.offer(0, 1, cores(1));
    for _ in 0..2 {
        fixture.submit(call());
    }
    fixture.submit(call().cores(2));
    // Only one of the two cores of the first offer is taken, the other offer is too small.
    fixture.succeed(TaskId::new(2, 1));
    for _ in 0..MAY_PASS {
        let (small, _) = fixture.submit_saying(call());
        fixture.succeed(small);
    }
    let (_, said) = fixture.submit_saying(call());
    assert_eq!(said.len(), 1, "the small offer is still open");
    let (_, said) = fixture.submit_saying(call());
    assert!(said.is_empty(), "the large one is kept");
}

#[test]
fn a_light_task_passes_where_no_async_body_is_waited_for() {
    let mut fixture = Fixture::with(cores(0));
    fixture.submit(call());
    for _ in 0..2 * MAY_PASS {
        let (light, said) = fixture.submit_saying(call().demand(LIGHT));
        assert_eq!(said.len(), 1);
        fixture.succeed(light);
    }
}

#[test]
fn many_shapes_are_not_kept() {
    let mut fixture = Fixture::with(Capacity::UNBOUNDED);
    for memory in 0..1000 {
        let id = fixture.submit(call().demand(Demand { memory, ..CORE }).labels(&[]));
        fixture.succeed(id);
    }
    assert!(fixture.kernel.placement.shapes.iter().count() < 100);
}
