//! From one kind of name to another, wherever names stand in an event.

use super::event::{
    Arguments, AttemptAccount, BlockChange, Ending, Event, How, More, NodeStanding, Trouble, What,
};

impl<N> Event<N> {
    pub(super) fn map<M>(&self, name: &mut impl FnMut(&N) -> M) -> Event<M> {
        Event {
            at: self.at,
            what: self.what.map(name),
        }
    }
}

impl<N> What<N> {
    fn map<M>(&self, name: &mut impl FnMut(&N) -> M) -> What<M> {
        match self {
            Self::RunStarted(started) => What::RunStarted(started.clone()),
            Self::Named { name, text } => What::Named {
                name: *name,
                text: text.clone(),
            },
            Self::Submitted {
                task,
                function,
                executors,
                priority,
                kind,
                more,
            } => What::Submitted {
                task: *task,
                function: name(function),
                executors: *executors,
                priority: *priority,
                kind: *kind,
                more: more.as_ref().map(|more| Box::new(more.map(name))),
            },
            Self::Depends { task, on } => What::Depends {
                task: *task,
                on: *on,
            },
            Self::DependsOutside { task } => What::DependsOutside { task: *task },
            Self::Looking { task } => What::Looking { task: *task },
            Self::Looked { task, is_there } => What::Looked {
                task: *task,
                is_there: *is_there,
            },
            Self::Started {
                task,
                attempt,
                executor,
                offer,
            } => What::Started {
                task: *task,
                attempt: *attempt,
                executor: *executor,
                offer: *offer,
            },
            Self::Began { task, attempt } => What::Began {
                task: *task,
                attempt: *attempt,
            },
            Self::Placed {
                task,
                attempt,
                nodes,
            } => What::Placed {
                task: *task,
                attempt: *attempt,
                nodes: nodes.clone(),
            },
            Self::WorkerLost { task, losses } => What::WorkerLost {
                task: *task,
                losses: *losses,
            },
            Self::Stopping { task, attempt } => What::Stopping {
                task: *task,
                attempt: *attempt,
            },
            Self::Arguments { task, arguments } => What::Arguments {
                task: *task,
                arguments: Box::new(arguments.map(name)),
            },
            Self::Finished { task, attempt, how } => What::Finished {
                task: *task,
                attempt: *attempt,
                how: how.map(name),
            },
            Self::Reported {
                task,
                attempt,
                account,
            } => What::Reported {
                task: *task,
                attempt: *attempt,
                account: Box::new(account.map(name)),
            },
            Self::Retrying {
                task,
                attempt,
                pause,
                error,
            } => What::Retrying {
                task: *task,
                attempt: *attempt,
                pause: *pause,
                error: error.as_ref().map(name),
            },
            Self::Ended { task, ending } => What::Ended {
                task: *task,
                ending: ending.map(name),
            },
            Self::Block(change) => What::Block(Box::new(change.map(name))),
            Self::Room {
                executor,
                offer,
                room,
            } => What::Room {
                executor: *executor,
                offer: *offer,
                room: room.clone(),
            },
            Self::Unavailable { executor, reason } => What::Unavailable {
                executor: *executor,
                reason: name(reason),
            },
            Self::Hindered { executor, reason } => What::Hindered {
                executor: name(executor),
                reason: reason.as_ref().map(name),
            },
            Self::Missed { events } => What::Missed { events: *events },
            Self::RunEnded { outcome } => What::RunEnded { outcome: *outcome },
        }
    }
}

impl<N> More<N> {
    fn map<M>(&self, name: &mut impl FnMut(&N) -> M) -> More<M> {
        More {
            name: self.name.as_ref().map(&mut *name),
            labels: self.labels.iter().map(name).collect(),
            cores: self.cores,
            memory: self.memory,
            gpus: self.gpus,
            nodes: self.nodes,
        }
    }
}

impl<N> Arguments<N> {
    fn map<M>(&self, name: &mut impl FnMut(&N) -> M) -> Arguments<M> {
        match self {
            Self::Whole(whole) => Arguments::Whole(whole.clone()),
            Self::TooLarge { most } => Arguments::TooLarge { most: *most },
            Self::NotEncoded { reason } => Arguments::NotEncoded {
                reason: name(reason),
            },
            Self::NoMore { most } => Arguments::NoMore { most: *most },
        }
    }
}

impl<N> How<N> {
    pub(crate) fn map<M>(&self, name: &mut impl FnMut(&N) -> M) -> How<M> {
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
    fn map<M>(&self, name: &mut impl FnMut(&N) -> M) -> Trouble<M> {
        Trouble {
            kind: name(&self.kind),
            message: name(&self.message),
            place: self.place.as_ref().map(name),
        }
    }
}

impl<N> AttemptAccount<N> {
    pub(crate) fn map<M>(&self, name: &mut impl FnMut(&N) -> M) -> AttemptAccount<M> {
        AttemptAccount {
            node: name(&self.node),
            worker: self.worker.as_ref().map(name),
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
    pub(crate) fn map<M>(&self, name: &mut impl FnMut(&N) -> M) -> Ending<M> {
        match self {
            Self::Succeeded => Ending::Succeeded,
            Self::Failed(trouble) => Ending::Failed(Box::new(trouble.map(name))),
            Self::DependencyFailed { root } => Ending::DependencyFailed { root: *root },
            Self::TimedOut { is_abandoned } => Ending::TimedOut {
                is_abandoned: *is_abandoned,
            },
            Self::Cancelled { is_abandoned } => Ending::Cancelled {
                is_abandoned: *is_abandoned,
            },
            Self::Closed => Ending::Closed,
        }
    }
}

impl<N> BlockChange<N> {
    pub(crate) fn map<M>(&self, name: &mut impl FnMut(&N) -> M) -> BlockChange<M> {
        BlockChange {
            executor: name(&self.executor),
            block: self.block,
            job: self.job.as_ref().map(&mut *name),
            state: name(&self.state),
            reason: self.reason.as_ref().map(&mut *name),
            size: self.size,
            nodes: self
                .nodes
                .iter()
                .map(|node| NodeStanding {
                    number: node.number,
                    name: name(&node.name),
                    state: name(&node.state),
                })
                .collect(),
        }
    }
}
