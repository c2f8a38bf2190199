//! A real Slurm cluster for the tests that need one, started by `tests/slurm/cluster.sh`.
//!
//! Where Slurm is not installed these tests are skipped: each says so, and a line at the end of the
//! run says how many they were. With `CHILTEPIN_REQUIRE_SLURM=1` they fail instead.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Once, OnceLock};
use std::time::Duration;

use chiltepin_executors::provider::Commands;

/// Says that tests are not to be skipped.
const REQUIRED: &str = "CHILTEPIN_REQUIRE_SLURM";

static SKIPPED: AtomicU32 = AtomicU32::new(0);

/// What the tests share that leave its nodes as they were.
static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();

/// A cluster of this process, which ends with it or before.
pub(crate) struct Cluster {
    folder: PathBuf,
    variables: Vec<(String, String)>,
}

impl Cluster {
    /// A cluster with nodes `n1`, `n2`, … that each claim to have so many processors; `None`
    /// where the test is to be skipped.
    pub(crate) fn up(nodes: u32, processors: u32) -> Option<Self> {
        let (nodes, processors) = (nodes.to_string(), processors.to_string());
        Self::with(&["--nodes", &nodes, "--cpus", &processors])
    }

    /// A cluster with these options of `cluster.sh up`.
    pub(crate) fn with(options: &[&str]) -> Option<Self> {
        if let Some(missing) = missing() {
            skip(&missing);
            return None;
        }
        let folder = tempfile::Builder::new()
            .prefix("chiltepin-slurm-")
            .tempdir()
            .unwrap()
            .keep();
        // Made at once, so that a cluster which does not come up goes too.
        let mut cluster = Self {
            folder,
            variables: Vec::new(),
        };
        let process = std::process::id().to_string();
        let output = cluster
            .script(&[&["up", "--with", &process], options].concat())
            .output()
            .unwrap();
        assert!(output.status.success(), "no cluster: {}", said(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        cluster.variables = text
            .split_whitespace()
            .filter_map(|word| word.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
            .collect();
        Some(cluster)
    }

    /// The cluster that tests share which leave its nodes alone: four nodes of four processors.
    pub(crate) fn shared() -> Option<&'static Self> {
        let shared = SHARED.get_or_init(|| {
            missing().is_none().then(|| {
                at_exit();
                Self::up(4, 4)
            })?
        });
        if shared.is_none() {
            skip(&missing().unwrap_or_else(|| "it did not start".to_owned()));
        }
        shared.as_ref()
    }

    /// What a process is to have in its environment to use the cluster.
    pub(crate) fn variables(&self) -> &[(String, String)] {
        &self.variables
    }

    /// A command that uses the cluster.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.envs(self.variables.iter().cloned());
        command
    }

    /// What a command of Slurm's prints, which is to succeed.
    #[track_caller]
    pub(crate) fn ask(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.command(program).args(arguments).output().unwrap();
        assert!(
            output.status.success(),
            "{program} {arguments:?}: {}",
            said(&output)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// The commands of the cluster for a provider, each of which may take so long.
    pub(crate) fn commands(&self, limit: Duration) -> Commands {
        let own = std::env::vars_os();
        let given = self.variables.iter();
        let given = given.map(|(name, value)| (name.into(), value.into()));
        Commands::new(own.chain(given), limit)
    }

    /// A node crashes: its slurmd is killed with all that runs there.
    pub(crate) fn kill_node(&self, node: &str) {
        self.change(&["kill-node", node]);
    }

    /// The slurmd of a node ends; what runs there goes on.
    pub(crate) fn stop_slurmd(&self, node: &str) {
        self.change(&["stop-slurmd", node]);
    }

    /// A node comes back.
    pub(crate) fn start_node(&self, node: &str) {
        self.change(&["start-node", node]);
    }

    /// The controller crashes.
    pub(crate) fn kill_controller(&self) {
        self.change(&["kill-ctl"]);
    }

    /// The file in which the controller saves its jobs, every few seconds.
    pub(crate) fn saved_jobs(&self) -> PathBuf {
        self.folder.join("state/job_state")
    }

    /// The controller comes back, and knows what it had saved.
    pub(crate) fn start_controller(&self) {
        self.change(&["start-ctl"]);
    }

    fn change(&self, arguments: &[&str]) {
        let output = self.script(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    }

    fn script(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(script());
        command.args(arguments).arg("--base").arg(&self.folder);
        command
    }

    fn down(&self) {
        // What is left of it ends with this process.
        let _ = self.script(&["down", "--purge"]).output();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.down();
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("slurm/cluster.sh")
}

fn said(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
    format!("{} {}", text(&output.stdout), text(&output.stderr))
}

/// What is not installed that a cluster needs; asked once.
fn missing() -> Option<String> {
    static MISSING: OnceLock<Option<String>> = OnceLock::new();
    let missing = MISSING.get_or_init(|| {
        let output = Command::new(script()).arg("missing").output().unwrap();
        (!output.status.success()).then(|| said(&output))
    });
    missing.clone()
}

/// Says that the test of this thread is skipped, past what captures the output of tests.
pub(crate) fn skip(missing: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let cure = "run `tests/slurm/cluster.sh install`";
    let required = std::env::var_os(REQUIRED).is_some_and(|value| value == "1");
    assert!(
        !required,
        "{REQUIRED} is set, and there is no Slurm: {missing}; {cure}"
    );
    at_exit();
    SKIPPED.fetch_add(1, Ordering::Relaxed);
    let _ = writeln!(
        std::io::stderr(),
        "skipped {test}: it needs Slurm, and missing are {missing}; {cure}"
    );
}

/// Has the end of this process take down what was shared, and count what was skipped.
fn at_exit() {
    #[expect(
        unsafe_code,
        reason = "the harness says nothing when the last test is over"
    )]
    mod c {
        unsafe extern "C" {
            pub(super) safe fn atexit(call: extern "C" fn()) -> i32;
        }
    }
    extern "C" fn end() {
        if let Some(Some(cluster)) = SHARED.get() {
            cluster.down();
        }
        let skipped = SKIPPED.load(Ordering::Relaxed);
        if skipped > 0 {
            let _ = writeln!(
                std::io::stderr(),
                "\nskipped for want of Slurm: {skipped} tests; run \
                 `tests/slurm/cluster.sh install` to have them"
            );
        }
    }
    static ONCE: Once = Once::new();
    ONCE.call_once(|| assert_eq!(c::atexit(end), 0));
}
