use std::collections::HashMap;

use chiltepin_executors::TaskId;

use super::Driver;
use super::lock::Payload;
use crate::error::{ErrorKind, TaskError};
use crate::kernel::{Command, Ending, Root};

impl Driver {
    /// Makes the endings known to futures, still under the lock: a call submitted next must see
    /// what the kernel sees.
    pub(super) fn decide(&self, commands: &[Command<Payload, TaskError>]) {
        let mut roots: HashMap<TaskId, TaskError> = HashMap::new();
        for command in commands {
            if let Command::Retrying {
                payload,
                scaled: Some(scaled),
                ..
            } = command
            {
                // Before anybody starts the next attempt.
                payload.header().set_scaled(*scaled);
            }
            let Command::Ended {
                id,
                attempt,
                executor,
                payload,
                ending,
            } = command
            else {
                continue;
            };
            let header = payload.header();
            if header.decision().is_made() {
                // A call that was refused in a batch is decided before the next one is looked at.
                continue;
            }
            let kind = match ending {
                Ending::Succeeded => {
                    header.decision().succeed();
                    continue;
                }
                Ending::Failed(error) => {
                    header.decision().fail(error.clone());
                    roots.insert(*id, error.clone());
                    continue;
                }
                Ending::DependencyFailed(root) => {
                    let root = match root {
                        Root::Failure(error) => Some(error.root().clone()),
                        Root::Task(id) => roots.get(id).map(|error| error.root().clone()),
                    };
                    match root {
                        Some(root) => ErrorKind::DependencyFailed { root },
                        None => ErrorKind::WorkflowClosed,
                    }
                }
                Ending::TimedOut { abandoned } => ErrorKind::TimedOut {
                    timeout: header.timeout().unwrap_or_default(),
                    abandoned: *abandoned,
                },
                Ending::Cancelled { abandoned } => ErrorKind::Cancelled {
                    abandoned: *abandoned,
                },
                Ending::FitsNowhere { executors } => self.unfit(*executors, header, payload.kind()),
                Ending::Closed => ErrorKind::WorkflowClosed,
            };
            let name = executor.and_then(|executor| self.executor_name(executor));
            let error = TaskError::new(kind, header.place(name, *attempt));
            header.decision().fail(error.clone());
            roots.insert(*id, error);
        }
    }
}
