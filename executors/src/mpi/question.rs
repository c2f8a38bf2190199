use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use parking_lot::Mutex;

use super::flavour;
use crate::command::{CommandEnd, CommandSpec};
use crate::{
    Attempt, AttemptId, EncodedCall, Failure, FailureKind, Invocation, Outcome, Report, Resources,
    StopSignal, TaskId, TaskKind, Work,
};

/// Takes what came of a question.
type Take = Box<dyn FnOnce(Result<String, String>) + Send>;

/// A command that asks the MPI launcher for its version where applications will run: behind the
/// environment lines, and in the container, of their executor.
pub(super) struct Question {
    program: String,
    output: PathBuf,
    stop: StopSignal,
    take: Mutex<Option<Take>>,
}

/// Tasks are numbered from 1.
const ID: AttemptId = AttemptId {
    task: TaskId::new(0, u32::MAX),
    attempt: 1,
};

impl Question {
    pub(super) fn new(program: &str, output: PathBuf, take: Take) -> Arc<Self> {
        Arc::new(Self {
            program: program.to_owned(),
            output,
            stop: StopSignal::new(),
            take: Mutex::new(Some(take)),
        })
    }

    pub(super) fn invocation(self: &Arc<Self>) -> Invocation {
        Invocation {
            attempt: Attempt {
                id: ID,
                deadline: None,
                last: true,
            },
            work: Arc::clone(self) as Arc<dyn Work>,
            offer: 0,
        }
    }

    pub(super) const fn id() -> AttemptId {
        ID
    }
}

fn no_function() -> Failure {
    Failure::permanent(FailureKind::Invalid {
        reason: "it is a command".to_owned(),
    })
}

impl Work for Question {
    fn kind(&self) -> TaskKind {
        TaskKind::Command
    }

    fn stop_signal(&self) -> &StopSignal {
        &self.stop
    }

    fn call(self: Arc<Self>, _attempt: &Attempt) -> Outcome {
        Outcome::Failed(no_function())
    }

    fn call_async(self: Arc<Self>, _attempt: &Attempt) -> BoxFuture<'static, Outcome> {
        Box::pin(std::future::ready(Outcome::Failed(no_function())))
    }

    fn command(self: Arc<Self>, attempt: &Attempt) -> Result<CommandSpec, Failure> {
        Ok(self.command_frame(attempt))
    }

    fn command_frame(&self, _attempt: &Attempt) -> CommandSpec {
        flavour::question(&self.program, &self.output)
    }

    fn exited(&self, _code: i32) -> Outcome {
        Outcome::Succeeded
    }

    fn resources(&self) -> Resources {
        Resources::default()
    }

    fn encode(&self, _attempt: &Attempt, _largest: usize) -> Result<EncodedCall, Failure> {
        Err(no_function())
    }

    fn returned(&self, _value: Bytes) -> Outcome {
        Outcome::Failed(no_function())
    }

    fn count_loss(&self) -> u32 {
        1
    }

    fn losses(&self) -> u32 {
        0
    }

    fn report(&self, _report: Report) {}

    fn finish(self: Arc<Self>, _attempt: &Attempt, outcome: Outcome) -> Option<Invocation> {
        let end = match outcome {
            Outcome::Succeeded => Ok(0),
            Outcome::Failed(failure) => Err(CommandEnd::Failed(failure)),
            Outcome::Stopped | Outcome::Returned { .. } => Err(CommandEnd::Stopped),
        };
        let take = self.take.lock().take();
        if let Some(take) = take {
            take(flavour::answer(&self.program, end, &self.output));
        }
        None
    }

    fn abandoned(self: Arc<Self>, _attempt: AttemptId) {}
}
