//! What blocks are offered for, and until when.

use super::super::scaling::{Waiting, WaitingApps};
use super::model::{World, node_name, seconds};
use super::{has_offers, world};
use crate::provider::{JobId, JobState};
use crate::transport::LinkEnd;

#[test]
fn a_block_near_its_end_is_sent_nothing_and_replaced() {
    let mut world = world(|plan| plan.max = 1);
    world.call_time = 1_000_000;
    world.submit_calls(1);
    assert!(world.until(seconds(30), |world| world.waiting == 0));
    // 600 s of which the last 30 s are left out.
    assert!(world.until(seconds(600), |world| !has_offers(world)));
    let job = world.alive_jobs()[0].clone();
    assert_eq!(
        world.jobs[&job].state,
        JobState::Running,
        "what runs may end"
    );
    world.submit_calls(1);
    assert_eq!(world.submissions.len(), 1, "no more than there may be");
    assert!(world.until(seconds(60), |world| world.alive_jobs().is_empty()));
    assert!(world.until(seconds(30), has_offers));
    assert_eq!(world.submissions.len(), 2);
}

#[test]
fn a_block_whose_rest_is_too_short_makes_way() {
    let mut world = world(|plan| plan.max = 1);
    world.submit_calls(1);
    assert!(world.until(seconds(30), |world| world.done == 1));
    world.submit_calls(1);
    assert!(world.until(seconds(30), |world| world.done == 2));
    world.timeout = Some(world.state.plan.longest_timeout());
    world.pass(seconds(50));
    world.submit_calls(1);
    assert!(world.until(seconds(40), |world| world.done == 3));
    assert_eq!(world.submissions.len(), 2);
}

#[test]
fn a_block_that_took_long_to_begin_still_takes_what_was_admitted() {
    let mut world = world(|plan| plan.max = 1);
    world.timeout = Some(world.state.plan.longest_timeout());
    world.health.hides_agents = true;
    world.submit_calls(1);
    world.pass(seconds(100));
    let id = JobId("1".to_owned());
    let joining = super::super::joining::Joining {
        block: super::super::block::BlockId(1),
        name: node_name(&id, 0),
        capacity: crate::Capacity::UNBOUNDED,
        age: Some(seconds(100)),
    };
    let node = world.with(|state, now, commands| state.joined(joining, now, commands));
    let offered = |world: &World| world.state.nodes[&node.clone().unwrap()].offered.unwrap();
    assert!(offered(&world) >= world.now + world.timeout.unwrap());
    world.pass(seconds(2));
    assert!(offered(&world) < world.now + seconds(480));
}

#[test]
fn a_block_that_lost_a_node_makes_way_for_an_application_that_needs_all() {
    let mut world = world(|plan| (plan.max, plan.max_apps) = (1, Some(2)));
    let wanted = |world: &mut World, apps| {
        let waiting = Waiting::Apps(WaitingApps {
            apps,
            nodes: apps * 2,
            largest: 2,
        });
        world.with(|state, now, commands| state.wanted(waiting, now, commands));
    };
    wanted(&mut world, 1);
    assert!(world.until(seconds(30), |world| world.connected().len() == 2));
    wanted(&mut world, 0);
    world.pass(seconds(15));
    let node = world.connected()[0];
    world.lose(node, &LinkEnd::Gone);
    world.pass(seconds(1));
    wanted(&mut world, 1);
    assert!(world.until(seconds(40), |world| world.connected().len() == 2));
    assert_eq!(world.submissions.len(), 2);
}
