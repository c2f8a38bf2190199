use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::applications::Place;
use super::block::BlockId;
use super::joining::Joining;
use super::manager::Shared;
use super::node::NodeId;
use super::returns::is_last;
use crate::agent::{Agent, AgentEvents, AgentHello, AgentSettings, AgentWelcome};
use crate::pool::{Machine, NodeGpus};
use crate::transport::{Arrival, Link, LinkEnd};
use crate::{Capacity, Failure, FailureKind, Invocation, LazyFolder, Outcome, Work};

/// A node that has joined.
pub(super) struct Joined {
    pub(super) agent: Arc<Agent>,
    pub(super) block: BlockId,
    /// The node as applications see it, where the executor runs those.
    pub(super) place: Option<Arc<Place>>,
    /// Whether applications were told of it.
    pub(super) is_placed: bool,
}

impl Shared {
    /// An agent of one of this executor's blocks has called.
    pub(super) fn arrived(
        self: &Arc<Self>,
        hello: &AgentHello,
        link: &Arc<Link>,
    ) -> Result<Arrival, String> {
        check_counts(hello.cores, hello.gpus)?;
        let capacity = self.capacity(hello)?;
        let welcome = AgentWelcome {
            pool: self.settings.pool.clone(),
            output_folder: self.rendezvous.run_folder().join("workers"),
        };
        let welcome = welcome
            .encode()
            .map_err(|error| format!("its welcome cannot be encoded: {error}"))?;
        let joining = Joining {
            block: BlockId(hello.block),
            name: hello.node.clone(),
            capacity,
            age: hello.age,
        };
        let block = joining.block;
        let settings = AgentSettings {
            largest_value: usize::try_from(self.settings.pool.largest_value).unwrap_or(usize::MAX),
        };
        // Under one lock: the node must be known by the time that its room is told.
        let mut inner = self.inner.lock();
        let id = self.act(&mut inner, |state, now, commands| {
            state.joined(joining, now, commands)
        })?;
        let events = Arc::new(NodeEvents {
            shared: Arc::downgrade(self),
            node: id,
        });
        let agent = Agent::new(Arc::clone(link), hello, settings, events);
        let receive = agent.receive();
        let place = self.apps.get().map(|_| {
            Arc::new(Place {
                agent: Arc::clone(&agent),
                launcher: hello.launcher.clone(),
            })
        });
        let joined = Joined {
            agent,
            block,
            place,
            is_placed: false,
        };
        self.nodes.write().insert(id, joined);
        drop(inner);
        self.perform_all();
        tracing::info!(
            executor = self.name(),
            node = hello.node,
            block = hello.block,
            cores = capacity.cores,
            "a node has joined"
        );
        Ok(Arrival { welcome, receive })
    }

    /// Applications are told that a node is gone.
    pub(super) fn leave(&self, node: NodeId, reason: &str) {
        let Some(apps) = self.apps.get() else {
            return;
        };
        let mut nodes = self.nodes.write();
        let is_placed = nodes
            .get_mut(&node)
            .is_some_and(|node| std::mem::take(&mut node.is_placed));
        drop(nodes);
        if is_placed {
            apps.left(node.0, reason);
        }
    }

    /// The room for calls on a node that has this.
    fn capacity(&self, hello: &AgentHello) -> Result<Capacity, String> {
        let machine = Machine {
            cores: hello.cores.max(1),
            memory: hello.memory,
            gpus: NodeGpus::granted(|_| None, hello.gpus.or(self.settings.pool.gpus_per_node)),
        };
        let pool = self
            .settings
            .pool
            .resolve(&machine, LazyFolder::at(PathBuf::new()))?;
        Ok(pool.capacity())
    }
}

/// No node has more cores.
const MOST_CORES: u32 = 1 << 16;

/// No node has more GPUs, however they are divided.
const MOST_GPUS: u32 = 1 << 12;

/// Refuses numbers that no node has: for each of them something is kept.
fn check_counts(cores: u32, gpus: Option<u32>) -> Result<(), String> {
    if cores > MOST_CORES {
        return Err(format!(
            "it claims to have {cores} cores, and no node has more than {MOST_CORES}"
        ));
    }
    match gpus {
        Some(gpus) if gpus > MOST_GPUS => Err(format!(
            "it claims to have {gpus} GPUs, and no node has more than {MOST_GPUS}"
        )),
        _ => Ok(()),
    }
}

/// Takes what a node's agent tells.
struct NodeEvents {
    shared: Weak<Shared>,
    node: NodeId,
}

impl NodeEvents {
    fn with(&self, act: impl FnOnce(&Arc<Shared>)) {
        if let Some(shared) = self.shared.upgrade() {
            act(&shared);
        }
    }

    /// The node's room is taken back before what runs there is returned, lest that is bound to it
    /// again. Whoever performs commands may be behind.
    fn withdraw(&self, shared: &Shared) {
        if shared.apps.get().is_none()
            && let Some(rooms) = shared.rooms.get()
        {
            rooms.withdrawn(self.node.offer());
            rooms.withdrawn(self.node.ahead());
        }
    }

    fn name(&self, shared: &Shared) -> String {
        let nodes = shared.nodes.read();
        let name = nodes
            .get(&self.node)
            .map(|node| node.agent.node().to_string());
        name.unwrap_or_default()
    }
}

impl AgentEvents for NodeEvents {
    fn next(&self, invocation: Invocation) {
        self.with(|shared| shared.start(invocation));
    }

    fn returned(&self, work: &dyn Work, ran: Option<Duration>, reason: String) -> Outcome {
        let returns = work.returns();
        let cause = self.shared.upgrade().map(|shared| {
            let inner = shared.inner.lock();
            inner.state.cause(self.node, Instant::now())
        });
        if !cause.is_some_and(|cause| is_last(cause, ran, returns)) {
            return Outcome::Returned { reason };
        }
        let kind = FailureKind::NodesLost {
            reason: format!("lost its node: {reason}"),
            losses: returns.saturating_add(1),
        };
        Outcome::Failed(Failure::permanent(kind))
    }

    fn ahead(&self, capacity: Capacity) {
        self.with(|shared| {
            if shared.apps.get().is_none() {
                shared.with(|state, now, commands| state.ahead(self.node, capacity, now, commands));
            }
        });
    }

    fn calls(&self, calls: u32) {
        self.with(|shared| {
            // Else a node is busy that has ranks of an application.
            if shared.apps.get().is_none() {
                shared.with(|state, now, commands| state.calls(self.node, calls, now, commands));
            }
        });
    }

    fn silent(&self) {
        self.with(|shared| {
            tracing::info!(
                executor = shared.name(),
                node = self.name(shared),
                "a node is silent"
            );
            shared.with(|state, now, commands| state.silent(self.node, now, commands));
        });
    }

    fn back(&self) {
        self.with(|shared| {
            tracing::info!(
                executor = shared.name(),
                node = self.name(shared),
                "a node is back"
            );
            shared.with(|state, now, commands| state.back(self.node, now, commands));
        });
    }

    fn leaving(&self, signal: i32) {
        self.with(|shared| {
            tracing::info!(
                executor = shared.name(),
                node = self.name(shared),
                signal,
                "a node was told to go"
            );
            shared.with(|state, now, commands| state.leaving(self.node, now, commands));
            self.withdraw(shared);
            let reason = format!("node `{}` was told to go", self.name(shared));
            shared.leave(self.node, &reason);
        });
    }

    fn broken(&self, reason: String) {
        self.with(|shared| {
            shared
                .with(|state, now, commands| state.node_broken(self.node, &reason, now, commands));
            self.withdraw(shared);
            let reason = format!("node `{}` can run nothing: {reason}", self.name(shared));
            shared.leave(self.node, &reason);
        });
    }

    fn ending(&self, end: &LinkEnd) {
        self.with(|shared| {
            shared.with(|state, now, commands| state.node_ended(self.node, end, now, commands));
            self.withdraw(shared);
            let reason = format!("node `{}` {end}", self.name(shared));
            shared.leave(self.node, &reason);
        });
    }

    fn ended(&self, _end: LinkEnd) {
        self.with(|shared| {
            shared.nodes.write().remove(&self.node);
        });
    }
}

/// How long an agent tries to reach the driver: a program that is busy may take a while to answer,
/// and one that is gone refuses at once.
pub(super) const AGENT_PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_no_node_has_are_refused() {
        assert_eq!(check_counts(0, None), Ok(()));
        assert_eq!(check_counts(MOST_CORES, Some(MOST_GPUS)), Ok(()));
        let refused = |cores, gpus| check_counts(cores, gpus).unwrap_err();
        assert_eq!(
            refused(u32::MAX, None),
            "it claims to have 4294967295 cores, and no node has more than 65536"
        );
        assert_eq!(
            refused(8, Some(5_000)),
            "it claims to have 5000 GPUs, and no node has more than 4096"
        );
    }
}
