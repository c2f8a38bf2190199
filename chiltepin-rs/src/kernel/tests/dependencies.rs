use chiltepin_executors::TaskId;

use super::*;
use crate::kernel::Standing;

#[test]
fn a_task_without_dependencies_starts_where_there_is_room() {
    let mut fixture = Fixture::with(cores(2));
    let (first, said) = fixture.submit_saying(call());
    assert_eq!(said, ["start 1.1 on 0"]);
    assert_eq!((first.number(), fixture.kernel.len()), (1, 1));
    let running = Standing::Running {
        executor: ExecutorId(0),
        attempt: 1,
    };
    assert_eq!(fixture.kernel.status(first), Some(running));
    assert_eq!(fixture.succeed(first), ["end 1.1: Succeeded"]);
    assert_eq!(fixture.kernel.status(first), None);
    assert!(fixture.kernel.is_empty());
}

#[test]
fn a_task_waits_for_all_its_dependencies_and_dependents_go_in_order() {
    let mut fixture = Fixture::with(cores(8));
    let first = fixture.submit(call());
    let second = fixture.submit(call());
    let (both, said) = fixture.submit_saying(call().after(&[first, second, first]));
    assert_eq!(said, [] as [&str; 0]);
    fixture.submit(call().after(&[second]));
    assert_eq!(
        fixture.kernel.status(both),
        Some(Standing::Waiting { on: 3 })
    );
    assert_eq!(fixture.succeed(first), ["end 1.1: Succeeded"]);
    assert_eq!(
        fixture.kernel.status(both),
        Some(Standing::Waiting { on: 1 })
    );
    let said = fixture.succeed(second);
    assert_eq!(
        said,
        ["end 2.1: Succeeded", "start 3.1 on 0", "start 4.1 on 0"]
    );
}

#[test]
fn external_dependencies_are_waited_for_too_and_counted_once() {
    let mut fixture = Fixture::with(cores(1));
    let (id, said) = fixture.submit_saying(call().external().external());
    assert_eq!(said, [] as [&str; 0]);
    assert_eq!(fixture.kernel.status(id), Some(Standing::Waiting { on: 2 }));
    assert!(
        fixture
            .send(Event::DependencyMet { id, result: Ok(()) })
            .is_empty()
    );
    assert_eq!(
        fixture.send(Event::DependencyMet { id, result: Ok(()) }),
        ["start 1.1 on 0"]
    );
    assert!(
        fixture
            .send(Event::DependencyMet { id, result: Err(1) })
            .is_empty()
    );

    let first = fixture.submit(call());
    let mixed = fixture.submit(call().after(&[first]).external());
    fixture.send(Event::DependencyMet {
        id: mixed,
        result: Ok(()),
    });
    assert!(
        fixture
            .send(Event::DependencyMet {
                id: mixed,
                result: Ok(())
            })
            .is_empty()
    );
    assert_eq!(
        fixture.kernel.status(mixed),
        Some(Standing::Waiting { on: 1 })
    );
}

#[test]
fn a_failed_external_dependency_ends_the_task_and_its_dependents() {
    let mut fixture = Fixture::with(cores(1));
    let id = fixture.submit(call().external());
    fixture.submit(call().after(&[id]));
    assert_eq!(
        fixture.send(Event::DependencyMet { id, result: Err(9) }),
        [
            "end 1.0: DependencyFailed(Failure(9))",
            "end 2.0: DependencyFailed(Failure(9))"
        ]
    );
}

#[test]
fn a_dependency_that_has_failed_ends_the_task_at_once() {
    let mut fixture = Fixture::with(cores(1));
    let other = fixture.submit(call());
    let mut failed = call().after(&[other]);
    failed.dependencies.push(Dependency::Failed(4));
    let (_, said) = fixture.submit_saying(failed);
    assert_eq!(said, ["end 2.0: DependencyFailed(Failure(4))"]);
    assert_eq!(fixture.succeed(other), ["end 1.1: Succeeded"]);
}

#[test]
fn a_failure_ends_all_that_wait_for_it_once_and_nothing_else() {
    let mut fixture = Fixture::with(cores(3));
    let root = fixture.submit(call());
    let other = fixture.submit(call());
    let left = fixture.submit(call().after(&[root]));
    let right = fixture.submit(call().after(&[root, other]));
    let join = fixture.submit(call().after(&[left, right]));
    fixture.submit(call().after(&[join, root]));
    let unharmed = fixture.submit(call().after(&[other]));
    let said = fixture.fail(root, 1, 5);
    assert_eq!(said[0], "end 1.1: Failed(5)");
    let mut ended: Vec<_> = said[1..].to_vec();
    ended.sort();
    let failed = |number| format!("end {number}.0: DependencyFailed(Task(TaskId(1)))");
    assert_eq!(ended, [3, 4, 5, 6].map(failed));
    assert_eq!(
        fixture.succeed(other),
        ["end 2.1: Succeeded", "start 7.1 on 0"]
    );
    assert_eq!(fixture.succeed(unharmed), ["end 7.1: Succeeded"]);
}

#[test]
fn places_of_the_table_are_used_again_and_numbers_are_not() {
    let mut fixture = Fixture::with(cores(1));
    for number in 1..=10 {
        let id = fixture.submit(call());
        assert_eq!((id.number(), id.index()), (number, 0));
        fixture.succeed(id);
    }
}

#[test]
fn what_concerns_a_task_that_has_ended_is_ignored() {
    let mut fixture = Fixture::with(cores(1));
    let old = fixture.submit(call());
    fixture.succeed(old);
    let new = fixture.submit(call());
    assert_eq!(old.index(), new.index());
    assert!(fixture.succeed(old).is_empty());
    assert!(fixture.cancel(old).is_empty());
    assert!(
        fixture
            .send(Event::DependencyMet {
                id: old,
                result: Err(1)
            })
            .is_empty()
    );
    assert!(fixture.finish(new, 2, Finish::Succeeded).is_empty());
    assert!(fixture.finish(new, 0, Finish::Succeeded).is_empty());
    assert!(fixture.succeed(TaskId::new(99, 12)).is_empty());
    assert_eq!(fixture.kernel.status(old), None);
    assert_eq!(fixture.succeed(new), ["end 2.1: Succeeded"]);
    assert!(fixture.succeed(new).is_empty());
}
