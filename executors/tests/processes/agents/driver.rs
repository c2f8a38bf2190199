//! A driver with its listener, and agents that are processes of their own.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use bytes::Bytes;
use chiltepin_executors::agent::{Agent, AgentEvents, AgentHello, AgentSettings, AgentWelcome};
use chiltepin_executors::pool::PoolRequest;
use chiltepin_executors::registry::TaskInfo;
use chiltepin_executors::start::{AgentStart, START_VARIABLE};
use chiltepin_executors::transport::{
    Arrival, Identity, Key, Limits, Link, LinkEnd, LinkSettings, Listener, ListenerSettings, Peers,
};
use chiltepin_executors::{Capacity, Invocation};
use parking_lot::Mutex;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::entrance::let_in;
use crate::process::{LONG, Process, until};
use crate::work::{Ended, TestWork};

/// The most bytes of a frame.
const LARGEST: usize = 64 << 20;

/// What is told of a node.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Ahead(Capacity),
    Calls(u32),
    Silent,
    Back,
    Leaving(i32),
    Broken(String),
    Ending,
    Ended(LinkEnd),
}

struct Events(Mutex<Sender<Told>>);

impl Events {
    fn tell(&self, told: Told) {
        let _ = self.0.lock().send(told);
    }
}

impl AgentEvents for Events {
    fn next(&self, _invocation: Invocation) {
        panic!("nothing follows on these calls")
    }

    fn ahead(&self, capacity: Capacity) {
        self.tell(Told::Ahead(capacity));
    }

    fn calls(&self, calls: u32) {
        self.tell(Told::Calls(calls));
    }

    fn silent(&self) {
        self.tell(Told::Silent);
    }

    fn back(&self) {
        self.tell(Told::Back);
    }

    fn leaving(&self, signal: i32) {
        self.tell(Told::Leaving(signal));
    }

    fn broken(&self, reason: String) {
        self.tell(Told::Broken(reason));
    }

    fn ending(&self, _end: &LinkEnd) {
        self.tell(Told::Ending);
    }

    fn ended(&self, end: LinkEnd) {
        self.tell(Told::Ended(end));
    }
}

/// Takes every agent.
struct Takes {
    request: PoolRequest,
    output_folder: PathBuf,
    agents: Mutex<Sender<Taken>>,
}

struct Taken {
    hello: AgentHello,
    agent: Arc<Agent>,
    told: Receiver<Told>,
}

impl Peers for Takes {
    fn arrived(
        &self,
        hello: Bytes,
        link: &Arc<Link>,
        _from: SocketAddr,
    ) -> Result<Arrival, String> {
        let hello = AgentHello::decode(&hello).map_err(|error| error.to_string())?;
        let (sender, told) = mpsc::channel();
        let events = Arc::new(Events(Mutex::new(sender)));
        let settings = AgentSettings {
            largest_value: 32 << 20,
        };
        let agent = Agent::new(Arc::clone(link), &hello, settings, events);
        let welcome = AgentWelcome {
            pool: self.request.clone(),
            output_folder: self.output_folder.clone(),
        };
        let receive = agent.receive();
        let taken = Taken { hello, agent, told };
        self.agents
            .lock()
            .send(taken)
            .map_err(|error| error.to_string())?;
        Ok(Arrival {
            welcome: welcome.encode().unwrap(),
            receive,
        })
    }
}

/// What is out of the ordinary.
#[derive(Clone)]
pub(crate) struct Wish {
    pub(crate) link: LinkSettings,
    pub(crate) request: PoolRequest,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            link: LinkSettings {
                beat: Duration::from_millis(100),
                silence: Duration::from_millis(500),
                absence: Duration::from_millis(500),
                reconnect_window: LONG,
            },
            request: crate::pool::request(),
        }
    }
}

pub(crate) struct Driver {
    agents: Receiver<Taken>,
    ended: Receiver<Ended>,
    ends: Sender<Ended>,
    next: u64,
    listener: Listener,
    pub(crate) folder: TempDir,
    key: Key,
    identity: Identity,
    claims: u32,
    pub(crate) runtime: Runtime,
}

impl Driver {
    pub(crate) fn new() -> Self {
        Self::with(Wish::default())
    }

    pub(crate) fn with(wish: Wish) -> Self {
        let_in();
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let key = Key::generate().unwrap();
        let identity = Identity {
            run: [1; 16],
            program: [2; 32],
        };
        let (sender, agents) = mpsc::channel();
        let takes = Takes {
            request: wish.request,
            output_folder: folder.path().join("workers"),
            agents: Mutex::new(sender),
        };
        let settings = ListenerSettings {
            ports: None,
            key: key.clone(),
            identity,
            largest_frame: LARGEST,
            link: wish.link,
            limits: Limits::default(),
        };
        let listener = runtime
            .block_on(Listener::start(settings, Arc::new(takes)))
            .unwrap();
        let (ends, ended) = mpsc::channel();
        Self {
            agents,
            ended,
            ends,
            next: 1,
            listener,
            folder,
            key,
            identity,
            claims: 0,
            runtime,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn port(&self) -> u16 {
        self.listener.port()
    }

    /// What agents are told that call here.
    pub(crate) fn agent_start(&self, candidates: &[String]) -> AgentStart {
        let key = self.path("key");
        if !key.exists() {
            self.key.write(&key).unwrap();
        }
        AgentStart {
            executor: "compute".to_owned(),
            block: 3,
            candidates: candidates.to_vec(),
            key,
            identity: self.identity,
            largest_frame: LARGEST as u64,
            patience: LONG,
            launcher: None,
            log: None,
        }
    }

    /// Starts an agent with this claim, and does not wait for it.
    pub(crate) fn spawn(&mut self, start: &AgentStart, environment: &[(&str, &str)]) -> Started {
        self.claims += 1;
        let claim = self.path(&format!("claim-{}", self.claims));
        let temporary = self.path(&format!("temporary-{}", self.claims));
        let stderr = self.path(&format!("agent-{}.err", self.claims));
        fs::create_dir(&temporary).unwrap();
        start.write(&claim).unwrap();
        let mut arguments: Vec<OsString> = vec!["entrance::entrance".into()];
        arguments.extend(["--exact", "--nocapture"].map(OsString::from));
        let child = Command::new(std::env::current_exe().unwrap())
            .args(arguments)
            .env(START_VARIABLE, &claim)
            .env("TMPDIR", &temporary)
            .env("SLURMD_NODENAME", "n7")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&stderr).unwrap())
            .spawn()
            .unwrap();
        Started {
            process: Process::of_id(child.id()),
            child,
            stderr,
            temporary,
        }
    }

    /// Starts an agent and waits until it has come.
    pub(crate) fn agent(&mut self) -> Remote {
        self.agent_by(self.port(), &[])
    }

    pub(crate) fn agent_by(&mut self, port: u16, environment: &[(&str, &str)]) -> Remote {
        let start = self.agent_start(&[format!("127.0.0.1:{port}")]);
        self.agent_of(&start, environment)
    }

    pub(crate) fn agent_of(&mut self, start: &AgentStart, environment: &[(&str, &str)]) -> Remote {
        let started = self.spawn(start, environment);
        let Taken { hello, agent, told } = match self.agents.recv_timeout(LONG) {
            Ok(taken) => taken,
            Err(error) => panic!("no agent has come ({error}): {}", started.stderr()),
        };
        // It speaks as soon as it was welcomed. Before that, with a connection that is cut, it comes
        // as another one.
        let first = told.recv_timeout(LONG).expect("it speaks");
        Remote {
            hello,
            agent,
            first,
            told,
            started,
        }
    }

    /// A call that is yet to be started.
    pub(crate) fn work(&mut self, info: &'static TaskInfo, argument: &str) -> TestWork {
        let number = self.next;
        self.next += 1;
        TestWork::new(number, info, argument, self.ends.clone())
    }

    /// Starts a call, and gives its work.
    pub(crate) fn start(
        &mut self,
        remote: &Remote,
        info: &'static TaskInfo,
        argument: &str,
    ) -> Arc<TestWork> {
        self.start_at(&remote.agent, info, argument)
    }

    pub(crate) fn start_at(
        &mut self,
        agent: &Agent,
        info: &'static TaskInfo,
        argument: &str,
    ) -> Arc<TestWork> {
        let work = Arc::new(self.work(info, argument));
        agent.start(work.invocation());
        work
    }

    /// The handle to whatever comes next, of which nobody wants to hear.
    pub(crate) fn come(&self) -> Arc<Agent> {
        self.agents
            .recv_timeout(LONG)
            .expect("something comes")
            .agent
    }

    /// The next call that ends.
    pub(crate) fn ended(&self) -> Ended {
        self.ended.recv_timeout(LONG).expect("a call ends")
    }

    /// The ends of so many calls, by their numbers; each ends once.
    pub(crate) fn all_ended(&self, count: usize) -> HashMap<u64, Ended> {
        let mut all = HashMap::new();
        while all.len() < count {
            let ended = self.ended();
            let number = ended.number;
            let before = all.insert(number, ended);
            assert!(before.is_none(), "{number} has ended twice: {before:?}");
        }
        assert!(self.ended.try_recv().is_err(), "more have ended");
        all
    }
}

/// An agent's process.
pub(crate) struct Started {
    pub(crate) process: Process,
    child: Child,
    stderr: PathBuf,
    pub(crate) temporary: PathBuf,
}

impl Started {
    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap()
    }

    /// Waits until it has ended by itself, and gives its exit code.
    pub(crate) fn code(&mut self) -> i32 {
        let mut status = None;
        until("the agent to end", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        let code = status.unwrap().code();
        code.unwrap_or_else(|| panic!("{status:?}: {}", self.stderr()))
    }

    /// Whether it has left nothing in its temporary folder.
    pub(crate) fn is_tidy(&self) -> bool {
        fs::read_dir(&self.temporary).unwrap().next().is_none()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Its spawner removes what is in there, and is not to find it gone.
        if !std::thread::panicking() {
            until("the agent's folders to go", || self.is_tidy());
        }
    }
}

/// An agent that has come.
pub(crate) struct Remote {
    pub(crate) hello: AgentHello,
    pub(crate) agent: Arc<Agent>,
    /// What was told first.
    pub(crate) first: Told,
    told: Receiver<Told>,
    pub(crate) started: Started,
}

impl Remote {
    /// The next thing that is told, but for what is told of room and calls.
    pub(crate) fn told(&self) -> Told {
        loop {
            match self.told.recv_timeout(LONG).expect("something is told") {
                Told::Ahead(_) | Told::Calls(_) => {}
                other => return other,
            }
        }
    }

    /// The next thing that is told, whatever it is.
    pub(crate) fn told_any(&self) -> Option<Told> {
        self.told.recv_timeout(LONG).ok()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.started.process.signal(signal);
    }
}
