use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::ending::{self, Departure, Verdict};
use super::message::{AttemptEnd, FinishedAttempt, FromAgent, StartCall};
use super::voice::Voice;
use super::work::{Gain, RemoteWork};
use crate::panic::catch;
use crate::registry::Functions;
use crate::wire::{WireFailure, WireValue};
use crate::{Attempt, AttemptId, Failure, FailureKind, Invocation, Outcome, TaskKind};

/// How long an end is held back that may be the work of a signal which is on its way here too.
const DOUBT: Duration = Duration::from_millis(300);

/// The calls that are at this node, and what is told of them.
///
/// Whatever becomes of a call, its end is told once, and nothing of it after that.
pub(super) struct Desk {
    voice: Arc<dyn Voice<FromAgent>>,
    functions: &'static Functions,
    runtime: Handle,
    state: Mutex<State>,
    /// A call has gone.
    changed: Notify,
}

#[derive(Default)]
struct State {
    calls: HashMap<AttemptId, Arc<RemoteWork>>,
    /// Why no more calls are taken.
    departure: Option<Departure>,
    /// What runs is being ended, for that reason.
    is_ending: bool,
    is_broken: bool,
}

impl State {
    /// The reason for which what runs is being ended.
    fn ending(&self) -> Option<Departure> {
        self.departure.filter(|_| self.is_ending)
    }
}

impl Desk {
    pub(super) fn new(
        voice: Arc<dyn Voice<FromAgent>>,
        functions: &'static Functions,
        runtime: Handle,
    ) -> Arc<Self> {
        Arc::new(Self {
            voice,
            functions,
            runtime,
            state: Mutex::default(),
            changed: Notify::new(),
        })
    }

    /// Takes a call; none if it is to go elsewhere, which is told. An error says why it makes no
    /// sense.
    pub(super) fn take(
        self: &Arc<Self>,
        call: Box<StartCall>,
        body: Bytes,
    ) -> Result<Option<Invocation>, String> {
        let id = AttemptId::from(call.attempt);
        let function = call.function;
        let info = self
            .functions
            .get(function)
            .ok_or_else(|| format!("it started function {function}, which is not there"))?;
        let is_command = info.kind == TaskKind::Command;
        if info.kind == TaskKind::Join || is_command != call.command.is_some() {
            return Err(format!(
                "it started `{}` as a task of another kind",
                info.function
            ));
        }
        let work = RemoteWork::new(Arc::clone(self), info, call, body);
        let work = Arc::new(work);
        let mut state = self.state.lock();
        if state.calls.contains_key(&id) {
            return Err(format!("it started attempt {id}, which is here already"));
        }
        if let Some(departure) = state.departure {
            let reason = departure.to_string();
            self.tell(&work, AttemptEnd::Returned { reason }, &Bytes::new());
            return Ok(None);
        }
        state.calls.insert(id, Arc::clone(&work));
        drop(state);
        Ok(Some(Invocation {
            attempt: Attempt {
                id,
                deadline: None,
                last: true,
            },
            work,
            offer: 0,
        }))
    }

    /// The call of an attempt that the driver wants stopped; none if it has ended.
    pub(super) fn ask_to_stop(&self, id: AttemptId) -> Option<Arc<RemoteWork>> {
        let work = self.state.lock().calls.get(&id).map(Arc::clone)?;
        work.ask_to_stop();
        Some(work)
    }

    /// Takes no more calls, for this reason.
    pub(super) fn close(&self, departure: Departure) {
        self.state.lock().departure.get_or_insert(departure);
    }

    /// Is about to end what runs, for this reason: what ends from now on by no doing of its own is
    /// returned. Gives what is here.
    pub(super) fn begin_end(&self, departure: Departure) -> Vec<Arc<RemoteWork>> {
        let mut state = self.state.lock();
        if let (Departure::Signal(signal), false) = (departure, state.is_ending) {
            let message = FromAgent::Leaving { signal };
            let _ = self.voice.say(&message, &Bytes::new());
        }
        state.departure = Some(departure);
        state.is_ending = true;
        state.calls.values().map(Arc::clone).collect()
    }

    /// Waits until no call is here.
    pub(super) async fn emptied(&self) {
        loop {
            let changed = self.changed.notified();
            if self.state.lock().calls.is_empty() {
                return;
            }
            changed.await;
        }
    }

    /// Returns all that is still here.
    pub(super) fn return_all(&self) {
        let mut state = self.state.lock();
        let departure = state.departure.unwrap_or(Departure::Closed);
        let calls = std::mem::take(&mut state.calls);
        for work in calls.into_values() {
            let reason = departure.to_string();
            self.tell(&work, AttemptEnd::Returned { reason }, &Bytes::new());
        }
        self.changed.notify_waiters();
    }

    /// Tells that nothing can be run here, if that was not told.
    pub(super) fn broken(&self, reason: String) {
        self.tell_broken(&mut self.state.lock(), reason);
    }

    fn tell_broken(&self, state: &mut State, reason: String) {
        if !std::mem::replace(&mut state.is_broken, true) {
            let _ = self.voice.say(&FromAgent::Broken { reason }, &Bytes::new());
        }
    }

    /// The time of an attempt begins.
    pub(super) fn begun(&self, id: AttemptId) {
        self.tell_of(id, |attempt| FromAgent::Begun { attempt });
    }

    /// An attempt cannot be made to stop.
    pub(super) fn abandoned(&self, id: AttemptId) {
        self.tell_of(id, |attempt| FromAgent::Abandoned { attempt });
    }

    fn tell_of(
        &self,
        id: AttemptId,
        message: impl FnOnce(super::message::WireAttempt) -> FromAgent,
    ) {
        let state = self.state.lock();
        if state.calls.contains_key(&id) {
            let _ = self.voice.say(&message(id.into()), &Bytes::new());
        }
    }

    /// A worker was lost under an attempt. That is told when it is sure to be no work of the signal
    /// that ends this agent.
    pub(super) fn lost_worker(self: &Arc<Self>, id: AttemptId) {
        let desk = Arc::clone(self);
        self.runtime.spawn(async move {
            tokio::time::sleep(DOUBT).await;
            let state = desk.state.lock();
            if let (Some(work), None) = (state.calls.get(&id), state.ending()) {
                desk.tell_losses(work);
            }
        });
    }

    /// An attempt has ended.
    pub(super) fn finished(self: &Arc<Self>, work: Arc<RemoteWork>, outcome: Outcome) {
        let is_doubtful = ending::is_doubtful(&outcome) && self.state.lock().ending().is_none();
        if !is_doubtful {
            self.settle(&work, outcome);
            return;
        }
        let desk = Arc::clone(self);
        self.runtime.spawn(async move {
            tokio::time::sleep(DOUBT).await;
            desk.settle(&work, outcome);
        });
    }

    fn settle(&self, work: &Arc<RemoteWork>, outcome: Outcome) {
        // User code, as the drop of an error, does not run under the lock.
        let as_it_is = self.end_as_it_is(work, &outcome);
        let mut state = self.state.lock();
        let departure = state.ending();
        let id = work.id();
        let is_it = |here: &Arc<RemoteWork>| Arc::ptr_eq(here, work);
        if !state.calls.get(&id).is_some_and(is_it) {
            return;
        }
        state.calls.remove(&id);
        let (end, body) = match ending::verdict(&outcome, work.is_asked(), departure) {
            Verdict::AsItIs => as_it_is,
            Verdict::Returned(reason) => (AttemptEnd::Returned { reason }, Bytes::new()),
            Verdict::Broken(reason) => {
                self.tell_broken(&mut state, reason.clone());
                let reason = format!("can run nothing: {reason}");
                (AttemptEnd::Returned { reason }, Bytes::new())
            }
        };
        if departure.is_none() {
            self.tell_losses(work);
        }
        self.tell(work, end, &body);
        drop(state);
        self.changed.notify_waiters();
        let _ = catch(|| drop(outcome));
    }

    /// How an attempt ended, in the words of the wire.
    fn end_as_it_is(&self, work: &RemoteWork, outcome: &Outcome) -> (AttemptEnd, Bytes) {
        let end = match outcome {
            Outcome::Succeeded => match work.take_gain() {
                Gain::Value(value) => match u32::try_from(value.len()) {
                    Ok(length) => {
                        let value = (AttemptEnd::Value(WireValue::Inline(length)), value);
                        return value;
                    }
                    Err(_) => failed(work, &no_value()),
                },
                Gain::Code(code) => AttemptEnd::Exited(code),
                Gain::Nothing => failed(work, &no_value()),
            },
            Outcome::Failed(failure) => failed(work, failure),
            Outcome::Stopped => AttemptEnd::Stopped,
            Outcome::Returned { reason } => AttemptEnd::Returned {
                reason: reason.clone(),
            },
        };
        (end, Bytes::new())
    }

    fn tell_losses(&self, work: &RemoteWork) {
        for _ in 0..work.untold.swap(0, Ordering::SeqCst) {
            let attempt = work.id().into();
            let message = FromAgent::WorkerLost { attempt };
            let _ = self.voice.say(&message, &Bytes::new());
        }
    }

    /// Tells the end of an attempt.
    fn tell(&self, work: &RemoteWork, end: AttemptEnd, body: &Bytes) {
        let finished = FinishedAttempt {
            attempt: work.id().into(),
            end,
            report: work.take_report(),
        };
        let message = FromAgent::Finished(Box::new(finished));
        if let Err(error) = self.voice.say(&message, body) {
            // The value was measured where it was made, so this is about one of almost 4 GiB, or
            // about what a driver says of its frames and of its values that does not fit together.
            let failure = Failure::permanent(FailureKind::Encoding {
                reason: format!("gave a result that cannot be sent: {error}"),
            });
            let message = FromAgent::Finished(Box::new(FinishedAttempt {
                attempt: work.id().into(),
                end: failed(work, &failure),
                report: None,
            }));
            let _ = self.voice.say(&message, &Bytes::new());
        }
    }
}

fn failed(work: &RemoteWork, failure: &Failure) -> AttemptEnd {
    AttemptEnd::Failed(WireFailure::of(failure, work.info()))
}

/// Pool and worker both know better.
fn no_value() -> Failure {
    Failure::permanent(FailureKind::Invalid {
        reason: "ended without a value that can be sent; this is a bug".to_owned(),
    })
}
