use std::path::PathBuf;

use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::registry::TaskInfo;
use crate::wire::WireValue;
use crate::{Attempt, StopSignal};

/// A call on its way to another process.
#[derive(Clone, Debug)]
pub struct EncodedCall {
    /// The task it calls.
    pub info: &'static TaskInfo,
    /// The call's own name, if it has one.
    pub name: Option<String>,
    /// Where the task works, if not where the driver does.
    pub directory: Option<PathBuf>,
    /// What is done when the worker that runs the task is lost.
    pub on_loss: LossRule,
    /// Variables that the body can ask its context for, as those of an MPI application.
    pub variables: Vec<(String, String)>,
    /// The arguments.
    pub arguments: EncodedValues,
}

/// What becomes of a task whose worker process is lost while it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum OnLoss {
    /// It runs again, until it has lost as many workers as the executor allows.
    #[default]
    Repeat,
    /// It fails at once: work that must not be done twice.
    Fail,
}

/// What an executor does when a worker is lost that was running a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LossRule {
    /// It runs the call again, until it has lost as many workers as the executor allows.
    #[default]
    Repeat,
    /// It ends the call: that must not be done twice.
    Fail,
    /// It ends the call, and whoever sent it decides what comes next. What had nothing to do with
    /// the worker's end runs again all the same.
    Report,
}

/// Values side by side: how each travels, and the bytes of those that travel inline, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncodedValues {
    /// One for each value.
    pub values: Vec<WireValue>,
    /// The inline ones, one behind the other.
    pub bytes: Bytes,
}

/// A call as the process that runs it sees it.
#[derive(Debug)]
pub struct ServedCall {
    /// The task.
    pub info: &'static TaskInfo,
    /// The call's own name, if it has one.
    pub name: Option<String>,
    /// Where the task works, if not where its process does.
    pub directory: Option<PathBuf>,
    /// The attempt.
    pub attempt: Attempt,
    /// The arguments, until the body's start takes them.
    pub arguments: Mutex<EncodedValues>,
    /// Variables that the body can ask its context for, as those of an MPI application.
    pub variables: Vec<(String, String)>,
    /// Asks the attempt to stop.
    pub stop: StopSignal,
}
