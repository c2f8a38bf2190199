use std::sync::Arc;
use std::time::Instant;

use chiltepin_executors::BlocksStatus;

use super::Driver;
use super::Installed;
#[cfg(feature = "records")]
use crate::cache::Cache;
use crate::future::Status;
use crate::kernel::{ExecutorId, Standing};
use crate::task::Header;
use crate::workflow::{ExecutorStatus, TaskCounts, WorkflowStatus};

impl Driver {
    /// The kept results, for the program to ask.
    #[cfg(feature = "records")]
    pub(crate) fn cache(&self) -> Cache {
        let results = self.settings.results.as_ref();
        results.map_or_else(Cache::off, |results| results.handle())
    }

    /// How the workflow stands.
    pub(crate) fn workflow_status(self: &Arc<Self>) -> WorkflowStatus {
        self.admit_waiting();
        let counts = self.lock().kernel.counts();
        let results = self.settings.results.as_ref();
        let looks = results.map(|results| results.counts()).unwrap_or_default();
        let executors = self.configured().iter().enumerate();
        let executors = executors.map(|(at, installed)| ExecutorStatus {
            name: installed.name.to_string(),
            running: counts.running_on.get(at).copied().unwrap_or_default(),
            unavailable: installed.unavailable(),
            blocks: installed.executor().and_then(|executor| executor.status()),
        });
        WorkflowStatus {
            executors: executors.collect(),
            tasks: TaskCounts {
                waiting: counts.waiting,
                caching: counts.caching,
                ready: counts.ready,
                limited: counts.limited,
                delayed: counts.delayed,
                running: counts.running,
                stopping: counts.stopping,
                succeeded: counts.succeeded,
                cached: looks.found,
                uncached: looks.computed,
                failed: counts.failed,
            },
        }
    }

    /// How the blocks of all executors stand that have any.
    pub(crate) fn blocks(&self) -> Vec<BlocksStatus> {
        let executors = self.executors.iter().filter_map(Installed::executor);
        executors.filter_map(|executor| executor.status()).collect()
    }

    /// Where a task stands; none once its ending is decided.
    pub(crate) fn status(self: &Arc<Self>, task: &Header) -> Option<Status> {
        let id = self.placed(task)?;
        let standing = self.lock().kernel.status(id)?;
        let place = |executor: ExecutorId| {
            self.executor_name(executor)
                .map(|name| name.to_string())
                .unwrap_or_default()
        };
        Some(match standing {
            Standing::Waiting { on } => Status::Waiting {
                dependencies: on as usize,
            },
            Standing::Looking => Status::LookedFor,
            Standing::Keeping { attempt } => Status::Kept { attempt },
            Standing::Ready { executors } => Status::Queued {
                executors: executors
                    .iter()
                    .filter_map(|executor| self.executor_name(executor))
                    .map(|name| name.to_string())
                    .collect(),
            },
            Standing::Limited(label) => Status::Limited {
                label: self
                    .settings
                    .labels
                    .name(label)
                    .unwrap_or_default()
                    .to_owned(),
            },
            Standing::Delayed { until } => Status::Delayed {
                pause: until.saturating_duration_since(Instant::now()),
            },
            Standing::Running { executor, attempt } => Status::Running {
                executor: place(executor),
                attempt,
            },
            Standing::Stopping { executor, attempt } => Status::Stopping {
                executor: place(executor),
                attempt,
            },
        })
    }
}
