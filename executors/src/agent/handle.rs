use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::events::AgentEvents;
use super::hearing::Hearing;
use super::message::{AgentHello, StartCall, ToAgent};
use super::voice::Voice;
use crate::command::{CommandSpec, Stream};
use crate::mpi::Swept;
use crate::registry::{Functions, TaskInfo};
use crate::transport::{Link, Receive};
use crate::wire::FrameError;
use crate::{
    Attempt, AttemptId, EncodedValues, Failure, FailureKind, Invocation, Outcome, TaskKind, Work,
};

/// What the driver's handle to a node is made with.
#[derive(Clone, Copy, Debug)]
pub struct AgentSettings {
    /// The most bytes of an argument.
    pub largest_value: usize,
}

/// The driver's handle to the agent of a node.
///
/// Calls go there as soon as they are started; what becomes of them is told to their
/// [work](Work), and the rest to [`AgentEvents`].
pub struct Agent {
    node: Arc<str>,
    voice: Arc<dyn Voice<ToAgent>>,
    functions: &'static Functions,
    settings: AgentSettings,
    pub(super) events: Arc<dyn AgentEvents>,
    pub(super) state: Mutex<State>,
    /// How many calls there are may have to be told.
    is_recounted: AtomicBool,
    /// Whether calls were there when that was told; held while it is told.
    told: Mutex<bool>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) calls: HashMap<AttemptId, Call>,
    sweeps: HashMap<u64, oneshot::Sender<Result<Swept, String>>>,
    last_sweep: u64,
    /// Calls end in numbers at this moment, and others take their place.
    pub(super) is_hearing: bool,
    /// Why the node is gone, as the end of a sentence that begins with it.
    pub(super) gone: Option<String>,
}

/// A call that is at the node.
pub(super) struct Call {
    pub(super) attempt: Attempt,
    pub(super) work: Arc<dyn Work>,
    pub(super) info: &'static TaskInfo,
    /// Since when it runs, if that is known.
    pub(super) since: Option<Instant>,
}

/// A call on its way.
struct Ready {
    info: &'static TaskInfo,
    message: ToAgent,
    body: Bytes,
}

impl Agent {
    /// A handle to the agent that has said this over the link.
    #[must_use]
    pub fn new(
        link: Arc<Link>,
        hello: &AgentHello,
        settings: AgentSettings,
        events: Arc<dyn AgentEvents>,
    ) -> Arc<Self> {
        Self::with_voice(link, &hello.node, settings, events, Functions::of_program())
    }

    pub(super) fn with_voice(
        voice: Arc<dyn Voice<ToAgent>>,
        node: &str,
        settings: AgentSettings,
        events: Arc<dyn AgentEvents>,
        functions: &'static Functions,
    ) -> Arc<Self> {
        Arc::new(Self {
            node: Arc::from(node),
            voice,
            functions,
            settings,
            events,
            state: Mutex::default(),
            is_recounted: AtomicBool::new(false),
            told: Mutex::new(false),
        })
    }

    /// What takes the agent's messages, for the link.
    #[must_use]
    pub fn receive(self: &Arc<Self>) -> Box<dyn Receive> {
        Box::new(Hearing::new(Arc::clone(self)))
    }

    /// The name under which the batch system knows the node.
    #[must_use]
    pub fn node(&self) -> &Arc<str> {
        &self.node
    }

    /// How many calls are there.
    #[must_use]
    pub fn calls(&self) -> u32 {
        u32::try_from(self.state.lock().calls.len()).unwrap_or(u32::MAX)
    }

    /// Starts a call at the node. Its work is finished once, also when the node is gone.
    pub fn start(&self, invocation: Invocation) {
        let Invocation {
            attempt,
            work,
            offer,
        } = invocation;
        // Others wait there.
        let since = (offer & 1 == 0).then(Instant::now);
        // It may have to be encoded again elsewhere.
        let attempt = Attempt {
            last: false,
            ..attempt
        };
        let outcome = match self.prepare(&attempt, &work) {
            Ok(ready) => self.send(attempt, &work, ready, since).err(),
            Err(failure) => Some(Outcome::Failed(failure)),
        };
        match outcome {
            None => self.tell_calls(),
            Some(outcome) => self.finish(&attempt, work, outcome),
        }
    }

    /// Stops an attempt that was started, or is about to be.
    pub fn stop(&self, attempt: AttemptId, work: &Arc<dyn Work>) {
        // Whether it is on its way here is found out by who brings it.
        work.stop_signal().request(attempt.attempt);
        let state = self.state.lock();
        if state.calls.contains_key(&attempt) {
            let attempt = attempt.into();
            self.tell(&ToAgent::Stop { attempt });
        }
    }

    /// What was told to stop, or is told from now on, is killed without its grace.
    pub fn hurry(&self) {
        self.tell(&ToAgent::Hurry);
    }

    /// Has the agent end: what runs may do so within the grace, then it is killed.
    pub fn close(&self, grace: Duration) {
        self.tell(&ToAgent::Close { grace });
    }

    /// Gives the node up at once.
    pub fn abort(&self) {
        self.voice.abort();
    }

    /// Has what is left of an application on the node killed.
    ///
    /// The future gives what was found; an error says how the node was lost before it could answer.
    pub fn sweep(&self, application: &str) -> BoxFuture<'static, Result<Swept, String>> {
        let (sender, answer) = oneshot::channel();
        let mut state = self.state.lock();
        if let Some(gone) = &state.gone {
            let reason = self.of_node(gone);
            return Box::pin(async move { Err(reason) });
        }
        state.last_sweep += 1;
        let number = state.last_sweep;
        let message = ToAgent::Sweep {
            number,
            application: application.to_owned(),
        };
        if let Err(error) = self.voice.say(&message, &Bytes::new()) {
            let reason = self.of_node(&format!("cannot be asked to sweep: {error}"));
            return Box::pin(async move { Err(reason) });
        }
        state.sweeps.insert(number, sender);
        drop(state);
        let lost = self.of_node("was let go before it had swept");
        Box::pin(async move { answer.await.unwrap_or(Err(lost)) })
    }

    /// Says what happened, of the node.
    pub(super) fn of_node(&self, what: &str) -> String {
        format!("node `{}` {what}", self.node)
    }

    /// Encodes a call. User code runs here, so that nothing is locked.
    fn prepare(&self, attempt: &Attempt, work: &Arc<dyn Work>) -> Result<Ready, Failure> {
        let encoded = work.encode(attempt, self.settings.largest_value)?;
        let info = encoded.info;
        let Some(function) = self.functions.place(info) else {
            let reason = format!(
                "`{}` is not among the tasks that the linker collected",
                info.function
            );
            return Err(Failure::permanent(FailureKind::Invalid { reason }));
        };
        let is_command = info.kind == TaskKind::Command;
        let EncodedValues { values, bytes } = encoded.arguments;
        let call = StartCall {
            attempt: attempt.id.into(),
            function,
            name: encoded.name,
            directory: encoded.directory,
            on_loss: encoded.on_loss,
            losses: work.losses(),
            timeout: work.timeout(),
            resources: work.resources(),
            command: is_command.then(|| everywhere(work.command_frame(&untimed(attempt)))),
            variables: encoded.variables,
            arguments: values,
        };
        Ok(Ready {
            info,
            message: ToAgent::Start(Box::new(call)),
            body: bytes,
        })
    }

    /// Sends a call, and notes that it is there; otherwise says how it has ended.
    fn send(
        &self,
        attempt: Attempt,
        work: &Arc<dyn Work>,
        ready: Ready,
        since: Option<Instant>,
    ) -> Result<(), Outcome> {
        let mut state = self.state.lock();
        if let Some(gone) = &state.gone {
            let reason = self.of_node(gone);
            return Err(Outcome::Returned { reason });
        }
        if work.stop_signal().is_requested(attempt.id.attempt) {
            return Err(Outcome::Stopped);
        }
        if let Err(error) = self.voice.say(&ready.message, &ready.body) {
            let reason = self.not_sent(&error, ready.body.len());
            let kind = FailureKind::Encoding { reason };
            return Err(Outcome::Failed(Failure::permanent(kind)));
        }
        let call = Call {
            attempt,
            work: Arc::clone(work),
            info: ready.info,
            since,
        };
        let before = state.calls.insert(attempt.id, call);
        debug_assert!(before.is_none(), "an attempt is started once");
        Ok(())
    }

    /// Why a call whose arguments have so many bytes cannot be sent.
    fn not_sent(&self, error: &FrameError, arguments: usize) -> String {
        let node = &self.node;
        match error {
            // Each argument was measured by itself.
            FrameError::TooLong { limit, .. } => format!(
                "cannot be sent to node `{node}`: its arguments together have {arguments} bytes, \
                 where a call may have {limit}: write the large ones to files and pass the paths, \
                 or raise `max_inline_value` of the resource"
            ),
            error => format!("cannot be sent to node `{node}`: {error}"),
        }
    }

    /// Sends what holds nothing but numbers, which can always be encoded.
    fn tell(&self, message: &ToAgent) {
        let _ = self.voice.say(message, &Bytes::new());
    }

    /// Reports an attempt's end, and has started what follows on it.
    pub(super) fn finish(&self, attempt: &Attempt, work: Arc<dyn Work>, outcome: Outcome) {
        if let Some(next) = work.finish(attempt, outcome) {
            self.events.next(next);
        }
    }

    /// Reports that a call is not to end here, for this reason.
    pub(super) fn give_back(&self, call: Call, reason: String) {
        let Call {
            attempt,
            work,
            since,
            ..
        } = call;
        let ran = since.map(|since| since.elapsed());
        let outcome = self.events.returned(&*work, ran, reason);
        self.finish(&attempt, work, outcome);
    }

    pub(super) fn answer_sweep(&self, number: u64, swept: Swept) -> bool {
        let sweep = self.state.lock().sweeps.remove(&number);
        // Whoever asked may not want to know any more.
        sweep.map(|sweep| sweep.send(Ok(swept))).is_some()
    }

    /// Takes all that was there away, now that the node is gone; tells also in which way.
    pub(super) fn give_up(&self) -> (Vec<Call>, String) {
        let mut state = self.state.lock();
        let gone = state.gone.clone().unwrap_or_default();
        let calls = std::mem::take(&mut state.calls);
        let sweeps = std::mem::take(&mut state.sweeps);
        drop(state);
        for sweep in sweeps.into_values() {
            let _ = sweep.send(Err(self.of_node(&gone)));
        }
        (calls.into_values().collect(), gone)
    }

    /// Tells whether calls are there, if that has changed; whoever tells it already looks again.
    pub(super) fn tell_calls(&self) {
        self.is_recounted.store(true, Ordering::SeqCst);
        while self.is_recounted.load(Ordering::SeqCst) {
            let Some(mut told) = self.told.try_lock() else {
                return;
            };
            self.is_recounted.store(false, Ordering::SeqCst);
            let state = self.state.lock();
            // Else it is told when all that has come was heard.
            let is_settled = !state.is_hearing;
            let calls = u32::try_from(state.calls.len()).unwrap_or(u32::MAX);
            drop(state);
            if is_settled && *told != (calls > 0) {
                *told = calls > 0;
                self.events.calls(calls);
            }
        }
    }

    pub(super) fn abort_for(&self, reason: &str) {
        tracing::warn!(node = %self.node, reason, "an agent is given up");
        self.state
            .lock()
            .gone
            .get_or_insert_with(|| format!("was given up: {reason}"));
        self.voice.abort();
    }
}

/// Without the time at which the attempt is to end: it begins where it runs.
fn untimed(attempt: &Attempt) -> Attempt {
    Attempt {
        deadline: None,
        ..*attempt
    }
}

/// A command whose paths mean the same wherever its process works.
fn everywhere(mut frame: CommandSpec) -> CommandSpec {
    frame.directory = frame.directory.map(absolute);
    for stream in [&mut frame.stdout, &mut frame.stderr] {
        if let Stream::File { path, .. } = stream {
            *path = absolute(std::mem::take(path));
        }
    }
    frame
}

fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

impl fmt::Debug for Agent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Agent")
            .field("node", &self.node)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
