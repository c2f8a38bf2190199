//! The state of blocks against a model of a batch system, its nodes and a kernel.

mod check;
mod model;
mod offers;
mod random;
mod refusals;
mod rules;

use std::time::Duration;

use self::model::World;
use super::plan::{NodeRoom, Plan};

pub(super) fn plan() -> Plan {
    let walltime = Duration::from_secs(600);
    Plan {
        name: "compute".to_owned(),
        provider: "Slurm".to_owned(),
        nodes: 2,
        init: 0,
        min: 0,
        max: 3,
        parallelism: 1.0,
        max_idletime: Duration::from_secs(60),
        poll_interval: Duration::from_secs(30),
        walltime,
        margin: Plan::margin(walltime, Duration::from_secs(10)),
        patience: Duration::from_secs(60),
        room: NodeRoom {
            cores: Some(4),
            ..NodeRoom::default()
        },
        max_apps: None,
    }
}

fn world(change: impl FnOnce(&mut Plan)) -> World {
    let mut plan = plan();
    change(&mut plan);
    World::new(plan, 7)
}

fn has_offers(world: &World) -> bool {
    world.hosts.values().any(|host| host.is_offered)
}
