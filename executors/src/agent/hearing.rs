//! What the driver makes of an agent's messages.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::handle::{Agent, Call};
use super::message::{AttemptEnd, FinishedAttempt, FromAgent, WireAttempt, WirePart, WireReport};
use crate::mpi::Swept;
use crate::transport::{LinkEnd, Receive};
use crate::wire::{WireValue, read_message};
use crate::{AttemptId, Failure, FailureKind, Outcome, OutputPart, Report, TaskKind, Usage, Work};

/// The most names and paths that are kept to be used again: more than a node has workers.
const MOST_KEPT: usize = 4096;

/// Takes the messages of one agent.
pub(super) struct Hearing {
    agent: Arc<Agent>,
    /// Worker names and their files, which come again with each call.
    names: HashMap<String, Arc<str>>,
    files: HashMap<PathBuf, Arc<Path>>,
    /// It said what makes no sense, and is not listened to any more.
    is_given_up: bool,
}

impl Hearing {
    pub(super) fn new(agent: Arc<Agent>) -> Self {
        Self {
            agent,
            names: HashMap::new(),
            files: HashMap::new(),
            is_given_up: false,
        }
    }

    fn hear(&mut self, frame: &Bytes) -> Result<(), String> {
        let (message, body) =
            read_message::<FromAgent>(frame).map_err(|error| error.to_string())?;
        let agent = Arc::clone(&self.agent);
        match message {
            FromAgent::Begun { attempt } => {
                let (id, work) = self.there(attempt)?;
                if let Some(call) = agent.state.lock().calls.get_mut(&id) {
                    call.since = Some(Instant::now());
                }
                work.begun(id);
            }
            FromAgent::Finished(finished) => return self.finished(*finished, body),
            FromAgent::Abandoned { attempt } => {
                let (id, work) = self.there(attempt)?;
                work.abandoned(id);
            }
            FromAgent::WorkerLost { attempt } => {
                self.there(attempt)?.1.count_loss();
            }
            FromAgent::Ahead { capacity } => agent.events.ahead(capacity),
            FromAgent::Swept {
                number,
                found,
                left,
            } => {
                if !agent.answer_sweep(number, Swept { found, left }) {
                    return Err(format!(
                        "it answered sweep {number}, which nobody asked for"
                    ));
                }
            }
            FromAgent::Leaving { signal } => agent.events.leaving(signal),
            FromAgent::Broken { reason } => agent.events.broken(reason),
        }
        Ok(())
    }

    /// The work of an attempt that is said to be there. An agent tells of each until its end and no
    /// more, and it is taken for there until then.
    fn there(&self, attempt: WireAttempt) -> Result<(AttemptId, Arc<dyn Work>), String> {
        let id = AttemptId::from(attempt);
        let state = self.agent.state.lock();
        let call = state.calls.get(&id);
        let work = call.map(|call| Arc::clone(&call.work));
        Ok((id, work.ok_or_else(|| not_there(id))?))
    }

    fn finished(&mut self, finished: FinishedAttempt, body: Bytes) -> Result<(), String> {
        let FinishedAttempt {
            attempt,
            end,
            report,
        } = finished;
        let id = AttemptId::from(attempt);
        let agent = Arc::clone(&self.agent);
        let mut state = agent.state.lock();
        let is_command = match state.calls.get(&id) {
            Some(call) => call.info.kind == TaskKind::Command,
            None => return Err(not_there(id)),
        };
        let fits = match &end {
            AttemptEnd::Value(_) => !is_command,
            AttemptEnd::Exited(_) => is_command,
            _ => true,
        };
        if !fits {
            return Err(format!("it ended attempt {id} as a task of another kind"));
        }
        let Some(call) = state.calls.remove(&id) else {
            return Err(not_there(id));
        };
        drop(state);
        if let Some(report) = report {
            call.work.report(self.report(report, id.attempt));
        }
        let (work, info) = (&call.work, call.info);
        let outcome = match end {
            AttemptEnd::Value(WireValue::Inline(_)) => work.returned(body),
            AttemptEnd::Value(WireValue::Reference(reference)) => {
                let reason = format!(
                    "its value was left at `{}`, from where this version fetches nothing",
                    reference.location
                );
                Outcome::Failed(Failure::permanent(FailureKind::Invalid { reason }))
            }
            AttemptEnd::Exited(code) => work.exited(code),
            AttemptEnd::Failed(failure) => Outcome::Failed(failure.into_failure(info)),
            AttemptEnd::Stopped => Outcome::Stopped,
            AttemptEnd::Returned { reason } => {
                agent.give_back(call, agent.of_node(&reason));
                return Ok(());
            }
        };
        let Call { attempt, work, .. } = call;
        agent.finish(&attempt, work, outcome);
        Ok(())
    }

    fn report(&mut self, report: WireReport, attempt: u32) -> Report {
        let WireReport {
            worker,
            process,
            usage,
            stdout,
            stderr,
        } = report;
        let usage = Usage {
            run: Duration::from_micros(usage.run),
            user: Duration::from_micros(usage.user),
            system: Duration::from_micros(usage.system),
            peak_memory: usage.peak_memory,
        };
        let now = Instant::now();
        Report {
            node: Arc::clone(self.agent.node()),
            worker: worker.map(|worker| self.name(worker)),
            process,
            attempt,
            begun: now.checked_sub(usage.run).unwrap_or(now),
            usage,
            stdout: stdout.map(|part| self.part(part)),
            stderr: stderr.map(|part| self.part(part)),
        }
    }

    fn name(&mut self, name: String) -> Arc<str> {
        if let Some(kept) = self.names.get(&name) {
            return Arc::clone(kept);
        }
        let shared: Arc<str> = Arc::from(name.as_str());
        if self.names.len() < MOST_KEPT {
            self.names.insert(name, Arc::clone(&shared));
        }
        shared
    }

    fn part(&mut self, part: WirePart) -> OutputPart {
        let WirePart { file, part } = part;
        let bytes = part.start..part.start.saturating_add(part.length);
        let file = match self.files.get(&file) {
            Some(kept) => Arc::clone(kept),
            None => {
                let shared: Arc<Path> = Arc::from(file.as_path());
                if self.files.len() < MOST_KEPT {
                    self.files.insert(file, Arc::clone(&shared));
                }
                shared
            }
        };
        OutputPart { file, bytes }
    }
}

impl Hearing {
    /// A panic here must not keep other calls from being given back: they would never end.
    fn whatever_happens(&self, act: impl FnOnce(&Agent)) {
        if catch_unwind(AssertUnwindSafe(|| act(&self.agent))).is_err() {
            let node = &self.agent.node();
            tracing::error!(%node, "a panic at the end of a node");
        }
    }
}

fn not_there(id: AttemptId) -> String {
    format!("it told of attempt {id}, which is not there")
}

impl Receive for Hearing {
    fn received(&mut self, frames: &mut Vec<Bytes>) {
        self.agent.state.lock().is_hearing = true;
        for frame in frames.drain(..) {
            if self.is_given_up {
                continue;
            }
            if let Err(reason) = self.hear(&frame) {
                self.is_given_up = true;
                self.agent.abort_for(&reason);
            }
        }
        self.agent.state.lock().is_hearing = false;
        self.agent.tell_calls();
    }

    fn silent(&mut self) {
        self.agent.events.silent();
    }

    fn back(&mut self) {
        self.agent.events.back();
    }

    fn ended(&mut self, end: LinkEnd) {
        let gone = end.to_string();
        let mut state = self.agent.state.lock();
        state.gone.get_or_insert(gone);
        // It is still set where taking a message panicked.
        state.is_hearing = false;
        drop(state);
        self.whatever_happens(|agent| agent.events.ending(&end));
        let (calls, gone) = self.agent.give_up();
        for call in calls {
            let reason = self.agent.of_node(&gone);
            self.whatever_happens(|agent| agent.give_back(call, reason));
        }
        self.whatever_happens(Agent::tell_calls);
        self.agent.events.ended(end);
    }
}
