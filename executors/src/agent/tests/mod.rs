//! Both ends without a connection: what is said is looked at.

mod counted;
mod desk;
mod hearing;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

use super::message::StartCall;
use super::voice::Voice;
use crate::command::{CommandSpec, Stream};
use crate::registry::{Entry, Functions, TaskInfo, example};
use crate::wire::{FrameError, WireValue};
use crate::{AttemptId, LossRule, Resources, TaskId, TaskKind};

pub(super) static FUNCTION: TaskInfo = TaskInfo {
    kind: TaskKind::Function,
    entry: Entry::Function(|_, _| Ok(())),
    ..example("m::function", 1)
};

pub(super) static COMMAND: TaskInfo = TaskInfo {
    kind: TaskKind::Command,
    entry: Entry::Command(|_| Ok("true".to_owned())),
    ..example("m::command", 2)
};

static JOIN: TaskInfo = example("m::join", 3);

/// In order of names: the command, the function, the join.
pub(super) fn functions() -> &'static Functions {
    Box::leak(Box::new(Functions::new(
        [&FUNCTION, &COMMAND, &JOIN].into_iter(),
    )))
}

/// Keeps what is said.
pub(super) struct Kept<M> {
    pub(super) said: Mutex<Vec<(M, Bytes)>>,
    pub(super) is_aborted: Mutex<bool>,
    /// Bodies of more bytes are not taken.
    pub(super) most: Mutex<Option<usize>>,
}

impl<M> Default for Kept<M> {
    fn default() -> Self {
        Self {
            said: Mutex::default(),
            is_aborted: Mutex::default(),
            most: Mutex::default(),
        }
    }
}

impl<M> Kept<M> {
    pub(super) fn take(&self) -> Vec<M> {
        let said = std::mem::take(&mut *self.said.lock());
        said.into_iter().map(|(message, _)| message).collect()
    }
}

impl<M: Clone + Send + Sync> Voice<M> for Kept<M> {
    fn say(&self, message: &M, body: &Bytes) -> Result<(), FrameError> {
        if let Some(limit) = *self.most.lock()
            && body.len() > limit
        {
            let length = body.len();
            return Err(FrameError::TooLong { length, limit });
        }
        self.said.lock().push((message.clone(), body.clone()));
        Ok(())
    }

    fn abort(&self) {
        *self.is_aborted.lock() = true;
    }
}

pub(super) fn attempt(task: u64) -> AttemptId {
    AttemptId {
        task: TaskId::new(task, 0),
        attempt: 1,
    }
}

/// A call of one of the functions above.
pub(super) fn start(task: u64, function: u32) -> Box<StartCall> {
    let command = CommandSpec {
        prefix: Vec::new(),
        script: String::new(),
        directory: None,
        stdout: Stream::Discard,
        stderr: Stream::Discard,
        environment: Vec::new(),
        outputs: Vec::new(),
        allowed_exit_codes: Vec::new(),
        kill_grace: Duration::ZERO,
    };
    Box::new(StartCall {
        attempt: attempt(task).into(),
        function,
        name: None,
        directory: None,
        on_loss: LossRule::Repeat,
        losses: 0,
        timeout: None,
        resources: Resources::default(),
        command: (function == 0).then_some(command),
        variables: Vec::new(),
        arguments: vec![WireValue::Inline(2)],
    })
}

pub(super) type Shared<M> = Arc<Kept<M>>;
