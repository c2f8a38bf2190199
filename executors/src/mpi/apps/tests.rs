use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::Duration;

use bytes::Bytes;
use futures::channel::oneshot;
use futures::future::BoxFuture;

use super::*;
use crate::command::CommandSpec;
use crate::{EncodedCall, Report, Resources, StopSignal, TaskId, TaskKind};

/// What happened, in order.
#[derive(Default)]
struct Story(Mutex<Vec<String>>);

impl Story {
    fn tell(&self, line: String) {
        self.0.lock().push(line);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock())
    }
}

/// A call that notes its end.
struct Call {
    number: u64,
    nodes: u32,
    story: Arc<Story>,
    stop: StopSignal,
}

impl Work for Call {
    fn kind(&self) -> TaskKind {
        TaskKind::Command
    }
    fn stop_signal(&self) -> &StopSignal {
        &self.stop
    }
    fn call(self: Arc<Self>, _: &Attempt) -> Outcome {
        unreachable!("calls are placed here, and not run")
    }
    fn call_async(self: Arc<Self>, _: &Attempt) -> BoxFuture<'static, Outcome> {
        unreachable!("calls are placed here, and not run")
    }
    fn command(self: Arc<Self>, _: &Attempt) -> Result<CommandSpec, Failure> {
        unreachable!("calls are placed here, and not run")
    }
    fn command_frame(&self, _: &Attempt) -> CommandSpec {
        CommandSpec {
            prefix: Vec::new(),
            script: String::new(),
            directory: None,
            stdout: crate::command::Stream::Discard,
            stderr: crate::command::Stream::Discard,
            environment: Vec::new(),
            outputs: Vec::new(),
            allowed_exit_codes: Vec::new(),
            kill_grace: Duration::ZERO,
        }
    }
    fn geometry(&self) -> Option<Geometry> {
        let nodes = NonZeroU32::new(self.nodes)?;
        Some(Geometry {
            num_nodes: nodes,
            num_ranks: nodes,
            ranks_per_node: NonZeroU32::MIN,
        })
    }
    fn exited(&self, _: i32) -> Outcome {
        Outcome::Succeeded
    }
    fn resources(&self) -> Resources {
        Resources {
            cores: 64,
            ..Resources::default()
        }
    }
    fn encode(&self, _: &Attempt, _: usize) -> Result<EncodedCall, Failure> {
        unreachable!("calls are placed here, and not run")
    }
    fn returned(&self, _: Bytes) -> Outcome {
        unreachable!("calls are placed here, and not run")
    }
    fn count_loss(&self) -> u32 {
        0
    }
    fn losses(&self) -> u32 {
        0
    }
    fn report(&self, _: Report) {}
    fn finish(self: Arc<Self>, _: &Attempt, outcome: Outcome) -> Option<Invocation> {
        let end = match outcome {
            Outcome::Succeeded => "succeeded".to_owned(),
            Outcome::Stopped => "stopped".to_owned(),
            Outcome::Returned { reason } => format!("returned: {reason}"),
            Outcome::Failed(failure) => format!("failed: {:?}", failure.kind),
        };
        self.story.tell(format!("{} {end}", self.number));
        None
    }
    fn abandoned(self: Arc<Self>, _: AttemptId) {}
}

/// A node that notes what it is told, and sweeps when the test lets it.
struct Fake {
    name: String,
    story: Arc<Story>,
    started: Mutex<VecDeque<Invocation>>,
    sweeps: Mutex<VecDeque<oneshot::Sender<Result<Swept, String>>>>,
}

impl Fake {
    /// The oldest call that was started here ends.
    fn end(&self, outcome: Outcome) {
        let invocation = self.started.lock().pop_front().unwrap();
        assert!(
            invocation
                .work
                .finish(&invocation.attempt, outcome)
                .is_none()
        );
    }

    /// The sweep that waits is done.
    fn swept(&self, swept: Result<Swept, String>) {
        let sweep = self.sweeps.lock().pop_front().unwrap();
        sweep.send(swept).unwrap();
    }

    fn variable(&self, name: &str) -> String {
        let started = self.started.lock();
        let latest = started.back().unwrap();
        let frame = latest.work.command_frame(&latest.attempt);
        let mut all = frame.environment.into_iter();
        all.find(|(known, _)| known == name).unwrap().1
    }
}

impl AppNode for Fake {
    fn name(&self) -> &str {
        &self.name
    }
    fn start(&self, invocation: Invocation) {
        let number = invocation.attempt.id.task;
        self.story.tell(format!("{number} starts on {}", self.name));
        assert_eq!(invocation.work.resources(), Resources::default());
        self.started.lock().push_back(invocation);
    }
    fn stop(&self, attempt: AttemptId, work: &Arc<dyn Work>) {
        work.stop_signal().request(attempt.attempt);
        let number = attempt.task;
        self.story
            .tell(format!("{number} is stopped on {}", self.name));
    }
    fn sweep(&self, _: &str) -> BoxFuture<'static, Result<Swept, String>> {
        let (sender, receiver) = oneshot::channel();
        self.sweeps.lock().push_back(sender);
        Box::pin(async { receiver.await.unwrap() })
    }
}

impl AppsEvents for Story {
    fn changed(&self) {}

    fn unclean(&self, node: u32, reason: &str) {
        self.tell(format!("node {node} is unclean: {reason}"));
    }
}

struct Block {
    apps: Arc<Apps>,
    nodes: Vec<Arc<Fake>>,
    story: Arc<Story>,
    runtime: tokio::runtime::Runtime,
}

const CLEAN: Result<Swept, String> = Ok(Swept { found: 0, left: 0 });

impl Block {
    fn new(nodes: u32) -> Self {
        Self::at(nodes, false)
    }

    fn at(nodes: u32, is_local: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.unwrap();
        let story = Arc::<Story>::default();
        let mpi = MpiSettings {
            max_apps: 4,
            launcher: "srun".to_owned(),
            launcher_options: vec!["--mpi=pmix".to_owned()],
            nodes_per_block: nodes,
        };
        let settings = AppsSettings {
            executor: "mpi".to_owned(),
            is_local,
            is_root: false,
            in_slurm: true,
            runtime: runtime.handle().clone(),
            events: Arc::clone(&story) as _,
        };
        let mut block = Self {
            apps: Apps::new(mpi, settings),
            nodes: Vec::new(),
            story,
            runtime,
        };
        for node in 0..nodes {
            block.join(node);
        }
        block
    }

    fn join(&mut self, number: u32) {
        let node = Arc::new(Fake {
            name: format!("n{number}"),
            story: Arc::clone(&self.story),
            started: Mutex::default(),
            sweeps: Mutex::default(),
        });
        let at = Arc::clone(&node) as Arc<dyn AppNode>;
        self.apps.joined(1, number, at, None).unwrap();
        self.nodes.push(node);
    }

    fn arrive(&self, number: u64, nodes: u32) -> Arc<dyn Work> {
        let work: Arc<dyn Work> = Arc::new(Call {
            number,
            nodes,
            story: Arc::clone(&self.story),
            stop: StopSignal::new(),
        });
        self.apps.arrive(Invocation {
            attempt: Attempt {
                id: attempt(number),
                deadline: None,
                last: true,
            },
            work: Arc::clone(&work),
            offer: 0,
        });
        work
    }

    /// Lets what was spawned run, as far as it can, and tells what happened.
    fn story(&self) -> Vec<String> {
        self.runtime.block_on(async {
            for _ in 0..16 {
                tokio::task::yield_now().await;
            }
        });
        self.story.take()
    }
}

fn attempt(number: u64) -> AttemptId {
    AttemptId {
        task: TaskId::new(number, 0),
        attempt: 1,
    }
}

#[test]
fn an_end_is_told_when_all_nodes_are_swept_and_only_then_are_they_used() {
    let block = Block::new(2);
    block.arrive(1, 2);
    block.arrive(2, 1);
    assert_eq!(block.story(), ["1 starts on n0"]);
    assert_eq!(
        block.nodes[0].variable("CHILTEPIN_MPI_PREFIX"),
        "srun --overlap --mem=0 --kill-on-bad-exit=1 --nodes=2 --ntasks=2 --ntasks-per-node=1 \
         --nodelist=n0,n1 --mpi=pmix"
    );
    block.nodes[0].end(Outcome::Succeeded);
    block.nodes[0].swept(CLEAN);
    assert_eq!(block.story(), [""; 0], "the other node is not swept");
    assert!(block.apps.busy(1));
    block.nodes[1].swept(CLEAN);
    assert_eq!(block.story(), ["1 succeeded", "2 starts on n0"]);
    assert!(!block.apps.busy(1));
}

#[test]
fn code_0_does_not_count_where_a_node_was_lost() {
    let mut block = Block::new(3);
    block.arrive(1, 2);
    block.story();
    // The launcher ends well, and the node is found to be gone when it is swept.
    block.nodes[0].end(Outcome::Succeeded);
    block.nodes[0].swept(CLEAN);
    block.nodes[1].swept(Err("node `n1` is lost".to_owned()));
    assert_eq!(block.story(), ["1 returned: node `n1` is lost"]);
    block.apps.left(1, "node `n1` is lost");
    // The node is known to be lost while the application runs, which is then stopped.
    block.arrive(2, 2);
    block.apps.left(2, "node `n2` is lost");
    assert_eq!(block.story(), ["2 starts on n0", "2 is stopped on n0"]);
    block.nodes[0].end(Outcome::Stopped);
    block.nodes[0].swept(CLEAN);
    assert_eq!(block.story(), ["2 returned: node `n2` is lost"]);
    // One that the driver stops has been stopped, whatever is lost with it.
    block.join(3);
    let work = block.arrive(3, 2);
    block.apps.left(3, "node `n3` is lost");
    block.apps.stop(attempt(3), &work);
    block.story();
    block.nodes[0].end(Outcome::Stopped);
    block.nodes[0].swept(CLEAN);
    assert_eq!(block.story(), ["3 stopped"]);
}

#[test]
fn a_node_on_which_something_cannot_be_killed_is_not_used_again() {
    let block = Block::new(2);
    block.arrive(1, 1);
    block.nodes[0].end(Outcome::Succeeded);
    block.nodes[0].swept(Ok(Swept { found: 2, left: 1 }));
    assert_eq!(
        block.story(),
        [
            "1 starts on n0",
            "1 succeeded",
            "node 0 is unclean: processes that task 1.1 has left there cannot be killed"
        ]
    );
    block.arrive(2, 1);
    assert_eq!(block.story(), ["2 starts on n1"]);
}

#[test]
fn the_only_machine_is_used_again_whatever_is_left_there() {
    let block = Block::at(1, true);
    block.arrive(1, 1);
    block.arrive(2, 1);
    block.nodes[0].end(Outcome::Succeeded);
    block.nodes[0].swept(Ok(Swept { found: 2, left: 1 }));
    let story = block.story();
    assert_eq!(story, ["1 starts on n0", "1 succeeded", "2 starts on n0"]);
}

#[test]
fn who_waits_is_stopped_at_once_and_who_runs_where_it_runs() {
    let block = Block::new(1);
    let running = block.arrive(1, 1);
    let waiting = block.arrive(2, 1);
    assert_eq!(block.apps.wanted().apps, 1);
    block.apps.stop(attempt(2), &waiting);
    block.apps.stop(attempt(1), &running);
    assert_eq!(block.apps.wanted().apps, 0);
    assert_eq!(
        block.story(),
        ["1 starts on n0", "2 stopped", "1 is stopped on n0"]
    );
    // The request may come before the call.
    let early: Arc<dyn Work> = Arc::new(Call {
        number: 3,
        nodes: 1,
        story: Arc::clone(&block.story),
        stop: StopSignal::new(),
    });
    block.apps.stop(attempt(3), &early);
    let invocation = Invocation {
        attempt: Attempt {
            id: attempt(3),
            deadline: None,
            last: true,
        },
        work: early,
        offer: 0,
    };
    block.apps.arrive(invocation);
    assert_eq!(block.story(), ["3 stopped"]);
}

#[test]
fn all_that_waits_fails_when_nothing_can_be_run() {
    let block = Block::new(1);
    block.arrive(1, 1);
    block.arrive(2, 1);
    block.apps.give_up("it is broken");
    block.arrive(3, 1);
    let failed = |number| format!("{number} failed: Unavailable {{ reason: \"it is broken\" }}");
    assert_eq!(
        block.story(),
        ["1 starts on n0".to_owned(), failed(2), failed(3)]
    );
}

#[test]
fn a_geometry_larger_than_a_block_is_refused_with_both_numbers() {
    let block = Block::new(2);
    let asked = |nodes: u32| Asked {
        geometry: super::super::TaskGeometry::nodes(nodes).resolve().ok(),
        timeout: None,
    };
    assert_eq!(block.apps.admit(&asked(2)), Ok(()));
    assert_eq!(block.apps.admit(&Asked::default()), Ok(()));
    assert_eq!(
        block.apps.admit(&asked(3)).unwrap_err(),
        "spans 3 nodes, and a block of `mpi` has 2 (`nodes_per_block`)"
    );
}
