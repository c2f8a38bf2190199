//! What the tests run on: threads, and once more worker processes.
//!
//! ```text
//!   cargo test ─► tests on threads
//!                   └─ everything_again_on_worker_processes
//!                        │ CHILTEPIN_TEST_PROCESSES=folder  CHILTEPIN_CONFIG=folder/local.toml
//!                        ▼
//!                      the same tests: where a configuration says threads, they get as many
//!                      worker processes
//! ```
//!
//! `CHILTEPIN_TEST_FILTER` chooses which tests run again, as in
//! `CHILTEPIN_TEST_FILTER=joins:: cargo test --test behaviour everything_again`.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use chiltepin::config::{Config, Pool, Provider, Threads};
use chiltepin::{Workflow, task};

use crate::support::open;

/// The folder of a run on worker processes.
const FOLDER: &str = "CHILTEPIN_TEST_PROCESSES";
const FILTER: &str = "CHILTEPIN_TEST_FILTER";

/// The folder of this run, if it is one on worker processes.
pub(crate) fn folder() -> Option<&'static Path> {
    static GIVEN: OnceLock<Option<PathBuf>> = OnceLock::new();
    GIVEN
        .get_or_init(|| env::var_os(FOLDER).map(PathBuf::from))
        .as_deref()
}

/// Whether tasks run in worker processes; here the two executors may differ by contract.
pub(crate) fn on_processes() -> bool {
    folder().is_some()
}

/// Whether to leave a test out that has nothing to say of worker processes, for this reason.
pub(crate) fn only_on_threads(reason: &str) -> bool {
    if on_processes() {
        println!("left out: {reason}");
    }
    on_processes()
}

/// The configuration of a program that has none.
pub(crate) fn default_config() -> Option<PathBuf> {
    folder().map(|folder| folder.join("local.toml"))
}

/// The configuration for what the tests run on.
pub(crate) fn config(toml: &str) -> Config {
    let config = Config::from_toml(toml).unwrap();
    match folder() {
        Some(folder) => on_workers(config, &folder.join("runs")),
        None => config,
    }
}

/// The same, as the text of a file.
pub(crate) fn config_text(toml: &str) -> String {
    match on_processes() {
        true => config(toml).to_string(),
        false => toml.to_owned(),
    }
}

/// Workers instead of threads.
fn on_workers(mut config: Config, runs: &Path) -> Config {
    for resource in &mut config.resources {
        if let Provider::Threads(threads) = &resource.provider {
            resource.provider = Provider::Localhost(pool(threads));
        }
    }
    // What workers write is not to be left where the tests are started.
    if config.workflow.run_dir == Path::new("runs") {
        config.workflow.run_dir = runs.to_owned();
    }
    config
}

fn pool(threads: &Threads) -> Pool {
    let workers = u32::try_from(threads.max_threads).unwrap();
    let mut pool = Pool::default();
    pool.max_workers_per_node = Some(workers);
    pool.cores_per_node = Some(workers);
    // Workers bound them each for itself.
    pool.max_async = threads.max_async.div_ceil(workers);
    pool.memory_per_node = threads.memory;
    pool.gpus_per_node = Some(threads.gpus);
    pool
}

#[task]
fn process() -> u32 {
    std::process::id()
}

#[task]
async fn process_of_async() -> u32 {
    std::process::id()
}

#[chiltepin::test]
fn tasks_run_where_they_are_meant_to(workflow: Workflow) -> chiltepin::Result<()> {
    let given = open("[other]\nprovider = 'threads'\nmax_threads = 1");
    let futures = [
        process().submit(&workflow),
        process_of_async().submit(&workflow),
        process().on("other").submit(&given),
    ];
    for future in futures {
        assert_eq!(future.result()? != std::process::id(), on_processes());
    }
    Ok(())
}

/// Far more than all tests take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(1200);

#[test]
fn everything_again_on_worker_processes() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let local = on_workers(Config::default(), &path("runs"));
    fs::write(path("local.toml"), local.to_string()).unwrap();
    // Whatever is put there has to be gone in the end.
    fs::create_dir(path("tmp")).unwrap();
    let said = File::create(path("said")).unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--skip", "everything_again_on_worker_processes"])
        // What is about worker processes alone has been tested, and blocks have them anyway.
        .args(["--skip", "processes_", "--skip", "slurm_", "--skip", "pbs_"])
        .args(env::var(FILTER).ok())
        .env(FOLDER, folder.path())
        .env("CHILTEPIN_CONFIG", path("local.toml"))
        .env("TMPDIR", path("tmp"))
        .stdin(Stdio::null())
        .stdout(said.try_clone().unwrap())
        .stderr(said);
    let begun = Instant::now();
    let mut tests = command.spawn().unwrap();
    let status = loop {
        match tests.try_wait().unwrap() {
            Some(status) => break Some(status),
            None if begun.elapsed() > PATIENCE => {
                tests.kill().unwrap();
                tests.wait().unwrap();
                break None;
            }
            None => thread::sleep(Duration::from_millis(20)),
        }
    };
    println!("{}", fs::read_to_string(path("said")).unwrap());
    println!("on worker processes: {:?}", begun.elapsed());
    assert!(status.expect("they end").success(), "see above");
    let left: Vec<_> = fs::read_dir(path("tmp")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
