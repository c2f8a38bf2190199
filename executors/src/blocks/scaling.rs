use super::plan::{NodeRoom, Plan};
use crate::{Capacity, Wanted};

/// The work that waits for nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// Calls that the kernel has no room for.
    Calls(Wanted),
    /// MPI applications that have no nodes.
    Apps(WaitingApps),
}

/// The MPI applications that wait for nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WaitingApps {
    /// How many wait.
    pub(super) apps: u64,
    /// The nodes that they ask for, all together.
    pub(super) nodes: u64,
    /// The most nodes that one of them asks for.
    pub(super) largest: u32,
}

impl Waiting {
    pub(super) const fn calls(&self) -> u64 {
        match self {
            Self::Calls(wanted) => wanted.calls,
            Self::Apps(waiting) => waiting.apps,
        }
    }

    /// Takes off what a node that has joined has room for: the kernel tells of less only when it
    /// has become much less. Something is left, since that it has become nothing is told.
    pub(super) fn take(&mut self, room: &Capacity) {
        let Self::Calls(wanted) = self else { return };
        if wanted.calls == 0 {
            return;
        }
        let is_enough = u64::from(room.cores) >= wanted.cores
            && u64::from(room.async_bodies) >= wanted.async_bodies;
        wanted.cores = wanted.cores.saturating_sub(room.cores.into());
        wanted.async_bodies = wanted.async_bodies.saturating_sub(room.async_bodies.into());
        wanted.memory = wanted.memory.saturating_sub(room.memory);
        wanted.gpus = wanted.gpus.saturating_sub(room.gpus.into());
        if is_enough {
            wanted.calls = 1;
        }
    }

    /// How many blocks it takes, all that waits at once and nothing else there.
    fn fills(&self, node: &NodeRoom, plan: &Plan) -> u64 {
        let nodes = u64::from(plan.nodes.max(1));
        match self {
            Self::Calls(wanted) => {
                let blocks = |asked: u64, has: Option<u64>| match has {
                    Some(has) if has > 0 => asked.div_ceil(has.saturating_mul(nodes)),
                    _ => 0,
                };
                // A node has one core at least, and is asked for one more readily than it is left
                // idle: a block that is too many is cancelled when the first has told its size.
                let cores = Some(u64::from(node.cores.unwrap_or(1)));
                blocks(wanted.cores, cores)
                    .max(blocks(
                        wanted.async_bodies,
                        node.async_bodies.map(u64::from),
                    ))
                    .max(blocks(wanted.memory, node.memory))
                    .max(blocks(wanted.gpus, node.gpus.map(u64::from)))
            }
            Self::Apps(waiting) => {
                let most = u64::from(plan.max_apps.unwrap_or(1).max(1));
                waiting
                    .nodes
                    .div_ceil(nodes)
                    .max(waiting.apps.div_ceil(most))
            }
        }
    }

    /// How many blocks should be on their way.
    pub(super) fn needs(&self, node: &NodeRoom, plan: &Plan) -> u32 {
        if self.calls() == 0 {
            return 0;
        }
        let part = self.fills(node, plan) as f64 * plan.parallelism.clamp(0.0, 1.0);
        // Casting to an integer type saturates.
        (part.ceil() as u32).clamp(1, plan.max.max(1))
    }
}

/// What nodes have as far as anything is known: the settings, and the largest that has joined.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    largest: NodeRoom,
}

impl Seen {
    pub(super) fn joined(&mut self, room: &Capacity) {
        let largest = &mut self.largest;
        largest.async_bodies = largest.async_bodies.max(Some(room.async_bodies));
        largest.cores = largest.cores.max(Some(room.cores));
        largest.memory = largest.memory.max(Some(room.memory));
        largest.gpus = largest.gpus.max(Some(room.gpus));
    }

    /// What a node has, to reckon with.
    pub(super) fn node(&self, plan: &Plan) -> NodeRoom {
        let (seen, said) = (&self.largest, &plan.room);
        NodeRoom {
            async_bodies: seen.async_bodies.or(said.async_bodies),
            cores: seen.cores.or(said.cores),
            memory: seen.memory.or(said.memory),
            gpus: seen.gpus.or(said.gpus),
        }
    }

    /// The room that no node will exceed. What the settings leave open, the nodes seen decide: a
    /// block that is asked for without it is given just any.
    pub(super) fn largest(&self, plan: &Plan) -> Capacity {
        let node = self.node(plan);
        Capacity {
            async_bodies: node.async_bodies.unwrap_or(u32::MAX),
            cores: node.cores.unwrap_or(u32::MAX),
            memory: node.memory.unwrap_or(u64::MAX),
            gpus: node.gpus.unwrap_or(u32::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::plan;
    use super::*;
    use crate::Demand;

    fn calls(count: u64, cores: u32) -> Waiting {
        let mut wanted = Wanted::default();
        let demand = Demand {
            async_bodies: 0,
            cores,
            memory: 0,
            gpus: 0,
        };
        wanted.add(count, &demand, None);
        Waiting::Calls(wanted)
    }

    fn node(cores: u32) -> NodeRoom {
        NodeRoom {
            cores: Some(cores),
            ..NodeRoom::default()
        }
    }

    #[test]
    fn as_many_blocks_as_the_work_fills_at_the_given_parallelism() {
        let mut plan = plan();
        (plan.nodes, plan.max) = (2, 10);
        for (parallelism, expected) in [(1.0, 7), (0.5, 4), (0.0, 1)] {
            plan.parallelism = parallelism;
            assert_eq!(calls(100, 1).needs(&node(8), &plan), expected);
            assert_eq!(calls(1, 1).needs(&node(8), &plan), 1);
            assert_eq!(calls(0, 1).needs(&node(8), &plan), 0);
        }
        plan.parallelism = 1.0;
        assert_eq!(calls(10_000, 1).needs(&node(8), &plan), 10, "at most");
        let nothing_known = NodeRoom::default();
        assert_eq!(calls(6, 1).needs(&nothing_known, &plan), 3);
    }

    #[test]
    fn the_scarcest_of_what_they_ask_for_decides() {
        let mut plan = plan();
        (plan.nodes, plan.max) = (1, 100);
        let node = NodeRoom {
            async_bodies: Some(10),
            cores: Some(8),
            memory: Some(100),
            gpus: Some(2),
        };
        let wanted = |async_bodies, memory, gpus| {
            Waiting::Calls(Wanted {
                calls: 1,
                async_bodies,
                memory,
                gpus,
                ..Wanted::default()
            })
        };
        assert_eq!(wanted(35, 0, 0).needs(&node, &plan), 4);
        assert_eq!(wanted(35, 900, 0).needs(&node, &plan), 9);
        assert_eq!(wanted(35, 900, 40).needs(&node, &plan), 20);
    }

    #[test]
    fn applications_need_nodes_and_places() {
        let mut plan = plan();
        (plan.nodes, plan.max, plan.max_apps) = (4, 10, Some(2));
        let waiting = |apps, nodes| {
            Waiting::Apps(WaitingApps {
                apps,
                nodes,
                largest: 2,
            })
        };
        assert_eq!(waiting(3, 12).needs(&NodeRoom::default(), &plan), 3);
        assert_eq!(waiting(6, 6).needs(&NodeRoom::default(), &plan), 3);
    }

    #[test]
    fn a_node_that_joins_takes_its_part_of_what_waits() {
        let room = Capacity {
            async_bodies: 0,
            cores: 8,
            memory: 0,
            gpus: 0,
        };
        let mut plan = plan();
        (plan.nodes, plan.max) = (1, 10);
        let mut waiting = calls(20, 1);
        waiting.take(&room);
        assert_eq!(waiting.needs(&node(8), &plan), 2);
        waiting.take(&room);
        waiting.take(&room);
        assert_eq!(
            waiting.needs(&node(8), &plan),
            1,
            "until it is said to be over"
        );
    }
}
