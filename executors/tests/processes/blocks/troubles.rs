//! Nodes that are lost, jobs that somebody ends, requests that are refused.

use std::fs;
use std::time::Duration;

use chiltepin_executors::Outcome;
use chiltepin_executors::provider::JobEnd;

use super::kernel::World;
use crate::tasks::ACT;

#[test]
fn what_ran_on_a_lost_node_is_done_elsewhere() {
    let mut world = World::new(2, |settings, _| settings.max_blocks = 1);
    world.call(&ACT, "say:hello");
    world.until("both nodes", |world| world.offers() == 2);
    let ids: Vec<_> = (0..12).map(|_| world.call(&ACT, "sleep:300")).collect();
    let job = world.cluster.alive()[0].clone();
    world.cluster.kill(&job, 0);
    world.until("the calls", |world| {
        ids.iter().all(|id| world.done.contains_key(id))
    });
    for id in &ids {
        assert!(matches!(world.done[id].outcome, Outcome::Succeeded));
        assert_eq!(world.losses(*id), 0);
    }
    assert!(
        (1..=2).contains(&world.returned.len()),
        "{:?}",
        world.returned
    );
    assert!(
        world.returned[0].contains("node `job1-n0` is gone"),
        "{:?}",
        world.returned
    );
    assert_eq!(world.cluster.submissions(), 1);
    world.shut();
}

#[test]
fn a_panic_of_whoever_is_told_keeps_nothing_else_from_being_done() {
    let mut world = World::new(2, |settings, _| settings.max_blocks = 1);
    world.panic_once();
    let id = world.call(&ACT, "say:hello");
    world.until("the call", |world| world.done.contains_key(&id));
    assert_eq!(world.offers(), 1, "of the other node nobody knows");
    world.shut();
}

#[test]
fn a_block_that_somebody_cancels_is_replaced() {
    let mut world = World::new(1, |_, _| {});
    let file = world.folder.path().join("count");
    let id = world.call(&ACT, "sleep:2000");
    world.until("its node", |world| world.offers() == 1);
    let counted = world.call(&ACT, &format!("count:{}", file.display()));
    world.until("a call", |world| world.done.contains_key(&counted));
    let job = world.cluster.alive()[0].clone();
    world.cluster.end(&job, JobEnd::Cancelled);
    world.until("the call", |world| world.done.contains_key(&id));
    assert!(matches!(world.done[&id].outcome, Outcome::Succeeded));
    assert_eq!(world.returned.len(), 1, "{:?}", world.returned);
    assert_eq!(world.cluster.submissions(), 2);
    let over = &world.status().blocks[0];
    assert_eq!(
        (&*over.phase, over.reason.as_deref()),
        ("over", Some("CANCELLED"))
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "x\n");
    world.shut();
}

#[test]
fn a_refusal_is_told_in_the_batch_system_s_words() {
    let mut world = World::new(1, |_, cluster| {
        cluster.refuse("invalid partition specified: x")
    });
    world.call(&ACT, "say:hello");
    world.until("the refusal", |world| world.broken().is_some());
    let reason = world.broken().unwrap();
    assert_eq!(reason, "`sbatch` refused: invalid partition specified: x");
    assert_eq!(world.status().trouble.as_deref(), Some(reason));
    world.shut();
}

#[test]
fn blocks_whose_jobs_fail_end_with_what_they_have_written() {
    let mut world = World::new(1, |settings, cluster| {
        settings.poll_interval = Duration::from_millis(100);
        cluster.run_instead("echo module load: no such module >&2; exit 3");
    });
    world.call(&ACT, "say:hello");
    world.until("the end", |world| world.broken().is_some());
    let reason = world.broken().unwrap();
    assert!(
        reason.contains("5 blocks of `compute` in a row came to nothing")
            && reason.contains("FAILED")
            && reason.ends_with("module load: no such module"),
        "{reason}"
    );
    assert!(world.cluster.submissions() <= 6);
    world.shut();
}

#[test]
fn a_block_of_which_all_is_known_is_not_asked_about() {
    let mut world = World::new(1, |_, _| {});
    let id = world.call(&ACT, "sleep:4000");
    world.until("the call", |world| world.done.contains_key(&id));
    assert!(
        world.cluster.polls() <= 2,
        "{} polls",
        world.cluster.polls()
    );
    world.shut();
}
