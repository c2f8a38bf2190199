use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::UnixStream;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::begin::{Begun, Spawner, begin, read};
use super::events::{NodeEvents, NodeFacts};
use super::message::{FromSpawner, Hello, ToSpawner};
use super::refusals::{Refusals, Refused};
use super::requests::Requests;
use super::settings::{Launch, NodeSettings};
use crate::command::{CommandSpec, StartedBy};
use crate::start::origin;
use crate::wire::{FrameReader, split_message};
use crate::{Attempt, AttemptId};

/// How long a spawner may take to end beyond the time it was given.
const PATIENCE: Duration = Duration::from_secs(3);

/// The processes of one executor on this node: its workers and its commands.
///
/// Requests made before the node is ready are met when it is; those made after it has failed are
/// not. Dropped, it has everything killed.
#[derive(Debug)]
pub struct Node {
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    prefix: Vec<String>,
    kill_grace: Duration,
    requests: Requests,
    phase: watch::Sender<Phase>,
    /// Requests that cannot be sent, to be answered by the task.
    refusals: Refusals,
}

/// How far a node is; it only goes forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Open,
    /// It was told to end.
    Closing,
    /// It is ended by force.
    Killing,
    /// Nothing of it is left.
    Over,
}

impl Node {
    /// Starts the process that starts all others; returns at once.
    #[must_use]
    pub fn start(settings: NodeSettings, events: Arc<dyn NodeEvents>, runtime: &Handle) -> Self {
        let shared = Arc::new(Shared {
            prefix: settings.prefix.clone(),
            kill_grace: settings.kill_grace,
            requests: Requests::default(),
            phase: watch::Sender::new(Phase::Open),
            refusals: Refusals::default(),
        });
        let task = Task {
            settings,
            events,
            shared: Arc::clone(&shared),
            _over: Over(Arc::clone(&shared)),
        };
        let task = Mutex::new(Some(runtime.spawn(task.run())));
        Self { shared, task }
    }

    /// Starts a worker. Its end, also that of one that could not be started, is told as
    /// [`exited`](NodeEvents::exited).
    pub fn launch(&self, launch: Launch) {
        let worker = launch.worker;
        self.send(&ToSpawner::Launch(launch.into()), |reason| {
            Refused::Launch { worker, reason }
        });
    }

    /// Kills a worker with all it has started.
    pub fn kill(&self, worker: u32) {
        self.tell(&ToSpawner::Kill { worker });
    }

    /// Executes a command, with this node's prefix and grace; begins it when the one that is named
    /// has ended, if one is. Its end is told as [`executed`](NodeEvents::executed).
    pub fn execute(&self, attempt: Attempt, mut spec: CommandSpec, after: Option<AttemptId>) {
        spec.prefix.clone_from(&self.shared.prefix);
        spec.kill_grace = self.shared.kill_grace;
        let message = ToSpawner::Execute {
            attempt: attempt.id.into(),
            spec,
            after: after.map(Into::into),
        };
        self.send(&message, |reason| Refused::Execute {
            attempt: attempt.id,
            reason,
        });
    }

    /// Begins a command now that was to follow on another; without effect if it has begun.
    pub fn release(&self, attempt: AttemptId) {
        self.tell(&ToSpawner::Release {
            attempt: attempt.into(),
        });
    }

    /// Stops a command that was given to this node; without effect if it has ended.
    pub fn stop(&self, attempt: AttemptId) {
        self.tell(&ToSpawner::Stop {
            attempt: attempt.into(),
        });
    }

    /// Commands that were told to stop, or are from now on, are killed without their grace.
    pub fn hurry(&self) {
        self.tell(&ToSpawner::Hurry);
    }

    /// Ends the node: returns when all its processes are gone. Those that run may end within the
    /// grace, then they are killed; their ends are still told.
    pub async fn shutdown(&self, grace: Duration) {
        self.close(grace);
        let mut phase = self.shared.phase.subscribe();
        let over = async |phase: &mut watch::Receiver<Phase>| {
            let _ = phase.wait_for(|phase| *phase == Phase::Over).await;
        };
        if timeout(grace.saturating_add(PATIENCE), over(&mut phase))
            .await
            .is_err()
        {
            self.shared.advance(Phase::Killing);
            let _ = timeout(PATIENCE, over(&mut phase)).await;
        }
        // The program may end after this, and the task must not hold the folders any more, which
        // are removed with whoever has them last.
        let task = self.task.lock().take();
        if let Some(task) = task {
            let _ = timeout(PATIENCE, task).await;
        }
    }

    fn close(&self, grace: Duration) {
        self.tell(&ToSpawner::Close { grace });
        self.shared.advance(Phase::Closing);
    }

    fn send(&self, message: &ToSpawner, refused: impl FnOnce(String) -> Refused) {
        if let Err(error) = self.shared.requests.send(message) {
            self.shared.refusals.add(refused(error.to_string()));
            self.shared.requests.wake();
        }
    }

    /// Sends what holds nothing but numbers, which can always be encoded.
    fn tell(&self, message: &ToSpawner) {
        let _ = self.shared.requests.send(message);
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.close(Duration::ZERO);
    }
}

impl Shared {
    fn advance(&self, to: Phase) {
        self.phase.send_if_modified(|phase| {
            let advances = *phase < to;
            *phase = (*phase).max(to);
            advances
        });
    }

    fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Waits until the node is at least so far.
    async fn reached(&self, at_least: Phase) {
        let mut phase = self.phase.subscribe();
        let reached = phase.wait_for(|phase| *phase >= at_least).await;
        drop(reached);
    }
}

/// Starts the spawner, and reads from it until it is gone.
struct Task {
    settings: NodeSettings,
    events: Arc<dyn NodeEvents>,
    shared: Arc<Shared>,
    /// The last, since whoever waits for it may end the program: by then the folders that the
    /// settings keep are let go.
    _over: Over,
}

/// Marks the node as over however its task ends: nobody is to wait for it in vain.
struct Over(Arc<Shared>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.requests.disconnect();
        self.0.advance(Phase::Over);
    }
}

impl Task {
    async fn run(self) {
        let failed = match self.begin().await {
            Some(Ok(begun)) => self.serve(begun).await,
            Some(Err(reason)) => Some(reason),
            None => None,
        };
        // Nothing is sent any more by the time it is told.
        self.shared.requests.disconnect();
        if let Some(reason) = failed {
            let executor = &self.settings.executor;
            self.events
                .failed(format!("cannot start processes of `{executor}`: {reason}"));
        }
    }

    /// Starts the spawner; none if that is not wanted any more.
    async fn begin(&self) -> Option<Result<Begun, String>> {
        let origin = match origin() {
            Ok(origin) => origin,
            Err(error) => return Some(Err(error.to_string())),
        };
        tokio::select! {
            begun = begin(&self.settings, &origin) => Some(begun),
            () = self.shared.reached(Phase::Closing) => None,
        }
    }

    /// Serves until the spawner is gone; the reason if that was not asked for.
    async fn serve(&self, begun: Begun) -> Option<String> {
        let Begun {
            mut spawner,
            stream,
            mut reader,
            hello,
        } = begun;
        let said = spawner.stderr();
        if !said.is_empty() {
            let executor = &self.settings.executor;
            tracing::debug!(executor, "the environment lines have written{said}");
        }
        // Named while it surely lives, so that what it has started is found when it does not.
        let started = StartedBy::process(spawner.pid());
        self.events.ready(facts(hello));
        let stream = Arc::new(stream);
        self.shared.requests.connect(Arc::clone(&stream));
        let end = self.read(&stream, &mut reader).await;
        self.shared.requests.disconnect();
        drop(stream);
        self.end(&mut spawner, started, end).await
    }

    /// Reads until there is no more to read.
    async fn read(&self, stream: &UnixStream, reader: &mut FrameReader) -> Result<(), String> {
        let requests = &self.shared.requests;
        loop {
            loop {
                let frame = match reader.next() {
                    Ok(Some(frame)) => frame,
                    Ok(None) => break,
                    Err(error) => return Err(error.to_string()),
                };
                match split_message(&frame) {
                    Ok((message, _)) => self.tell(message)?,
                    Err(error) => return Err(error.to_string()),
                }
            }
            self.shared.refusals.answer(&*self.events);
            let sendable = async {
                if requests.is_waiting() {
                    let _ = stream.writable().await;
                } else {
                    requests.woken().await;
                }
            };
            tokio::select! {
                read = read(stream, reader) => match read {
                    Ok(true) => {}
                    Ok(false) | Err(_) => return Ok(()),
                },
                () = sendable => requests.flush(),
                () = self.shared.reached(Phase::Killing) => return Ok(()),
            }
        }
    }

    /// Tells what the spawner says.
    fn tell(&self, message: FromSpawner) -> Result<(), String> {
        match message {
            FromSpawner::Hello(_) => return Err("it said hello twice".to_owned()),
            FromSpawner::Launched { worker, process } => self.events.launched(worker, process),
            FromSpawner::Exited {
                worker,
                end,
                stderr,
            } => self.events.exited(worker, end, stderr),
            FromSpawner::Executed {
                attempt,
                end,
                usage,
                process,
            } => self
                .events
                .executed(attempt.into(), end.into(), usage, process),
        }
        Ok(())
    }

    /// Sees the spawner and all it has started out of the world.
    async fn end(
        &self,
        spawner: &mut Spawner,
        started: StartedBy,
        end: Result<(), String>,
    ) -> Option<String> {
        let is_killed = self.shared.phase() >= Phase::Killing || end.is_err();
        let patience = if is_killed { Duration::ZERO } else { PATIENCE };
        let ended_by_itself = timeout(patience, spawner.exited()).await.is_ok();
        if !ended_by_itself {
            spawner.kill();
            spawner.exited().await;
        }
        let is_wanted = self.shared.phase() == Phase::Open;
        if is_wanted || !ended_by_itself {
            // It was killed before it could end what it has started.
            let _ = tokio::task::spawn_blocking(move || started.kill()).await;
        }
        let settings = &self.settings;
        let reason = spawner.why_it_ended(settings);
        is_wanted.then(|| match end {
            Ok(()) => reason,
            Err(error) => format!("what it says makes no sense: {error}"),
        })
    }
}

fn facts(hello: Hello) -> NodeFacts {
    NodeFacts {
        host: hello.host,
        process: hello.process,
    }
}
