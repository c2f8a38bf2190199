use chiltepin_executors::BlocksStatus;

use super::{Elsewhere, cores, finish, until, workflow};
use crate::{Status, task};

#[task]
fn wait() {}

#[task]
fn fail() -> Result<(), String> {
    Err("no".to_owned())
}

#[test]
fn a_workflow_tells_how_it_stands() {
    let blocks = BlocksStatus::default();
    let (workflow, elsewhere) = workflow(Elsewhere {
        blocks: Some(blocks.clone()),
        ..Elsewhere::default()
    });
    wait().on("local").submit(&workflow).result().unwrap();
    fail().on("local").submit(&workflow).result().unwrap_err();
    let delayed = fail().on("local").retries(9).submit(&workflow);
    elsewhere.rooms().offered(1, cores(2));
    let futures = workflow.map(0..5, |_| wait().on("elsewhere"));
    let _depends = wait().inputs(&futures).submit(&workflow);
    let invocations = [elsewhere.next(), elsewhere.next()];
    futures[0].cancel();
    until(|| matches!(delayed.status(), Status::Delayed { .. }));
    let status = workflow.status();
    let tasks = &status.tasks;
    assert_eq!((tasks.waiting, tasks.ready, tasks.limited), (1, 3, 0));
    assert_eq!((tasks.running, tasks.stopping), (1, 1));
    assert_eq!((tasks.succeeded, tasks.failed), (1, 1));
    let [local, here] = &status.executors[..] else {
        panic!("{status}");
    };
    assert_eq!((&*local.name, &local.blocks), ("local", &None));
    assert_eq!((&*here.name, here.running), ("elsewhere", 2));
    assert_eq!(here.blocks, Some(blocks));
    assert_eq!(here.unavailable, None);
    elsewhere.rooms().broken("gone".to_owned());
    let here = &workflow.status().executors[1];
    assert_eq!(here.unavailable.as_deref(), Some("gone"));
    for invocation in invocations {
        let outcome = invocation.work.returned(bytes::Bytes::new());
        finish(invocation, outcome);
    }
}
