use std::time::Duration;

use chiltepin_executors::{Attempt, Failure, FailureKind, Outcome};

use super::{Elsewhere, cores, finish, workflow};
use crate::{Cause, ErrorKind, Retries, Status, bash_task, task};

#[task]
fn double(x: u64) -> u64 {
    2 * x
}

#[bash_task]
fn simulate() -> String {
    "true".to_owned()
}

fn lost() -> Outcome {
    Outcome::Returned {
        reason: "node `n3` is lost: nothing heard of it for 60 s".to_owned(),
    }
}

#[test]
fn a_returned_attempt_is_followed_by_another_with_the_same_arguments() {
    let (workflow, elsewhere) = workflow(Elsewhere::default());
    elsewhere.rooms().offered(6, cores(1));
    let future = double(21).on("elsewhere").submit(&workflow);
    let first = elsewhere.next();
    assert_eq!((first.attempt.id.attempt, first.offer), (1, 6));
    assert!(first.attempt.last, "returns are no retries");
    assert_eq!(first.work.returns(), 0);
    // The executor knows that it may be returned, and leaves the arguments there.
    let attempt = Attempt {
        last: false,
        ..first.attempt
    };
    let encoded = first.work.encode(&attempt, 1 << 20).unwrap();
    elsewhere.rooms().withdrawn(6);
    finish(first, lost());
    assert!(matches!(future.status(), Status::Queued { .. }));
    elsewhere.rooms().offered(8, cores(1));
    let second = elsewhere.next();
    assert_eq!((second.attempt.id.attempt, second.offer), (2, 8));
    assert!(second.attempt.last);
    assert_eq!(second.work.returns(), 1);
    let again = second.work.encode(&second.attempt, 1 << 20).unwrap();
    assert_eq!(format!("{encoded:?}"), format!("{again:?}"));
    let outcome = second.work.returned(vec![42].into());
    finish(second, outcome);
    assert_eq!(future.result().unwrap(), 42);
}

#[test]
fn returns_leave_the_retries_alone() {
    let (workflow, elsewhere) = workflow(Elsewhere::default());
    let future = double(1).on("elsewhere").retries(1).submit(&workflow);
    for (offer, last) in (1..).zip([false, false, true, true]) {
        elsewhere.rooms().offered(offer, cores(1));
        let invocation = elsewhere.next();
        assert_eq!(invocation.attempt.last, last);
        elsewhere.rooms().withdrawn(offer);
        let failed = Failure::new(FailureKind::Invalid {
            reason: "no luck".to_owned(),
        });
        let outcome = match offer {
            1 | 3 => lost(),
            _ => Outcome::Failed(failed),
        };
        finish(invocation, outcome);
    }
    let error = future.result().unwrap_err();
    assert_eq!(
        error.to_string(),
        "task `double` (1) on `elsewhere`, attempt 4, cannot be run: no luck"
    );
}

#[test]
fn a_returned_attempt_of_a_cancelled_task_is_not_followed() {
    let (workflow, elsewhere) = workflow(Elsewhere::default());
    elsewhere.rooms().offered(0, cores(1));
    let future = double(1).on("elsewhere").submit(&workflow);
    let invocation = elsewhere.next();
    future.cancel();
    assert!(invocation.work.stop_signal().is_requested(1));
    finish(invocation, lost());
    assert!(future.result().unwrap_err().is_cancelled());
}

#[test]
fn a_task_that_loses_too_many_nodes_says_what_to_do() {
    let (workflow, elsewhere) = workflow(Elsewhere::default());
    elsewhere.rooms().offered(0, cores(1));
    let future = simulate().on("elsewhere").submit(&workflow);
    let reason = "lost its node `n3`: nothing heard of it for 60 s".to_owned();
    let failure = Failure::permanent(FailureKind::NodesLost { reason, losses: 4 });
    finish(elsewhere.next(), Outcome::Failed(failure));
    let error = future.result().unwrap_err();
    assert!(matches!(
        error.kind(),
        ErrorKind::NodesLost { losses: 4, .. }
    ));
    insta::assert_snapshot!(error, @"task `simulate` (1) on `elsewhere`, attempt 1, lost its node `n3`: nothing heard of it for 60 s (the last of 4 nodes lost under it); if it takes longer than a block lasts, raise `walltime`; if it uses up a node's memory, ask for more with `.resources(..)`; else look at the node");
    let after = double(1).inputs([&future]).submit(&workflow);
    insta::assert_snapshot!(after.result().unwrap_err(), @"task `double` (2) was not run: it depends on task `simulate` (1), which lost its nodes");
}

#[test]
fn lost_nodes_are_made_up_for_only_where_a_count_says_so() {
    let moment = Duration::from_millis(1);
    let retries = |cause| Retries::new(0).on(cause, 2).back_off(moment, moment);
    let failed = || {
        let reason = "lost its node".to_owned();
        let failure = Failure::permanent(FailureKind::NodesLost { reason, losses: 3 });
        Outcome::Failed(failure)
    };
    let (workflow, elsewhere) = workflow(Elsewhere::default());
    let next = |offer: u32, outcome: Outcome| {
        elsewhere.rooms().offered(offer, cores(1));
        let invocation = elsewhere.next();
        elsewhere.rooms().withdrawn(offer);
        let (attempt, returns) = (invocation.attempt.id.attempt, invocation.work.returns());
        finish(invocation, outcome);
        (attempt, returns)
    };
    let call = double(1).on("elsewhere");
    let future = call.retries(retries(Cause::OutOfMemory)).submit(&workflow);
    assert_eq!(next(0, failed()), (1, 0));
    assert_eq!(future.result().unwrap_err().attempt(), 1);
    let call = double(1).on("elsewhere");
    let future = call.retries(retries(Cause::Lost)).submit(&workflow);
    assert_eq!(next(1, lost()), (1, 0));
    assert_eq!(next(2, failed()), (2, 1));
    // What was lost before the failure counts no more.
    assert_eq!(next(3, lost()), (3, 0));
    assert_eq!(next(4, failed()), (4, 1));
    assert_eq!(next(5, failed()), (5, 0));
    assert_eq!(future.result().unwrap_err().attempt(), 5);
}

#[test]
fn a_call_tells_its_executor_geometry_and_launcher_options() {
    let (workflow, elsewhere) = workflow(Elsewhere::default());
    elsewhere.rooms().offered(0, cores(2));
    let _plain = simulate().on("elsewhere").submit(&workflow);
    let plain = elsewhere.next();
    assert_eq!(plain.work.geometry(), None);
    assert!(plain.work.launcher_options().is_empty());
    let _shaped = simulate()
        .on("elsewhere")
        .geometry(crate::TaskGeometry::nodes(2).ranks_per_node(4))
        .launcher_options(["--mpi=pmix"])
        .launcher_options(vec!["-v".to_owned()])
        .submit(&workflow);
    let shaped = elsewhere.next();
    assert_eq!(shaped.work.geometry().unwrap().num_ranks.get(), 8);
    assert_eq!(shaped.work.launcher_options(), ["--mpi=pmix", "-v"]);
    for invocation in [plain, shaped] {
        let outcome = invocation.work.exited(0);
        finish(invocation, outcome);
    }
}
