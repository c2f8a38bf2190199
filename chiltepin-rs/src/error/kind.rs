use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chiltepin_executors::{
    FailureKind, LostWorker, PanicReport, ProcessEnd, UserError, signal_name,
};

use super::TaskError;

/// What went wrong with a task.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The body returned an error; [`TaskError::downcast_ref`] gives it back where its type can
    /// travel.
    Failed(UserError),
    /// The body panicked.
    Panicked(PanicReport),
    /// An attempt took longer than it may.
    TimedOut {
        /// How long it was allowed to take.
        timeout: Duration,
        /// Whether the body could not be stopped and still holds its thread.
        abandoned: bool,
    },
    /// The task was cancelled.
    Cancelled {
        /// Whether the body could not be stopped and still holds its thread.
        abandoned: bool,
    },
    /// The task was not run, because something it waits for ended badly.
    DependencyFailed {
        /// The error of the task where it began.
        root: TaskError,
    },
    /// A future that a join task returned ended badly.
    JoinFailed {
        /// That future's error.
        cause: TaskError,
    },
    /// The command exited with a code that is not allowed.
    ExitCode {
        /// The exit code.
        code: i32,
        /// The last lines the command wrote to stderr.
        stderr: String,
    },
    /// A signal ended the command.
    Signal {
        /// The signal's number.
        signal: i32,
        /// The last lines the command wrote to stderr.
        stderr: String,
    },
    /// The command exited well but did not make a file it promised.
    MissingOutput {
        /// The promised file.
        path: PathBuf,
    },
    /// The worker process that ran the body ended under it, as often as it may.
    WorkerLost {
        /// The worker's name, as `compute-3`.
        worker: String,
        /// How its process ended.
        end: ProcessEnd,
        /// The last lines it wrote to stderr.
        stderr: String,
        /// How many workers this task has lost, this one among them.
        losses: u32,
    },
    /// The nodes under the task's attempts were lost, as often as they may be.
    NodesLost {
        /// How the last one was lost, as the end of a sentence that begins with the task.
        reason: String,
        /// How many of its attempts have lost their node.
        losses: u32,
    },
    /// An argument, or the result, cannot travel between processes.
    Encoding {
        /// Which and why, as the end of a sentence that begins with the task.
        reason: String,
    },
    /// The configuration has no executor of this name.
    UnknownExecutor {
        /// The name that was asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// The executor is configured but cannot run tasks.
    UnavailableExecutor {
        /// Its name.
        name: String,
        /// Why it cannot, and what to do.
        reason: String,
    },
    /// The task's geometry contradicts itself or fits no block.
    ImpossibleGeometry {
        /// Why.
        reason: String,
    },
    /// The task asks for more than any of its executors will ever have.
    ImpossibleResources {
        /// What is asked for and what there is.
        reason: String,
    },
    /// The workflow was closed before the task ended, or before it was submitted.
    WorkflowClosed,
    /// Something the task needed from the system was not to be had.
    System {
        /// What was attempted.
        action: String,
        /// What the system said.
        error: Arc<io::Error>,
    },
    /// The call cannot be carried out as it was made.
    InvalidCall {
        /// What is wrong, and what to do instead.
        reason: String,
    },
    /// A future's value has no such element.
    NoSuchElement {
        /// The index or key that was asked for.
        element: String,
        /// What the value has.
        available: String,
    },
}

impl ErrorKind {
    /// What an executor reports, as the user sees it.
    pub(crate) fn of_failure(kind: FailureKind, executor: Option<&str>) -> Self {
        match kind {
            FailureKind::User(error) => Self::Failed(error),
            FailureKind::Panicked(report) => Self::Panicked(report),
            FailureKind::ExitCode { code, stderr } => Self::ExitCode { code, stderr },
            FailureKind::Signal { signal, stderr } => Self::Signal { signal, stderr },
            FailureKind::MissingOutput { path } => Self::MissingOutput { path },
            FailureKind::System { action, error } => Self::System { action, error },
            FailureKind::Invalid { reason } => Self::InvalidCall { reason },
            FailureKind::Encoding { reason } => Self::Encoding { reason },
            FailureKind::Unavailable { reason } => Self::UnavailableExecutor {
                name: executor.unwrap_or_default().to_owned(),
                reason,
            },
            FailureKind::WorkerLost(LostWorker {
                worker,
                end,
                stderr,
                losses,
            }) => Self::WorkerLost {
                worker,
                end,
                stderr,
                losses,
            },
            FailureKind::NodesLost { reason, losses } => Self::NodesLost { reason, losses },
            FailureKind::Dependency(error) => match error.downcast_ref::<TaskError>() {
                Some(root) => Self::DependencyFailed {
                    root: root.root().clone(),
                },
                None => Self::InvalidCall {
                    reason: error.to_string(),
                },
            },
            FailureKind::Join(error) => match error.downcast_ref::<TaskError>() {
                Some(cause) => Self::JoinFailed {
                    cause: cause.clone(),
                },
                None => Self::InvalidCall {
                    reason: error.to_string(),
                },
            },
            other => Self::InvalidCall {
                reason: format!("{other:?}"),
            },
        }
    }
}

/// What happened to the task, as the end of a sentence that begins with its name.
impl fmt::Display for ErrorKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(formatter, "failed: {}", error.message),
            Self::Panicked(report) => {
                write!(formatter, "panicked: {}", report.message)?;
                match (&report.file, report.line) {
                    (Some(file), Some(line)) => write!(formatter, " (at {file}:{line})"),
                    _ => Ok(()),
                }
            }
            Self::TimedOut { timeout, abandoned } => {
                write!(formatter, "took longer than its timeout of {timeout:?}")?;
                formatter.write_str(abandoned_note(*abandoned))
            }
            Self::Cancelled { abandoned } => {
                write!(formatter, "was cancelled{}", abandoned_note(*abandoned))
            }
            Self::DependencyFailed { root } => {
                write!(
                    formatter,
                    "was not run: it depends on {}, which {}",
                    root.subject(),
                    root.brief()
                )
            }
            Self::JoinFailed { cause } => {
                write!(
                    formatter,
                    "failed with {}, which it returned",
                    cause.subject()
                )
            }
            Self::ExitCode { code, stderr } => {
                write!(formatter, "exited with code {code}")?;
                tail(formatter, stderr)
            }
            Self::Signal { signal, stderr } => {
                write!(
                    formatter,
                    "was ended by signal {signal}{}",
                    signal_name(*signal)
                )?;
                tail(formatter, stderr)
            }
            Self::MissingOutput { path } => {
                write!(
                    formatter,
                    "exited well but did not make its output `{}`",
                    path.display()
                )
            }
            Self::WorkerLost {
                worker,
                end,
                stderr,
                losses,
            } => {
                write!(formatter, "lost its worker `{worker}`, which {end}")?;
                if *losses > 1 {
                    write!(formatter, ", as the last of {losses} that ended under it")?;
                }
                tail(formatter, stderr)
            }
            Self::NodesLost { reason, losses } => {
                formatter.write_str(reason)?;
                if *losses > 1 {
                    write!(formatter, " (the last of {losses} nodes lost under it)")?;
                }
                formatter.write_str(
                    "; if it takes longer than a block lasts, raise `walltime`; if it uses up a \
                     node's memory, ask for more with `.resources(..)`; else look at the node",
                )
            }
            Self::Encoding { reason } => formatter.write_str(reason),
            Self::UnknownExecutor {
                name,
                known,
                nearest,
            } => {
                write!(
                    formatter,
                    "asks for executor `{name}`, which is not configured"
                )?;
                if let Some(nearest) = nearest {
                    write!(formatter, "; did you mean `{nearest}`?")?;
                }
                write!(formatter, " (configured: {})", Names(known))?;
                if nearest.is_none() && matches!(&known[..], [only] if only == "local") {
                    formatter.write_str(
                        "; more are read from the file that `#[chiltepin::main(config = \"..\")]`, \
                         the workflow's builder or `CHILTEPIN_CONFIG` names",
                    )?;
                }
                Ok(())
            }
            Self::UnavailableExecutor { name, reason } => {
                write!(formatter, "cannot run on executor `{name}`: {reason}")
            }
            Self::ImpossibleGeometry { reason } => {
                write!(formatter, "has an impossible geometry: {reason}")
            }
            Self::ImpossibleResources { reason } => {
                write!(formatter, "asks for more than there is: {reason}")
            }
            Self::WorkflowClosed => formatter.write_str("was not run: the workflow is closed"),
            Self::System { action, .. } => write!(formatter, "could not {action}"),
            Self::InvalidCall { reason } => write!(formatter, "cannot be run: {reason}"),
            Self::NoSuchElement { element, available } => {
                write!(
                    formatter,
                    "has no element {element} in its value ({available})"
                )
            }
        }
    }
}

fn abandoned_note(abandoned: bool) -> &'static str {
    if abandoned {
        "; its body cannot be stopped and still holds its thread \
         (let it look at `context.is_cancelled()`, or run it on an executor with processes)"
    } else {
        ""
    }
}

fn tail(formatter: &mut fmt::Formatter<'_>, stderr: &str) -> fmt::Result {
    let stderr = stderr.trim_end();
    if stderr.is_empty() {
        return Ok(());
    }
    formatter.write_str("; the end of its stderr:")?;
    for line in stderr.lines() {
        write!(formatter, "\n    {line}")?;
    }
    Ok(())
}

/// A list of names as people write it.
struct Names<'a>(&'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(formatter, "{separator}`{name}`")?;
        }
        Ok(())
    }
}
