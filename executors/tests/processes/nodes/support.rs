use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use chiltepin_executors::command::{CommandEnd, CommandSpec, Stream};
use chiltepin_executors::node::{Launch, Node, NodeEvents, NodeFacts, NodeSettings};
use chiltepin_executors::program::{PrivateFolder, Program};
use chiltepin_executors::{Attempt, AttemptId, LazyFolder, ProcessEnd, TaskId, Usage};
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::entrance::let_in;
use crate::process::{LONG, Process};

/// What a node said.
#[derive(Debug)]
pub(crate) enum Said {
    Ready(NodeFacts),
    Failed(String),
    Launched(u32, u32),
    Exited(u32, ProcessEnd, String),
    Executed(AttemptId, Result<i32, CommandEnd>, Usage, u32),
}

struct Events(Mutex<Sender<Said>>);

impl Events {
    fn say(&self, said: Said) {
        let _ = self.0.lock().send(said);
    }
}

impl NodeEvents for Events {
    fn ready(&self, facts: NodeFacts) {
        self.say(Said::Ready(facts));
    }

    fn failed(&self, reason: String) {
        self.say(Said::Failed(reason));
    }

    fn launched(&self, worker: u32, process: u32) {
        self.say(Said::Launched(worker, process));
    }

    fn exited(&self, worker: u32, end: ProcessEnd, stderr: String) {
        self.say(Said::Exited(worker, end, stderr));
    }

    fn executed(
        &self,
        attempt: AttemptId,
        end: Result<i32, CommandEnd>,
        usage: Usage,
        process: u32,
    ) {
        self.say(Said::Executed(attempt, end, usage, process));
    }
}

/// A node, and a folder in which its processes work.
pub(crate) struct Place {
    pub(crate) node: Node,
    said: Receiver<Said>,
    folder: TempDir,
    pub(crate) private: Arc<PrivateFolder>,
    pub(crate) program: Arc<Program>,
    pub(crate) runtime: Runtime,
}

/// How a node differs from an ordinary one.
#[derive(Default)]
pub(crate) struct Wish {
    pub(crate) environment: Vec<String>,
    pub(crate) removed_variables: Vec<String>,
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) prefix: Vec<String>,
    pub(crate) start_timeout: Option<Duration>,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::with(Wish::default())
    }

    pub(crate) fn lines(lines: &[&str]) -> Self {
        Self::with(Wish {
            environment: lines.iter().map(|line| (*line).to_owned()).collect(),
            ..Wish::default()
        })
    }

    /// A node whose workers are this script instead. Commands are what they are.
    pub(crate) fn workers(script: &str) -> Self {
        Self::with(Wish {
            prefix: ["bash", "-c", &instead(script), "worker"]
                .map(str::to_owned)
                .to_vec(),
            ..Wish::default()
        })
    }

    pub(crate) fn with(wish: Wish) -> Self {
        let_in();
        let folder = tempfile::tempdir().unwrap();
        let private = Arc::new(PrivateFolder::new().unwrap());
        let program = Program::of_this_process(&LazyFolder::at(folder.path().to_owned())).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let settings = NodeSettings {
            executor: "compute".to_owned(),
            environment: wish.environment,
            removed_variables: wish.removed_variables,
            variables: wish.variables,
            prefix: wish.prefix,
            kill_grace: LONG,
            start_timeout: wish.start_timeout.unwrap_or(NodeSettings::START_TIMEOUT),
            folder: Arc::clone(&private),
            program: Arc::clone(&program),
            threads_per_process: 3,
        };
        let (sender, said) = mpsc::channel();
        let events = Arc::new(Events(Mutex::new(sender)));
        let node = Node::start(settings, events, runtime.handle());
        Self {
            node,
            said,
            folder,
            private,
            program,
            runtime,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The next thing the node says.
    pub(crate) fn next(&self) -> Said {
        self.said
            .recv_timeout(LONG)
            .expect("the node says something")
    }

    pub(crate) fn says_nothing_more(&self) -> bool {
        self.said.try_recv().is_err()
    }

    pub(crate) fn ready(&self) -> NodeFacts {
        match self.next() {
            Said::Ready(facts) => facts,
            other => panic!("not ready but {other:?}"),
        }
    }

    pub(crate) fn failed(&self) -> String {
        match self.next() {
            Said::Failed(reason) => reason,
            other => panic!("not failed but {other:?}"),
        }
    }

    pub(crate) fn launched(&self) -> (u32, u32) {
        match self.next() {
            Said::Launched(worker, process) => (worker, process),
            other => panic!("not launched but {other:?}"),
        }
    }

    pub(crate) fn exited(&self) -> (u32, ProcessEnd, String) {
        match self.next() {
            Said::Exited(worker, end, stderr) => (worker, end, stderr),
            other => panic!("not exited but {other:?}"),
        }
    }

    pub(crate) fn executed(&self) -> (AttemptId, Result<i32, CommandEnd>, Usage, u32) {
        match self.next() {
            Said::Executed(attempt, end, usage, process) => (attempt, end, usage, process),
            other => panic!("not executed but {other:?}"),
        }
    }

    /// Has a script executed as the attempt of this number.
    pub(crate) fn execute(&self, number: u64, script: &str) {
        self.node.execute(attempt(number), self.spec(script), None);
    }

    pub(crate) fn spec(&self, script: &str) -> CommandSpec {
        let file = |name: &str| Stream::File {
            path: self.path(name),
            append: true,
        };
        CommandSpec {
            prefix: Vec::new(),
            script: script.to_owned(),
            directory: Some(self.folder.path().to_owned()),
            stdout: file("stdout"),
            stderr: file("stderr"),
            environment: Vec::new(),
            outputs: Vec::new(),
            allowed_exit_codes: Vec::new(),
            kill_grace: Duration::ZERO,
        }
    }

    pub(crate) fn launch(&self, worker: u32) {
        let place = self.folder.path().to_str().unwrap().to_owned();
        self.node.launch(Launch {
            worker,
            environment: vec![("PLACE".to_owned(), place)],
            stdout: self.path("worker.out"),
            stderr: self.path("worker.err"),
            cpus: Vec::new(),
            socket: self.path("socket"),
            page: self.path("page"),
        });
    }

    /// Waits until a script has written a process id into a file, and takes hold of the process.
    pub(crate) fn process(&self, name: &str) -> Process {
        Process::written_to(&self.path(name))
    }
}

/// What, as the prefix of a node, runs a script instead of workers; commands are what they are.
pub(crate) fn instead(script: &str) -> String {
    format!("[ \"${{1##*/}}\" = bash ] && exec \"$@\"; {script}")
}

pub(crate) fn attempt(number: u64) -> Attempt {
    Attempt {
        id: AttemptId {
            task: TaskId::new(number, 7),
            attempt: 2,
        },
        deadline: None,
        last: true,
    }
}
