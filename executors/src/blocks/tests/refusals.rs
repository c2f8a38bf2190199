//! A batch system that does not do what it is asked to.

use std::time::Duration;

use super::model::{World, seconds};
use super::world;

#[test]
fn a_pending_block_that_nobody_needs_is_cancelled_but_for_the_least() {
    for (min, left) in [(0, 0), (1, 1)] {
        let mut world = world(|plan| plan.min = min);
        world.queue_time = 1_000_000;
        world.submit_calls(100);
        world.pass(seconds(10));
        assert_eq!(world.alive_jobs().len(), 3);
        world.waiting = 0;
        world.submit_calls(0);
        world.pass(seconds(10));
        assert_eq!(world.alive_jobs().len(), left);
        world.pass(seconds(100));
        assert_eq!(world.submissions.len(), 3);
    }
}

#[test]
fn an_unreachable_batch_system_is_asked_less_and_less_and_warned_about_once() {
    let mut world = world(|_| {});
    world.health.is_unreachable = true;
    world.submit_calls(1);
    world.pass(seconds(250));
    let asked = world.submissions.len();
    assert!((7..=10).contains(&asked), "asked {asked} times");
    assert_eq!(world.warnings.len(), 1, "{:?}", world.warnings);
    let trouble = |world: &World| {
        let clock = std::time::SystemTime::UNIX_EPOCH;
        world.state.status(world.now, clock, |_| 0).trouble
    };
    assert_eq!(
        trouble(&world).as_deref(),
        Some("unable to contact the controller")
    );
    assert!(world.until(seconds(10), |world| world.state.last_block == 0));
    world.health.is_unreachable = false;
    assert!(world.until(seconds(120), World::is_idle));
    assert_eq!(
        world
            .jobs
            .values()
            .map(|job| job.block.0)
            .collect::<Vec<_>>(),
        [1]
    );
    assert_eq!(trouble(&world), None);
}

#[test]
fn a_refusal_ends_what_waits_with_the_words_of_the_batch_system() {
    let mut world = world(|_| {});
    world.health.is_refusing = true;
    world.submit_calls(5);
    assert!(world.until(seconds(5), |world| world.broken.is_some()));
    assert_eq!(world.broken.as_deref(), Some("invalid partition"));
    assert_eq!(world.submissions.len(), 1);
    world.pass(seconds(600));
    assert_eq!(world.submissions.len(), 1);
}

#[test]
fn a_batch_system_that_never_answers_is_given_up() {
    let mut world = world(|_| {});
    world.health.is_unreachable = true;
    world.submit_calls(5);
    world.pass(seconds(290));
    assert_eq!(world.broken, None);
    assert!(world.was_warned("at the moment: unable to contact the controller"));
    assert!(world.until(seconds(100), |world| world.broken.is_some()));
    let reason = world.broken.clone().unwrap();
    assert!(
        reason.contains("has given no block for 5 min")
            && reason.contains("unable to contact the controller"),
        "{reason}"
    );
    let asked = world.submissions.len();
    assert!(asked <= 12, "{asked} requests");
    world.pass(seconds(600));
    assert_eq!(world.submissions.len(), asked);
}

#[test]
fn a_batch_system_under_maintenance_is_awaited() {
    let mut world = world(|plan| plan.max = 1);
    world.submit_calls(1);
    assert!(world.until(seconds(60), World::is_idle));
    assert!(world.until(seconds(100), |world| world.alive_jobs().is_empty()));
    world.health.is_unreachable = true;
    world.submit_calls(1);
    world.pass(seconds(60 * 60));
    assert_eq!(world.broken, None);
    world.health.is_unreachable = false;
    assert!(world.until(seconds(120), World::is_idle));
}

#[test]
fn a_refusal_while_a_block_serves_waits_for_its_end() {
    let mut world = world(|_| {});
    world.call_time = 1_000_000;
    world.submit_calls(1);
    assert!(world.until(seconds(30), |world| world.waiting == 0));
    world.health.is_refusing = true;
    world.submit_calls(100);
    world.pass(seconds(300));
    assert_eq!(world.submissions.len(), 2, "asked once more, and not again");
    assert_eq!(world.broken, None);
    assert!(world.was_warned("until one of those there ends: invalid partition"));
    world.health.is_refusing = false;
    assert!(world.until(seconds(400), |world| world.submissions.len() > 2));
}

#[test]
fn blocks_that_come_to_nothing_end_with_the_reason_and_not_in_a_storm() {
    let mut world = world(|_| {});
    world.health.fails_jobs = true;
    world.output = Some("illegal instruction\n".to_owned());
    world.submit_calls(100);
    assert!(world.until(seconds(600), |world| world.broken.is_some()));
    let reason = world.broken.clone().unwrap();
    assert!(
        reason.contains("5 blocks of `compute` in a row came to nothing")
            && reason.contains("Over(Failed)")
            && reason.ends_with("illegal instruction"),
        "{reason}"
    );
    assert!(world.submissions.len() <= 8, "{}", world.submissions.len());
    assert!(world.until(seconds(60), |world| world.alive_jobs().is_empty()));
}

#[test]
fn what_cannot_be_cancelled_is_tried_less_and_less_and_warned_about_once() {
    let mut world = world(|_| {});
    world.queue_time = 1_000_000;
    world.submit_calls(1);
    world.pass(seconds(5));
    assert_eq!(world.alive_jobs().len(), 1);
    world.health.is_unreachable = true;
    world.waiting = 0;
    world.submit_calls(0);
    world.pass(seconds(250));
    assert!(
        (7..=10).contains(&world.cancels),
        "tried {} times",
        world.cancels
    );
    let told = |warning: &&String| warning.contains("cannot cancel a block");
    assert_eq!(
        world.warnings.iter().filter(told).count(),
        1,
        "{:?}",
        world.warnings
    );
    world.health.is_unreachable = false;
    world.with(|state, now, commands| state.close(Duration::ZERO, now, commands));
    assert!(world.until(seconds(3), |world| world.alive_jobs().is_empty()));
}

#[test]
fn a_job_that_was_cancelled_is_over_when_it_is_seen_to_be() {
    let mut world = world(|plan| plan.init = 2);
    world.queue_time = 1_000_000;
    world.pass(seconds(5));
    world.health.is_lying = true;
    world.with(|state, now, commands| state.close(Duration::ZERO, now, commands));
    world.pass(seconds(20));
    assert_eq!(world.state.left().len(), 2, "{:#?}", world.state.blocks);
    world.health.is_lying = false;
    world.pass(seconds(20));
    assert!(world.state.is_empty() && world.alive_jobs().is_empty());
    assert_eq!(world.cancels, 2, "tried once more");
}

#[test]
fn a_job_whose_agents_do_not_end_when_they_are_told_to_is_cancelled() {
    let mut world = world(|_| {});
    world.health.is_deaf = true;
    world.submit_calls(1);
    assert!(world.until(seconds(60), World::is_idle));
    let ends = world.until(seconds(80), |world| world.alive_jobs().is_empty());
    assert!(ends, "{:#?}", world.state.blocks);
    assert_eq!(world.cancels, 1);
}

#[test]
fn closing_ends_all_jobs_whatever_they_do() {
    let mut world = world(|plan| plan.init = 3);
    world.queue_time = 20;
    world.call_time = 100_000;
    world.submit_calls(100);
    world.pass(Duration::from_millis(8_200));
    world.with(|state, now, commands| state.close(Duration::ZERO, now, commands));
    assert!(world.until(seconds(6), |world| world.state.is_empty()));
    assert!(world.alive_jobs().is_empty());
}

#[test]
fn too_many_jobs_are_no_reason_to_give_up() {
    let mut world = world(|_| {});
    world.health.is_full = true;
    world.submit_calls(5);
    world.pass(seconds(24 * 60 * 60));
    assert_eq!(world.broken, None);
    assert_eq!(world.warnings.len(), 1, "{:?}", world.warnings);
    assert!(world.was_warned("at the moment: QOSMaxSubmitJobPerUserLimit"));
    world.health.is_full = false;
    assert!(world.until(seconds(120), World::is_idle));
}

#[test]
fn failures_long_after_one_another_are_no_reason_to_give_up() {
    let mut world = world(|_| {});
    for _ in 0..3 {
        world.health.is_unreachable = true;
        world.submit_calls(1);
        world.pass(seconds(2));
        world.waiting = 0;
        world.submit_calls(0);
        world.pass(seconds(3 * 60 * 60));
        assert_eq!(world.broken, None);
    }
    world.health.is_unreachable = false;
    world.submit_calls(1);
    assert!(world.until(seconds(120), World::is_idle));
}
