use std::fmt;
use std::time::Duration;

/// Where a task stands, and what it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// It waits for other tasks.
    Waiting {
        /// How many have not ended.
        dependencies: usize,
    },
    /// It could run, and its result is looked for in the cache.
    LookedFor,
    /// It could run and waits for room.
    Queued {
        /// The executors that may take it.
        executors: Vec<String>,
    },
    /// It could run and waits because as many tasks with this label run as may.
    Limited {
        /// The label.
        label: String,
    },
    /// An attempt failed; the next one comes after a pause.
    Delayed {
        /// How long the pause still is.
        pause: Duration,
    },
    /// It runs.
    Running {
        /// Where.
        executor: String,
        /// The attempt, from 1.
        attempt: u32,
    },
    /// It was told to stop, by a timeout or a cancel, and has not yet.
    Stopping {
        /// Where it runs.
        executor: String,
        /// The attempt, from 1.
        attempt: u32,
    },
    /// It has run, and its result is being kept in the cache.
    Kept {
        /// The attempt, from 1.
        attempt: u32,
    },
    /// It ended with a value.
    Succeeded,
    /// It ended with an error.
    Failed,
    /// It was cancelled, or something it depends on was.
    Cancelled,
}

/// As the end of a sentence that begins with the task.
impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { dependencies: 1 } => formatter.write_str("waits for another task"),
            Self::Waiting { dependencies } => {
                write!(formatter, "waits for {dependencies} other tasks")
            }
            Self::LookedFor => formatter.write_str("is looked for in the cache"),
            Self::Queued { executors } => {
                write!(
                    formatter,
                    "waits for room on `{}`",
                    executors.join("` or `")
                )
            }
            Self::Limited { label } => {
                write!(
                    formatter,
                    "waits because as many tasks labelled `{label}` run as may"
                )
            }
            Self::Delayed { pause } => write!(formatter, "is tried again in {pause:?}"),
            Self::Running { executor, attempt } => {
                write!(formatter, "runs on `{executor}`, attempt {attempt}")
            }
            Self::Stopping { executor, attempt } => {
                write!(
                    formatter,
                    "is being stopped on `{executor}`, attempt {attempt}"
                )
            }
            Self::Kept { attempt } => {
                write!(formatter, "is being kept in the cache, attempt {attempt}")
            }
            Self::Succeeded => formatter.write_str("succeeded"),
            Self::Failed => formatter.write_str("failed"),
            Self::Cancelled => formatter.write_str("was cancelled"),
        }
    }
}
