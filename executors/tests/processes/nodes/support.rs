use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use chiltepin_executors::command::{CommandEnd, CommandSpec, Stream};
use chiltepin_executors::node::{Launch, Node, NodeEvents, NodeFacts, NodeSettings};
use chiltepin_executors::program::{PrivateFolder, Program};
use chiltepin_executors::start::{Origin, enter};
use chiltepin_executors::{Attempt, AttemptId, ProcessEnd, TaskId, Usage};
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Longer than anything takes, even on a busy machine.
const LONG: Duration = Duration::from_secs(40);

/// Lets this process in, at the test that every other one is started again by.
///
/// Each test may be the first, so each names the same.
pub(crate) fn let_in() {
    enter(Origin::test(concat!(module_path!(), "::entrance")), |_| {});
}

/// Where processes are let in.
#[test]
fn entrance() {
    let_in();
}

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
        let program = Program::of_this_process(folder.path()).unwrap();
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

/// Waits for a condition, far longer than it should take even on a busy machine.
pub(crate) fn until(what: &str, condition: impl FnMut() -> bool) {
    within(LONG, what, condition);
}

/// Waits for a condition that is to come in time.
pub(crate) fn within(time: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < time, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// One process for good, by its id and its start time.
#[derive(Debug)]
pub(crate) struct Process {
    pid: String,
    start: String,
}

impl Process {
    pub(crate) fn of_id(pid: u32) -> Self {
        let pid = pid.to_string();
        let start = fields(&pid).expect("the process runs")[19].clone();
        Self { pid, start }
    }

    pub(crate) fn written_to(path: &std::path::Path) -> Self {
        until(&format!("a process id in `{}`", path.display()), || {
            fs::read_to_string(path).is_ok_and(|text| text.ends_with('\n'))
        });
        let text = fs::read_to_string(path).unwrap();
        Self::of_id(text.trim().parse().unwrap())
    }

    fn fields(&self) -> Option<Vec<String>> {
        fields(&self.pid).filter(|fields| fields[19] == self.start)
    }

    /// It exists and is no zombie.
    pub(crate) fn runs(&self) -> bool {
        self.fields().is_some_and(|fields| fields[0] != "Z")
    }

    /// Its process group.
    pub(crate) fn group(&self) -> String {
        self.fields().expect("the process runs")[2].clone()
    }

    pub(crate) fn pid(&self) -> &str {
        &self.pid
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid.parse().unwrap()).unwrap();
        if self.runs() {
            let _ = kill_process(pid, signal);
        }
    }
}

/// Nothing outlives a test, least of all one that fails.
impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// The fields of `/proc/PID/stat` from the state on.
fn fields(pid: &str) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(ToOwned::to_owned).collect())
}
