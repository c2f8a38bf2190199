//! Functions on a real block of two Slurm nodes against functions on two worker processes, and how
//! soon a block gives its first result.
//!
//! The cluster is one of this machine's own, by `tests/slurm/cluster.sh`; where Slurm is not
//! installed the figures are left out.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chiltepin::config::Config;
use chiltepin::{Workflow, task};
use tokio::runtime::Runtime;

use crate::echo::or_exit;
use crate::measure::{Figure, PAIRS, median, pairs, time};
use crate::processes;

/// The argument that makes this program the driver that is measured, in a cluster.
pub(crate) const CHILD: &str = "--drive-slurm";

/// Tasks in one measurement.
const COUNT: usize = 20_000;

const CONFIG: &str = "
[workflow]
executors = [\"block\"]

[block]
provider = \"slurm\"
nodes_per_block = 2
max_workers_per_node = 1
walltime = \"1:00:00\"
";

#[task]
fn kept(number: u64) -> u64 {
    number
}

/// Starts a cluster, measures in it, and ends it.
pub(crate) fn slurm(names: &[&str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/slurm/cluster.sh");
    let missing = Command::new(&script).arg("missing").output();
    let missing = or_exit("look for Slurm", missing);
    if !missing.status.success() {
        let text = String::from_utf8_lossy(&missing.stdout);
        eprintln!("no {}: {}", names.join(", "), text.trim());
        return;
    }
    or_exit("Slurm", in_cluster(&script, names));
}

fn in_cluster(script: &Path, names: &[&str]) -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let cluster = |verb: &[&str]| {
        let mut command = Command::new(script);
        command.args(verb).arg("--base").arg(folder.path());
        command.stderr(Stdio::inherit()).output()
    };
    let process = std::process::id().to_string();
    let up = cluster(&["up", "--nodes", "2", "--cpus", "2", "--with", &process])?;
    let measured = if up.status.success() {
        let text = String::from_utf8_lossy(&up.stdout).into_owned();
        let variables = text
            .split_whitespace()
            .filter_map(|word| word.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()));
        Command::new(std::env::current_exe()?)
            .arg(CHILD)
            .args(names)
            .envs(variables)
            .stdin(Stdio::null())
            .status()
    } else {
        Err(io::Error::other("the cluster did not start"))
    };
    cluster(&["down"])?;
    match measured?.success() {
        true => Ok(()),
        false => Err(io::Error::other("its driver failed")),
    }
}

/// The child's part.
pub(crate) fn drive(names: &[String]) -> chiltepin::Result<()> {
    let runs = tempfile::tempdir()?;
    if names.iter().any(|name| name == "slurm_first_result") {
        slurm_first_result(runs.path())?;
    }
    if names.iter().any(|name| name == "slurm_noop") {
        slurm_noop(runs.path())?;
    }
    Ok(())
}

fn open(runs: &Path) -> chiltepin::Result<Workflow> {
    Workflow::builder()
        .config_value(Config::from_toml(CONFIG)?)
        .run_dir(runs)
        .open()
}

fn slurm_noop(runs: &Path) -> chiltepin::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let workers = processes::open(runs, false)?;
    let block = open(runs)?;
    or_exit("the first task", kept(1).submit(&block).result());
    let pairs = pairs(|| rate(&runtime, &workers), || rate(&runtime, &block));
    Figure {
        name: "slurm_noop",
        unit: "tasks/s",
        value: COUNT as f64 / pairs.subject,
        baseline: COUNT as f64 / pairs.baseline,
        ratio: pairs.speed,
        budget: "ratio >= 0.5",
    }
    .report();
    block.close_blocking();
    workers.close_blocking();
    Ok(())
}

fn rate(runtime: &Runtime, workflow: &Workflow) -> Duration {
    time(|| {
        runtime.block_on(async {
            let numbers = 0..COUNT as u64;
            let futures: Vec<_> = numbers
                .map(|number| kept(number).submit(workflow))
                .collect();
            for (number, future) in futures.into_iter().enumerate() {
                assert_eq!(future.await.ok(), Some(number as u64));
            }
        });
    })
}

/// From the second in which Slurm says that the job started: up to a second too much.
fn slurm_first_result(runs: &Path) -> chiltepin::Result<()> {
    let mut times = Vec::new();
    for _ in 0..PAIRS {
        let workflow = open(runs)?;
        or_exit("the first task", kept(1).submit(&workflow).result());
        let now = SystemTime::now();
        let started = or_exit("the job's start", start_of_latest_job());
        let elapsed = now.duration_since(started).unwrap_or_default();
        times.push(elapsed.as_secs_f64());
        workflow.close_blocking();
    }
    let value = median(times.into_iter());
    // There is nothing to compare it with: the limit is one of time.
    Figure {
        name: "slurm_first_result",
        unit: "s",
        value,
        baseline: 1.5,
        ratio: value / 1.5,
        budget: "value <= 1.5",
    }
    .report();
    Ok(())
}

/// When the job that was started last has started.
fn start_of_latest_job() -> io::Result<SystemTime> {
    let output = Command::new("squeue")
        .args(["--noheader", "--states=RUNNING", "--format=%S"])
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let latest = text.lines().max().unwrap_or_default().to_owned();
    let seconds = Command::new("date")
        .arg("+%s")
        .arg(format!("--date={latest}"))
        .output()?;
    let seconds = String::from_utf8_lossy(&seconds.stdout).trim().parse();
    let seconds = seconds.map_err(io::Error::other)?;
    Ok(UNIX_EPOCH + Duration::from_secs(seconds))
}
