use std::collections::HashSet;
use std::sync::{Arc, Weak};

use futures::future::BoxFuture;
use parking_lot::Mutex;

use super::manager::Shared;
use super::node::NodeId;
use super::scaling::{Waiting, WaitingApps};
use crate::agent::Agent;
use crate::mpi::{AppNode, Apps, AppsEvents, AppsSettings, MpiSettings, Swept};
use crate::{AttemptId, Invocation, Work};

/// A node as applications see it.
pub(super) struct Place {
    pub(super) agent: Arc<Agent>,
    pub(super) launcher: Option<Result<String, String>>,
}

impl AppNode for Place {
    fn name(&self) -> &str {
        self.agent.node()
    }

    fn launcher(&self) -> Option<Result<String, String>> {
        self.launcher.clone()
    }

    fn start(&self, invocation: Invocation) {
        self.agent.start(invocation);
    }

    fn stop(&self, attempt: AttemptId, work: &Arc<dyn Work>) {
        self.agent.stop(attempt, work);
    }

    fn sweep(&self, application: &str) -> BoxFuture<'static, Result<Swept, String>> {
        self.agent.sweep(application)
    }
}

/// Makes who places applications on the nodes of an executor's blocks.
pub(super) fn open(mpi: MpiSettings, shared: &Arc<Shared>) -> Arc<Apps> {
    let settings = AppsSettings {
        executor: shared.name().to_owned(),
        is_local: false,
        is_root: rustix::process::geteuid().is_root(),
        in_slurm: shared.provider.name().contains("Slurm"),
        runtime: shared.runtime.clone(),
        events: Arc::new(Changes {
            shared: Arc::downgrade(shared),
            told: Mutex::default(),
        }),
    };
    Apps::new(mpi, settings)
}

/// Tells the state what of applications makes a difference to blocks.
struct Changes {
    shared: Weak<Shared>,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    waiting: WaitingApps,
    busy: HashSet<NodeId>,
}

impl AppsEvents for Changes {
    fn changed(&self) {
        let Some(shared) = self.shared.upgrade() else {
            return;
        };
        let Some(apps) = shared.apps.get() else {
            return;
        };
        let nodes: Vec<_> = shared.nodes.read().keys().copied().collect();
        // Of two that look, the one that comes last has looked last.
        let mut told = self.told.lock();
        let wanted = apps.wanted();
        let waiting = WaitingApps {
            apps: wanted.apps.into(),
            nodes: wanted.nodes,
            largest: wanted.largest,
        };
        let busy: HashSet<_> = nodes.into_iter().filter(|id| apps.busy(id.0)).collect();
        let changed: Vec<_> = told.busy.symmetric_difference(&busy).copied().collect();
        let is_news = told.waiting != waiting;
        told.waiting = waiting;
        if changed.is_empty() && !is_news {
            return;
        }
        let mut inner = shared.inner.lock();
        shared.act(&mut inner, |state, now, commands| {
            for id in changed {
                state.calls(id, u32::from(busy.contains(&id)), now, commands);
            }
            if is_news {
                state.wanted(Waiting::Apps(waiting), now, commands);
            }
        });
        told.busy = busy;
        drop(inner);
        drop(told);
        shared.perform_all();
    }

    fn unclean(&self, node: u32, reason: &str) {
        if let Some(shared) = self.shared.upgrade() {
            // It would count as one of those that an application can have.
            let node = NodeId(node);
            shared.with(|state, now, commands| state.node_broken(node, reason, now, commands));
            shared.leave(node, &format!("it is let go: {reason}"));
        }
    }
}
