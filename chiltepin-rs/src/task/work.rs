use std::future::{poll_fn, ready};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use chiltepin_executors::command::CommandSpec;
use chiltepin_executors::mpi::Geometry;
use chiltepin_executors::panic::catch;
use chiltepin_executors::{
    Attempt, AttemptId, EncodedCall, EncodedValues, Failure, FailureKind, Invocation, Outcome,
    Report, Resources, StopSignal, TaskKind, Work,
};
use futures::future::BoxFuture;

use super::cell::taken;
use super::encoder::WORTH_SHARING;
use super::{AnyTask, Arguments, Body, Encoder, TaskCell};
use crate::Value;

impl<A, T, B> Work for TaskCell<A, T, B>
where
    A: Arguments,
    T: Value,
    B: Body<A::Values, T>,
{
    fn kind(&self) -> TaskKind {
        B::KIND
    }

    fn stop_signal(&self) -> &StopSignal {
        self.header.stop()
    }

    fn call(self: Arc<Self>, attempt: &Attempt) -> Outcome {
        match self.with_run(attempt, |values, run| self.body.call(values, run)) {
            Ok(result) => self.settle(result),
            Err(failure) => Outcome::Failed(failure),
        }
    }

    fn call_async(self: Arc<Self>, attempt: &Attempt) -> BoxFuture<'static, Outcome> {
        let body = match self.with_run(attempt, |values, run| self.body.begin(values, run)) {
            Ok(Ok(body)) => body,
            Ok(Err(report)) => return Box::pin(ready(self.settle(Err(report)))),
            Err(failure) => return Box::pin(ready(Outcome::Failed(failure))),
        };
        Box::pin(async move {
            let mut body = pin!(body);
            let result = poll_fn(|context| match catch(|| body.as_mut().poll(context)) {
                Ok(poll) => poll.map(Ok),
                Err(report) => Poll::Ready(Err(report)),
            });
            let result = result.await;
            self.settle(result)
        })
    }

    fn command(self: Arc<Self>, attempt: &Attempt) -> Result<CommandSpec, Failure> {
        let script = self.with_run(attempt, |values, run| self.body.command(values, run))?;
        let script = script.map_err(|report| Failure::new(FailureKind::Panicked(report)))??;
        Ok(self.header.command_spec(script, attempt))
    }

    fn command_frame(&self, attempt: &Attempt) -> CommandSpec {
        self.header.command_spec(String::new(), attempt)
    }

    fn exited(&self, code: i32) -> Outcome {
        self.settle(Ok(self.body.exited(code)))
    }

    fn resources(&self) -> Resources {
        self.header.resources()
    }

    fn encode(&self, attempt: &Attempt, largest: usize) -> Result<EncodedCall, Failure> {
        match catch(|| self.encode_arguments(attempt, largest)) {
            Ok(arguments) => {
                let arguments = arguments?;
                #[cfg(feature = "records")]
                self.keep_encoded(attempt, &arguments);
                Ok(self.header.encoded_call(arguments, attempt.id.attempt))
            }
            Err(report) => Err(Failure::new(FailureKind::Panicked(report))),
        }
    }

    fn returned(&self, value: Bytes) -> Outcome {
        // A small value is cut out of what was read from a socket, lest it keeps all of that.
        let value = if value.len() < WORTH_SHARING {
            Bytes::copy_from_slice(&value)
        } else {
            value
        };
        // What a former attempt left is user code to drop.
        match catch(|| drop(self.slot.put_encoded(value))) {
            Ok(()) => Outcome::Succeeded,
            Err(report) => Outcome::Failed(Failure::new(FailureKind::Panicked(report))),
        }
    }

    fn count_loss(&self) -> u32 {
        let losses = self.header.count_loss();
        if let Some(driver) = self.header.driver() {
            driver.note_worker_lost(self.header.id(), losses);
        }
        losses
    }

    fn losses(&self) -> u32 {
        self.header.losses()
    }

    fn returns(&self) -> u32 {
        self.header.returns()
    }

    fn geometry(&self) -> Option<Geometry> {
        self.header.geometry()
    }

    fn launcher_options(&self) -> &[String] {
        self.header.launcher_options()
    }

    fn report(&self, report: Report) {
        self.header.set_report(report);
    }

    fn timeout(&self) -> Option<Duration> {
        self.header.timeout()
    }

    fn priority(&self) -> i32 {
        self.header.priority()
    }

    fn begun(&self, attempt: AttemptId) {
        if let Some(driver) = self.header.driver() {
            driver.begun(attempt);
        }
    }

    fn placed(&self, attempt: AttemptId, nodes: &[u32]) {
        if let Some(driver) = self.header.driver() {
            driver.note_placed(attempt, nodes);
        }
    }

    fn finish(self: Arc<Self>, attempt: &Attempt, outcome: Outcome) -> Option<Invocation> {
        let task: &dyn AnyTask = &*self;
        let driver = task.header().driver()?;
        driver.finished(task, attempt.id, outcome)
    }

    fn abandoned(self: Arc<Self>, attempt: AttemptId) {
        if let Some(driver) = self.header.driver() {
            driver.abandoned(attempt);
        }
    }
}

impl<A, T, B> TaskCell<A, T, B>
where
    A: Arguments,
    T: Value,
    B: Body<A::Values, T>,
{
    fn encode_arguments(
        &self,
        attempt: &Attempt,
        largest: usize,
    ) -> Result<EncodedValues, Failure> {
        let mut encoder = Encoder::new(self.header.info(), largest);
        if attempt.last {
            let arguments = self.needs.lock().take().ok_or_else(taken)?;
            arguments.encode_owned(&mut encoder)?;
        } else {
            let arguments = self.needs.lock();
            arguments.as_ref().ok_or_else(taken)?.encode(&mut encoder)?;
        }
        Ok(encoder.finish())
    }
}
