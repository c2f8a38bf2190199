use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;

use super::{Apps, Geometry};
use crate::command::CommandSpec;
use crate::panic::catch;
use crate::registry::Entry;
use crate::{
    Attempt, AttemptId, EncodedCall, Failure, FailureKind, Invocation, Outcome, Report, Resources,
    ServedCall, StopSignal, TaskKind, Work,
};

/// A call that was given nodes: the same with the variables of its application, and its end is
/// told only when nothing is left of it.
pub(super) struct PlacedWork {
    pub(super) inner: Arc<dyn Work>,
    pub(super) apps: Arc<Apps>,
    /// Names the application in the environment of all its processes.
    pub(super) application: String,
    pub(super) variables: Vec<(String, String)>,
}

/// An attempt that is lost with a node is followed by another one, so arguments are never taken.
fn not_the_last(attempt: &Attempt) -> Attempt {
    Attempt {
        last: false,
        ..*attempt
    }
}

impl PlacedWork {
    /// Runs a command's body where it learns of its application, which the call alone knows
    /// nothing of.
    fn script(&self, attempt: &Attempt) -> Result<String, Failure> {
        let call = self.encode(attempt, u32::MAX as usize)?;
        let info = call.info;
        let Entry::Command(entry) = info.entry else {
            return Err(Failure::permanent(FailureKind::Invalid {
                reason: format!("`{}` is no command", info.function),
            }));
        };
        let served = Arc::new(ServedCall {
            info,
            name: call.name,
            directory: call.directory,
            attempt: *attempt,
            arguments: call.arguments.into(),
            variables: call.variables,
            stop: StopSignal::new(),
        });
        catch(|| entry(&served))
            .unwrap_or_else(|report| Err(Failure::new(FailureKind::Panicked(report))))
    }
}

impl Work for PlacedWork {
    fn kind(&self) -> TaskKind {
        self.inner.kind()
    }

    fn stop_signal(&self) -> &StopSignal {
        self.inner.stop_signal()
    }

    fn call(self: Arc<Self>, attempt: &Attempt) -> Outcome {
        Arc::clone(&self.inner).call(&not_the_last(attempt))
    }

    fn call_async(self: Arc<Self>, attempt: &Attempt) -> BoxFuture<'static, Outcome> {
        Arc::clone(&self.inner).call_async(&not_the_last(attempt))
    }

    fn command(self: Arc<Self>, attempt: &Attempt) -> Result<CommandSpec, Failure> {
        let mut spec = self.command_frame(attempt);
        spec.script = self.script(attempt)?;
        Ok(spec)
    }

    fn command_frame(&self, attempt: &Attempt) -> CommandSpec {
        let mut spec = self.inner.command_frame(attempt);
        spec.environment.extend(self.variables.iter().cloned());
        spec
    }

    fn geometry(&self) -> Option<Geometry> {
        self.inner.geometry()
    }

    fn launcher_options(&self) -> &[String] {
        self.inner.launcher_options()
    }

    fn exited(&self, code: i32) -> Outcome {
        self.inner.exited(code)
    }

    /// It has whole nodes, so there is nothing to divide on them.
    fn resources(&self) -> Resources {
        Resources::default()
    }

    fn encode(&self, attempt: &Attempt, largest: usize) -> Result<EncodedCall, Failure> {
        let mut call = self.inner.encode(&not_the_last(attempt), largest)?;
        call.variables.extend(self.variables.iter().cloned());
        Ok(call)
    }

    fn returned(&self, value: Bytes) -> Outcome {
        self.inner.returned(value)
    }

    fn count_loss(&self) -> u32 {
        self.inner.count_loss()
    }

    fn losses(&self) -> u32 {
        self.inner.losses()
    }

    fn returns(&self) -> u32 {
        self.inner.returns()
    }

    fn report(&self, report: Report) {
        self.inner.report(report);
    }

    fn timeout(&self) -> Option<Duration> {
        self.inner.timeout()
    }

    fn priority(&self) -> i32 {
        self.inner.priority()
    }

    fn placed(&self, attempt: AttemptId, nodes: &[u32]) {
        self.inner.placed(attempt, nodes);
    }

    fn begun(&self, attempt: AttemptId) {
        self.inner.begun(attempt);
    }

    fn finish(self: Arc<Self>, attempt: &Attempt, outcome: Outcome) -> Option<Invocation> {
        Apps::ended(&self.apps, attempt.id, &self.application, outcome);
        None
    }

    fn abandoned(self: Arc<Self>, attempt: AttemptId) {
        Arc::clone(&self.inner).abandoned(attempt);
    }
}
