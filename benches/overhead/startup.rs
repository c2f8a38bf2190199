//! What starts with a program that uses worker processes: how soon it has its first result, and
//! what an idle worker holds.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chiltepin::{Workflow, task};
use tokio::runtime::Runtime;

use crate::echo::{Echo, FRAME, or_exit};
use crate::measure::{Figure, pairs};
use crate::processes;

/// The argument that makes this program one that says it is there, and ends.
pub(crate) const CHILD_BARE: &str = "--say-ready";
/// The argument that makes it one that says so once a worker has given it a result.
pub(crate) const CHILD_RESULT: &str = "--say-ready-with-result";

/// What such a program says.
const READY: &str = "ready";

#[task]
fn answer() -> u32 {
    std::process::id()
}

/// The child's part, of either kind.
pub(crate) fn say_ready(with_result: bool) -> chiltepin::Result<()> {
    if with_result {
        let runs = tempfile::tempdir()?;
        let workflow = processes::open(runs.path(), false)?;
        or_exit("no first result", answer().submit(&workflow).result());
        print!("{READY}");
        io::Write::flush(&mut io::stdout())?;
        workflow.close_blocking();
    } else {
        print!("{READY}");
        io::Write::flush(&mut io::stdout())?;
    }
    Ok(())
}

/// How long from a program's start to its word.
fn until_ready(argument: &str) -> Duration {
    let run = || {
        let start = Instant::now();
        let mut child = Command::new(std::env::current_exe()?)
            .arg(argument)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut word = [0; READY.len()];
        let stdout = child.stdout.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        stdout.read_exact(&mut word)?;
        let elapsed = start.elapsed();
        // Its winding down is its own affair, but must not disturb the next measurement.
        child.wait()?;
        io::Result::Ok(elapsed)
    };
    or_exit("a program that is to say that it is ready", run())
}

pub(crate) fn process_first_result() {
    let pairs = pairs(|| until_ready(CHILD_BARE), || until_ready(CHILD_RESULT));
    Figure {
        name: "process_first_result",
        unit: "ms",
        value: pairs.subject * 1e3,
        baseline: pairs.baseline * 1e3,
        ratio: pairs.subject / pairs.baseline,
        budget: "value <= 50",
    }
    .report();
}

/// The memory of a process that is really there and is no page of its program's file, in bytes.
fn resident_beside_program(process: u32) -> io::Result<u64> {
    let folder = Path::new("/proc").join(process.to_string());
    let program = fs::read_link(folder.join("exe"))?;
    let program = program.to_string_lossy();
    let mut beside = true;
    let mut kibibytes = 0;
    for line in fs::read_to_string(folder.join("smaps"))?.lines() {
        if let Some(count) = line.strip_prefix("Rss:") {
            let count = count.trim().trim_end_matches(" kB").parse::<u64>();
            kibibytes += if beside {
                count.map_err(io::Error::other)?
            } else {
                0
            };
        } else if line
            .split_whitespace()
            .next()
            .is_some_and(|word| !word.ends_with(':'))
        {
            // The first line of a mapping; the file's path is at its end.
            beside = !line.ends_with(&*program);
        }
    }
    Ok(kibibytes * 1024)
}

pub(crate) fn process_memory(runtime: &Runtime, workflow: &Workflow) {
    let worker = runtime.block_on(answer().submit(workflow));
    let worker = or_exit("process_memory", worker);
    let mut echo = Echo::start(FRAME);
    echo.ping_pong(1);
    let value = or_exit("the worker's memory", resident_beside_program(worker)) as f64;
    let baseline = resident_beside_program(echo.process());
    let baseline = or_exit("the echo's memory", baseline) as f64;
    const MEBIBYTE: f64 = 1_048_576.0;
    Figure {
        name: "process_memory",
        unit: "MiB",
        value: value / MEBIBYTE,
        baseline: baseline / MEBIBYTE,
        ratio: value / baseline,
        budget: "value <= 6",
    }
    .report();
}
