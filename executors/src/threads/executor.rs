use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::pool::{Pool, Run};
use super::runners::Runners;
use crate::command::{CommandEnd, Shell};
use crate::{Attempt, AttemptId, Capacity, Executor, Invocation, Outcome, TaskKind, Work};

/// How much room a [`Threads`] executor has, and how its commands are run.
#[derive(Clone, Debug)]
pub struct ThreadsSettings {
    /// The executor's name, which its threads bear.
    pub name: String,
    /// How many synchronous bodies and commands may run at once, a core each.
    pub max_threads: u32,
    /// How many async bodies may run at once.
    pub max_async: u32,
    /// Memory in bytes that tasks may ask for together.
    pub memory: u64,
    /// GPUs that tasks may ask for together.
    pub gpus: u32,
    /// How long a command that is told to stop may take, before it is killed.
    pub kill_grace: Duration,
    /// The words put before each command, as the name of a container to run it in.
    pub prefix: Vec<String>,
}

/// Runs bodies on threads of this process and commands beside it.
#[derive(Debug)]
pub struct Threads {
    capacity: Capacity,
    pool: Pool,
    runners: Runners,
    bodies: Arc<Bodies>,
}

/// Runs what holds a thread: synchronous bodies, and commands, which a thread keeps each.
struct Bodies {
    shell: Shell,
    prefix: Vec<String>,
    kill_grace: Duration,
    /// The commands that run, to be hurried.
    commands: Mutex<HashMap<AttemptId, Arc<dyn Work>>>,
    /// Whether what is told to stop is killed without its grace.
    hurry: AtomicBool,
}

impl Threads {
    /// Makes an executor whose async bodies are driven by the runtime of `handle`, which has
    /// `threads` threads.
    #[must_use]
    pub fn new(settings: &ThreadsSettings, handle: Handle, threads: usize) -> Self {
        let capacity = Capacity {
            async_bodies: settings.max_async,
            cores: settings.max_threads,
            memory: settings.memory,
            gpus: settings.gpus,
        };
        let bodies = Arc::new(Bodies {
            shell: Shell::from_environment(),
            prefix: settings.prefix.clone(),
            kill_grace: settings.kill_grace,
            commands: Mutex::default(),
            hurry: AtomicBool::new(false),
        });
        let run = Arc::clone(&bodies);
        Self {
            capacity,
            pool: Pool::new(&settings.name, settings.max_threads as usize, run),
            runners: Runners::new(handle, threads),
            bodies,
        }
    }
}

#[async_trait]
impl Executor for Threads {
    fn offer(&self) -> Option<Capacity> {
        Some(self.capacity)
    }

    fn start(&self, invocation: Invocation) {
        if invocation.work.kind().holds_thread() {
            self.pool.start(invocation);
        } else {
            self.runners.push(invocation);
        }
    }

    fn stop(&self, attempt: AttemptId, work: &Arc<dyn Work>) {
        if work.kind() == TaskKind::Function {
            // Nothing can end a body that runs on a thread of this process. Its future need not
            // wait for it; its thread stays taken. It is told afterwards, lest a body that heeds
            // the request ends with a value before its task has ended without one.
            Arc::clone(work).abandoned(attempt);
        }
        work.stop_signal().request(attempt.attempt);
        if work.kind() == TaskKind::Command && self.bodies.hurry.load(Ordering::SeqCst) {
            work.stop_signal().hurry(attempt.attempt);
        }
    }

    fn hurry(&self) {
        self.bodies.hurry.store(true, Ordering::SeqCst);
        for (attempt, work) in &*self.bodies.commands.lock() {
            work.stop_signal().hurry(attempt.attempt);
        }
    }

    async fn shutdown(&self, _grace: Duration) {
        self.pool.close();
    }
}

impl Run for Bodies {
    fn run(&self, attempt: &Attempt, work: &Arc<dyn Work>) -> Outcome {
        if work.stop_signal().is_requested(attempt.id.attempt) {
            Outcome::Stopped
        } else if work.kind() == TaskKind::Command {
            self.commands.lock().insert(attempt.id, Arc::clone(work));
            let outcome = self.execute(attempt, work);
            self.commands.lock().remove(&attempt.id);
            outcome
        } else {
            Arc::clone(work).call(attempt)
        }
    }
}

impl Bodies {
    /// Runs the body that says what to execute, then executes that.
    fn execute(&self, attempt: &Attempt, work: &Arc<dyn Work>) -> Outcome {
        let mut spec = match Arc::clone(work).command(attempt) {
            Ok(spec) => spec,
            Err(failure) => return Outcome::Failed(failure),
        };
        spec.prefix.clone_from(&self.prefix);
        spec.kill_grace = self.kill_grace;
        match self
            .shell
            .run(&spec, work.stop_signal(), attempt.id.attempt)
        {
            Ok(code) => work.exited(code),
            Err(CommandEnd::Failed(failure)) => Outcome::Failed(failure),
            Err(CommandEnd::Stopped) => Outcome::Stopped,
        }
    }
}

impl std::fmt::Debug for Bodies {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Bodies")
            .field("kill_grace", &self.kill_grace)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
