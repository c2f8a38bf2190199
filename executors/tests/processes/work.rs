//! A call as the driver has it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use bytes::Bytes;
use chiltepin_executors::command::{CommandSpec, Stream};
use chiltepin_executors::registry::TaskInfo;
use chiltepin_executors::wire::{WireValue, codec};
use chiltepin_executors::{
    Attempt, AttemptId, EncodedCall, EncodedValues, Failure, Invocation, LossRule, Outcome, Report,
    Resources, StopSignal, TaskId, TaskKind, Work,
};
use futures::future::BoxFuture;
use parking_lot::Mutex;

/// How a call ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) number: u64,
    pub(crate) outcome: Outcome,
    pub(crate) value: Option<String>,
    pub(crate) code: Option<i32>,
    pub(crate) report: Option<Report>,
}

pub(crate) struct TestWork {
    pub(crate) number: u64,
    info: &'static TaskInfo,
    argument: String,
    pub(crate) frame: CommandSpec,
    timeout: Option<Duration>,
    on_loss: LossRule,
    stop: StopSignal,
    pub(crate) losses: AtomicU32,
    pub(crate) begun: AtomicU32,
    value: Mutex<Option<Bytes>>,
    code: Mutex<Option<i32>>,
    report: Mutex<Option<Report>>,
    ended: Mutex<Sender<Ended>>,
}

impl TestWork {
    pub(crate) fn new(
        number: u64,
        info: &'static TaskInfo,
        argument: &str,
        ended: Sender<Ended>,
    ) -> Self {
        Self {
            number,
            info,
            argument: argument.to_owned(),
            frame: CommandSpec {
                prefix: Vec::new(),
                script: String::new(),
                directory: None,
                stdout: Stream::Discard,
                stderr: Stream::Discard,
                environment: Vec::new(),
                outputs: Vec::new(),
                allowed_exit_codes: Vec::new(),
                kill_grace: Duration::ZERO,
            },
            timeout: None,
            on_loss: LossRule::Repeat,
            stop: StopSignal::new(),
            losses: AtomicU32::new(0),
            begun: AtomicU32::new(0),
            value: Mutex::default(),
            code: Mutex::default(),
            report: Mutex::default(),
            ended: Mutex::new(ended),
        }
    }

    pub(crate) fn with_timeout(self, timeout: Duration) -> Self {
        Self {
            timeout: Some(timeout),
            ..self
        }
    }

    pub(crate) fn id(&self) -> AttemptId {
        AttemptId {
            task: TaskId::new(self.number, 7),
            attempt: 2,
        }
    }

    pub(crate) fn invocation(self: &Arc<Self>) -> Invocation {
        Invocation {
            attempt: Attempt {
                id: self.id(),
                deadline: None,
                last: true,
            },
            work: Arc::clone(self) as _,
            offer: 0,
        }
    }
}

impl Work for TestWork {
    fn kind(&self) -> TaskKind {
        self.info.kind
    }

    fn stop_signal(&self) -> &StopSignal {
        &self.stop
    }

    fn call(self: Arc<Self>, _attempt: &Attempt) -> Outcome {
        panic!("nothing runs in the driver")
    }

    fn call_async(self: Arc<Self>, _attempt: &Attempt) -> BoxFuture<'static, Outcome> {
        panic!("nothing runs in the driver")
    }

    fn command(self: Arc<Self>, _attempt: &Attempt) -> Result<CommandSpec, Failure> {
        panic!("nothing runs in the driver")
    }

    fn command_frame(&self, attempt: &Attempt) -> CommandSpec {
        assert!(attempt.deadline.is_none(), "its time has not begun");
        self.frame.clone()
    }

    fn exited(&self, code: i32) -> Outcome {
        *self.code.lock() = Some(code);
        Outcome::Succeeded
    }

    fn resources(&self) -> Resources {
        Resources::default()
    }

    fn encode(&self, attempt: &Attempt, _largest: usize) -> Result<EncodedCall, Failure> {
        assert!(!attempt.last, "it may have to be encoded again");
        let mut bytes = Vec::new();
        codec::encode(&self.argument, &mut bytes).unwrap();
        Ok(EncodedCall {
            info: self.info,
            name: Some("called".to_owned()),
            directory: None,
            on_loss: self.on_loss,
            variables: Vec::new(),
            arguments: EncodedValues {
                values: vec![WireValue::Inline(u32::try_from(bytes.len()).unwrap())],
                bytes: bytes.into(),
            },
        })
    }

    fn returned(&self, value: Bytes) -> Outcome {
        *self.value.lock() = Some(value);
        Outcome::Succeeded
    }

    fn count_loss(&self) -> u32 {
        self.losses.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn losses(&self) -> u32 {
        self.losses.load(Ordering::SeqCst)
    }

    fn report(&self, report: Report) {
        *self.report.lock() = Some(report);
    }

    fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    fn begun(&self, attempt: AttemptId) {
        assert_eq!(attempt, self.id());
        self.begun.fetch_add(1, Ordering::SeqCst);
    }

    fn finish(self: Arc<Self>, attempt: &Attempt, outcome: Outcome) -> Option<Invocation> {
        assert_eq!(attempt.id, self.id());
        let value = self.value.lock().take();
        let _ = self.ended.lock().send(Ended {
            number: self.number,
            outcome,
            value: value.map(|value| codec::decode(&value).unwrap()),
            code: self.code.lock().take(),
            report: self.report.lock().take(),
        });
        None
    }

    fn abandoned(self: Arc<Self>, _attempt: AttemptId) {
        panic!("everything can be stopped");
    }
}
