//! What blocks are offered for, and until when.

use std::time::Duration;

use super::super::block::BlockId;
use super::super::joining::Joining;
use super::super::node::NodeId;
use super::super::plan::Plan;
use super::super::scaling::{Waiting, WaitingApps};
use super::model::{World, seconds};
use super::{has_offers, world};
use crate::Capacity;
use crate::provider::JobState;
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
    let node = join(&mut world, "n1", seconds(100));
    let offered = |world: &World| world.state.nodes[&node].offered.unwrap();
    world.pass(Duration::from_millis(999));
    assert!(offered(&world) >= world.now + world.timeout.unwrap());
    world.pass(seconds(1));
    assert!(offered(&world) < world.now + seconds(480));
}

#[test]
fn calls_that_take_as_long_as_may_be_are_bound_whenever_their_nodes_join() {
    for (walltime, queued) in [(600, 0), (30, 0), (5, 0), (600, 300)] {
        let mut world = world(|plan| {
            plan.walltime = seconds(walltime);
            plan.margin = Plan::margin(plan.walltime, seconds(10));
            plan.max = 1;
        });
        (world.timeout, world.call_time) = (Some(world.state.plan.longest_timeout()), 1);
        world.queue_time = queued;
        world.submit_calls(1);
        assert!(world.until(seconds(queued + 30), |world| world.done == 1));
        assert_eq!(world.submissions.len(), 1, "blocks of {walltime} s");
    }
}

#[test]
fn a_node_that_joins_when_its_block_is_almost_over_is_tried() {
    let mut world = world(|plan| plan.max = 1);
    world.health.hides_agents = true;
    world.submit_calls(1);
    world.pass(seconds(100));
    let node = join(&mut world, "n1", seconds(590));
    assert!(world.state.nodes[&node].offered.is_some());
    world.pass(seconds(2));
    assert_eq!(world.state.nodes[&node].offered, None);
}

#[test]
fn all_nodes_of_a_block_last_long_enough_for_an_application_at_the_same_time() {
    for late in [0, 4, 13, 40] {
        // The environment lines of its script took long, and one node joins after the other.
        let mut world = world(|plan| (plan.max, plan.max_apps) = (1, Some(2)));
        let longest = world.state.plan.longest_timeout();
        world.health.hides_agents = true;
        let waiting = Waiting::Apps(WaitingApps {
            apps: 1,
            nodes: 2,
            largest: 2,
        });
        world.with(|state, now, commands| state.wanted(waiting, now, commands));
        world.pass(seconds(100));
        join(&mut world, "n1", seconds(90));
        world.pass(seconds(late));
        join(&mut world, "n2", seconds(90 + late));
        world.pass(Duration::from_millis(900));
        let end = world.now + longest;
        let lasts = |world: &World| {
            world
                .state
                .nodes
                .values()
                .all(|node| node.offered >= Some(end))
        };
        assert!(lasts(&world), "{late} s late");
        world.pass(seconds(11));
        assert!(!lasts(&world), "it was for them when they were new");
    }
}

fn join(world: &mut World, name: &str, age: Duration) -> NodeId {
    let joining = Joining {
        block: BlockId(1),
        name: name.to_owned(),
        capacity: Capacity::UNBOUNDED,
        age: Some(age),
    };
    let joined = world.with(|state, now, commands| state.joined(joining, now, commands));
    joined.unwrap()
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
    // It is lost to applications too if it cannot be used any more.
    wanted(&mut world, 0);
    world.pass(seconds(15));
    let node = world.connected()[0];
    world.with(|state, now, commands| {
        state.node_broken(node, "a process cannot be killed", now, commands);
    });
    wanted(&mut world, 1);
    world.pass(seconds(2));
    assert!(world.until(seconds(40), |world| world.connected().len() == 2));
    assert_eq!(world.submissions.len(), 3);
}
