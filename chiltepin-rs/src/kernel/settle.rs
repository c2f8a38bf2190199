//! How tasks end, and what that means for those that wait for them.

use chiltepin_executors::TaskId;

use super::edge::Dependents;
use super::graph::Task;
use super::machine::Kernel;
use super::state::State;
use super::{Command, Ending, Root};

impl<P: Clone, F: Clone> Kernel<P, F> {
    /// Ends a task that holds no room, and settles all that wait for it.
    pub(super) fn end(&mut self, id: TaskId, ending: Ending<F>, commands: &mut Vec<Command<P, F>>) {
        let Some(task) = self.table.remove(id) else {
            return;
        };
        match task.state {
            State::Ready => self
                .placement
                .leave(task.shape, |turn| self.table.is_queued(turn)),
            State::Delayed { .. } => self.timers.disarm(|timer| self.table.is_timed(timer)),
            State::Waiting { .. }
            | State::Looking
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Keeping => {}
        }
        self.placement.exit(task.shape);
        self.settle(id, task, ending, commands);
    }

    /// Ends a task that none of its executors will ever have room for.
    pub(super) fn end_unfit(&mut self, id: TaskId, commands: &mut Vec<Command<P, F>>) {
        if let Some(task) = self.table.get(id) {
            let executors = self.placement.shapes.get(task.shape).key.executors;
            self.end(id, Ending::FitsNowhere { executors }, commands);
        }
    }

    /// Says that a task, taken out of the table, has ended, and what this means for its dependents.
    pub(super) fn settle(
        &mut self,
        id: TaskId,
        mut task: Task<P>,
        ending: Ending<F>,
        commands: &mut Vec<Command<P, F>>,
    ) {
        let dependents = std::mem::replace(&mut task.dependents, Dependents::none());
        let root = match &ending {
            Ending::Succeeded => None,
            Ending::DependencyFailed(root) => Some(root.clone()),
            _ => Some(Root::Task(id)),
        };
        self.say_ended(id, task, ending, commands);
        match root {
            None => self.meet(dependents, commands),
            Some(root) => self.fail(dependents, root, commands),
        }
    }

    /// Counts one dependency less for each dependent.
    fn meet(&mut self, mut dependents: Dependents, commands: &mut Vec<Command<P, F>>) {
        while let Some(id) = self.edges.pop(&mut dependents) {
            let Some(task) = self.table.get_mut(id) else {
                continue;
            };
            let State::Waiting { pending, external } = task.state else {
                continue;
            };
            task.state = State::Waiting {
                pending: pending.saturating_sub(1),
                external,
            };
            if pending <= 1 && external == 0 {
                self.make_ready(id, commands);
            }
        }
    }

    /// Ends every dependent, their dependents, and so on; the list of them grows at its end.
    fn fail(
        &mut self,
        mut dependents: Dependents,
        root: Root<F>,
        commands: &mut Vec<Command<P, F>>,
    ) {
        while let Some(id) = self.edges.pop(&mut dependents) {
            let Some(mut task) = self.table.remove(id) else {
                continue;
            };
            let more = std::mem::replace(&mut task.dependents, Dependents::none());
            self.edges.join(&mut dependents, more);
            self.placement.exit(task.shape);
            self.say_ended(id, task, Ending::DependencyFailed(root.clone()), commands);
        }
    }

    pub(super) fn say_ended(
        &mut self,
        id: TaskId,
        task: Task<P>,
        ending: Ending<F>,
        commands: &mut Vec<Command<P, F>>,
    ) {
        self.ended += 1;
        self.succeeded += u64::from(matches!(ending, Ending::Succeeded));
        let Task {
            attempt,
            executor,
            payload,
            ..
        } = task;
        commands.push(Command::Ended {
            id,
            attempt,
            executor,
            payload,
            ending,
        });
    }
}
