//! How many tasks one driver gives to agents and takes back: real connections with real encryption
//! over the loopback interface, and agents that answer at once.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chiltepin::config::Config;
use chiltepin::{Workflow, task};
use tokio::runtime::Runtime;

use crate::echo::{Echo, FRAME, or_exit};
use crate::measure::{Figure, median, time};
use crate::memory::resident;
use crate::stand_in;

/// The argument that makes this program the driver of as many agents as the next one says.
pub(crate) const CHILD: &str = "--drive-agents";

/// Tasks in one measurement.
const COUNT: usize = 100_000;
/// Measurements.
const ROUNDS: usize = 5;
/// How long all agents may take to join.
const PATIENCE: Duration = Duration::from_secs(120);

#[task]
fn unchanged(number: u64) -> u64 {
    number
}

/// Measures with so many agents, in a process of its own whose `sbatch` and `srun` are stand-ins.
pub(crate) fn agents(count: usize) {
    or_exit("agents", in_child(count));
}

fn in_child(count: usize) -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    stand_in::write(folder.path())?;
    let program = std::env::current_exe()?;
    let mut path = OsString::from(folder.path());
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let status = Command::new(&program)
        .arg(CHILD)
        .arg(count.to_string())
        .env("PATH", path)
        .env("STAND_IN", folder.path())
        .env("STAND_IN_AGENTS", &program)
        .env("STAND_IN_COUNT", count.to_string())
        .stdin(Stdio::null())
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("its driver ended with {status}")))
    }
}

/// The child's part.
pub(crate) fn drive(count: usize) -> chiltepin::Result<()> {
    let runs = tempfile::tempdir()?;
    let config = format!(
        "[workflow]\nexecutors = [\"nodes\"]\n\
         [nodes]\nprovider = \"slurm\"\nnodes_per_block = {count}\nwalltime = \"1:00:00\"\n\
         address = \"127.0.0.1\"\n"
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let before = resident();
    let workflow = Workflow::builder()
        .config_value(Config::from_toml(&config)?)
        .run_dir(runs.path())
        .open()?;
    or_exit("the first task", unchanged(1).submit(&workflow).result());
    wait_for_all(&workflow, count);
    let of_agents = resident().saturating_sub(before);
    let mut echo = Echo::start(FRAME);
    let _ = echo.pipelined(COUNT);
    let _ = rate(&runtime, &workflow);
    let mut rounds = Vec::new();
    let processor = processor_time();
    for _ in 0..ROUNDS {
        rounds.push((echo.pipelined(COUNT), rate(&runtime, &workflow)));
    }
    let taken = processor_time().saturating_sub(processor);
    let value = COUNT as f64 / median(rounds.iter().map(|round| round.1.as_secs_f64()));
    let baseline = COUNT as f64 / median(rounds.iter().map(|round| round.0.as_secs_f64()));
    let ratio = median(
        rounds
            .iter()
            .map(|round| round.0.as_secs_f64() / round.1.as_secs_f64()),
    );
    let (name, budget) = match count {
        16 => ("agents_16", "value >= 100000"),
        _ => ("agents_1000", "all served"),
    };
    Figure {
        name,
        unit: "tasks/s",
        value,
        baseline,
        ratio,
        budget,
    }
    .report();
    println!(
        "       with {count} agents the driver takes {:.2} us of processor time for a task (the \
         bare echo's share among them), and {:.1} KiB of memory for an agent",
        taken.as_secs_f64() * 1e6 / (COUNT * ROUNDS) as f64,
        of_agents as f64 / 1024.0 / count as f64,
    );
    workflow.close_blocking();
    Ok(())
}

fn wait_for_all(workflow: &Workflow, count: usize) {
    let begun = Instant::now();
    loop {
        let status = workflow.status();
        let joined: usize = status
            .executors
            .iter()
            .filter_map(|executor| executor.blocks.as_ref())
            .flat_map(|blocks| &blocks.blocks)
            .map(|block| block.nodes.len())
            .sum();
        if joined >= count {
            return;
        }
        if begun.elapsed() > PATIENCE {
            or_exit::<()>("agents", Err(format!("only {joined} of {count} joined")));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// How long the tasks take, all submitted and then awaited.
fn rate(runtime: &Runtime, workflow: &Workflow) -> Duration {
    time(|| {
        runtime.block_on(async {
            let numbers = 0..COUNT as u64;
            let futures: Vec<_> = numbers
                .map(|number| unchanged(number).submit(workflow))
                .collect();
            for (number, future) in futures.into_iter().enumerate() {
                assert_eq!(future.await.ok(), Some(number as u64));
            }
        });
    })
}

/// The processor time of this process so far.
fn processor_time() -> Duration {
    // The fields behind the name, which is in brackets and may hold anything.
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum();
    let each = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_millis(ticks * 1000 / each)
}
