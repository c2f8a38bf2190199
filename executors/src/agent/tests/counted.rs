use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use futures::future::BoxFuture;
use parking_lot::Mutex;

use crate::command::CommandSpec;
use crate::registry::TaskInfo;
use crate::wire::WireValue;
use crate::{
    Attempt, AttemptId, EncodedCall, EncodedValues, Failure, Invocation, LossRule, Outcome, Report,
    Resources, StopSignal, TaskKind, Work,
};

/// Counts how often it has ended.
pub(super) struct Counted {
    info: &'static TaskInfo,
    stop: StopSignal,
    ends: AtomicU32,
    pub(super) last: Mutex<Option<Outcome>>,
}

impl Counted {
    pub(super) fn new(info: &'static TaskInfo) -> Arc<Self> {
        Arc::new(Self {
            info,
            stop: StopSignal::new(),
            ends: AtomicU32::new(0),
            last: Mutex::default(),
        })
    }

    pub(super) fn ends(&self) -> u32 {
        self.ends.load(Ordering::SeqCst)
    }
}

impl Work for Counted {
    fn kind(&self) -> TaskKind {
        self.info.kind
    }

    fn stop_signal(&self) -> &StopSignal {
        &self.stop
    }

    fn call(self: Arc<Self>, _attempt: &Attempt) -> Outcome {
        Outcome::Stopped
    }

    fn call_async(self: Arc<Self>, _attempt: &Attempt) -> BoxFuture<'static, Outcome> {
        Box::pin(std::future::ready(Outcome::Stopped))
    }

    fn command(self: Arc<Self>, attempt: &Attempt) -> Result<CommandSpec, Failure> {
        Ok(self.command_frame(attempt))
    }

    fn command_frame(&self, _attempt: &Attempt) -> CommandSpec {
        match super::start(1, 0).command {
            Some(frame) => frame,
            None => panic!("commands have one"),
        }
    }

    fn exited(&self, _code: i32) -> Outcome {
        Outcome::Succeeded
    }

    fn resources(&self) -> Resources {
        Resources::default()
    }

    fn encode(&self, _attempt: &Attempt, _largest: usize) -> Result<EncodedCall, Failure> {
        Ok(EncodedCall {
            info: self.info,
            name: None,
            directory: None,
            on_loss: LossRule::Repeat,
            arguments: EncodedValues {
                values: vec![WireValue::Inline(2), WireValue::Inline(3)],
                bytes: Bytes::from_static(b"abcde"),
            },
            variables: Vec::new(),
        })
    }

    fn returned(&self, _value: Bytes) -> Outcome {
        Outcome::Succeeded
    }

    fn count_loss(&self) -> u32 {
        1
    }

    fn losses(&self) -> u32 {
        0
    }

    fn report(&self, _report: Report) {}

    fn finish(self: Arc<Self>, _attempt: &Attempt, outcome: Outcome) -> Option<Invocation> {
        self.ends.fetch_add(1, Ordering::SeqCst);
        *self.last.lock() = Some(outcome);
        None
    }

    fn abandoned(self: Arc<Self>, _attempt: AttemptId) {}
}
