//! From one kind of name to another, wherever names stand in an event.

use super::event::{
    AttemptAccount, BlockChange, Ending, Event, How, More, NodeStanding, Trouble, What,
};

impl<N> Event<N> {
    pub(super) fn map<M>(self, name: &mut impl FnMut(N) -> M) -> Event<M> {
        Event {
            at: self.at,
            what: self.what.map(name),
        }
    }
}

impl<N> What<N> {
    fn map<M>(self, name: &mut impl FnMut(N) -> M) -> What<M> {
        match self {
            Self::RunStarted(started) => What::RunStarted(started),
            Self::Named { name, text } => What::Named { name, text },
            Self::Submitted {
                task,
                function,
                executors,
                priority,
                kind,
                more,
            } => What::Submitted {
                task,
                function: name(function),
                executors,
                priority,
                kind,
                more: more.map(|more| Box::new(more.map(name))),
            },
            Self::Depends { task, on } => What::Depends { task, on },
            Self::DependsOutside { task } => What::DependsOutside { task },
            Self::Looking { task } => What::Looking { task },
            Self::Looked { task, is_there } => What::Looked { task, is_there },
            Self::Started {
                task,
                attempt,
                executor,
                offer,
            } => What::Started {
                task,
                attempt,
                executor,
                offer,
            },
            Self::Began { task, attempt } => What::Began { task, attempt },
            Self::Placed {
                task,
                attempt,
                nodes,
            } => What::Placed {
                task,
                attempt,
                nodes,
            },
            Self::Stopping { task, attempt } => What::Stopping { task, attempt },
            Self::Finished { task, attempt, how } => What::Finished {
                task,
                attempt,
                how: how.map(name),
            },
            Self::Reported {
                task,
                attempt,
                account,
            } => What::Reported {
                task,
                attempt,
                account: Box::new(account.map(name)),
            },
            Self::Retrying {
                task,
                attempt,
                pause,
                error,
            } => What::Retrying {
                task,
                attempt,
                pause,
                error: error.map(name),
            },
            Self::Ended { task, ending } => What::Ended {
                task,
                ending: ending.map(name),
            },
            Self::Block(change) => What::Block(Box::new(change.map(name))),
            Self::Room {
                executor,
                offer,
                room,
            } => What::Room {
                executor,
                offer,
                room,
            },
            Self::Unavailable { executor, reason } => What::Unavailable {
                executor,
                reason: name(reason),
            },
            Self::Hindered { executor, reason } => What::Hindered {
                executor: name(executor),
                reason: reason.map(name),
            },
            Self::Missed { events } => What::Missed { events },
            Self::RunEnded { outcome } => What::RunEnded { outcome },
        }
    }
}

impl<N> More<N> {
    fn map<M>(self, name: &mut impl FnMut(N) -> M) -> More<M> {
        More {
            name: self.name.map(&mut *name),
            labels: self.labels.into_iter().map(name).collect(),
            cores: self.cores,
            memory: self.memory,
            gpus: self.gpus,
            nodes: self.nodes,
        }
    }
}

impl<N> How<N> {
    pub(crate) fn map<M>(self, name: &mut impl FnMut(N) -> M) -> How<M> {
        match self {
            Self::Succeeded => How::Succeeded,
            Self::Failed(trouble) => How::Failed(Box::new(trouble.map(name))),
            Self::Stopped => How::Stopped,
            Self::Returned { reason } => How::Returned {
                reason: name(reason),
            },
            Self::Abandoned => How::Abandoned,
        }
    }
}

impl<N> Trouble<N> {
    fn map<M>(self, name: &mut impl FnMut(N) -> M) -> Trouble<M> {
        Trouble {
            kind: name(self.kind),
            message: name(self.message),
            place: self.place.map(name),
        }
    }
}

impl<N> AttemptAccount<N> {
    pub(crate) fn map<M>(self, name: &mut impl FnMut(N) -> M) -> AttemptAccount<M> {
        AttemptAccount {
            node: name(self.node),
            worker: self.worker.map(name),
            process: self.process,
            begun: self.begun,
            run: self.run,
            user: self.user,
            system: self.system,
            peak_memory: self.peak_memory,
        }
    }
}

impl<N> Ending<N> {
    pub(crate) fn map<M>(self, name: &mut impl FnMut(N) -> M) -> Ending<M> {
        match self {
            Self::Succeeded => Ending::Succeeded,
            Self::Failed(trouble) => Ending::Failed(Box::new(trouble.map(name))),
            Self::DependencyFailed { root } => Ending::DependencyFailed { root },
            Self::TimedOut { is_abandoned } => Ending::TimedOut { is_abandoned },
            Self::Cancelled { is_abandoned } => Ending::Cancelled { is_abandoned },
            Self::Closed => Ending::Closed,
        }
    }
}

impl<N> BlockChange<N> {
    pub(crate) fn map<M>(self, name: &mut impl FnMut(N) -> M) -> BlockChange<M> {
        BlockChange {
            executor: name(self.executor),
            block: self.block,
            job: self.job.map(&mut *name),
            state: name(self.state),
            reason: self.reason.map(&mut *name),
            size: self.size,
            nodes: self
                .nodes
                .into_iter()
                .map(|node| NodeStanding {
                    number: node.number,
                    name: name(node.name),
                    state: name(node.state),
                })
                .collect(),
        }
    }
}
