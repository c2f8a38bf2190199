//! The same work with a journal and without, and with progress shown and not.

use std::path::Path;

use chiltepin::Workflow;
use chiltepin::config::Progress;
use tokio::runtime::Runtime;

use crate::measure::{Figure, pairs, time};
use crate::{processes, threads};

fn figure(
    name: &'static str,
    count: usize,
    budget: &'static str,
    work: impl Fn(&Workflow),
    [without, with]: [Workflow; 2],
) {
    let pairs = pairs(|| time(|| work(&without)), || time(|| work(&with)));
    Figure {
        name,
        unit: "tasks/s",
        value: count as f64 / pairs.subject,
        baseline: count as f64 / pairs.baseline,
        ratio: pairs.speed,
        budget,
    }
    .report();
    without.close_blocking();
    with.close_blocking();
}

/// No-op async tasks on threads.
pub(crate) fn on_threads(runtime: &Runtime, runs: &Path) -> chiltepin::Result<()> {
    let workflows = [
        open(runs, false, Progress::Off)?,
        open(runs, true, Progress::Off)?,
    ];
    figure(
        "journal_threads_noop",
        threads::COUNT,
        "ratio >= 0.5",
        |workflow| noops(runtime, workflow),
        workflows,
    );
    Ok(())
}

/// The same with a journal, shown as lines and not shown.
pub(crate) fn shown(runtime: &Runtime, runs: &Path) -> chiltepin::Result<()> {
    let workflows = [
        open(runs, true, Progress::Off)?,
        open(runs, true, Progress::Lines)?,
    ];
    figure(
        "progress_threads_noop",
        threads::COUNT,
        "ratio >= 0.8",
        |workflow| noops(runtime, workflow),
        workflows,
    );
    Ok(())
}

fn open(runs: &Path, journal: bool, progress: Progress) -> chiltepin::Result<Workflow> {
    Workflow::builder()
        .run_dir(runs)
        .journal(journal)
        .progress(progress)
        .open()
}

fn noops(runtime: &Runtime, workflow: &Workflow) {
    runtime.block_on(threads::chiltepin_noop(workflow, threads::COUNT));
}

/// No-op tasks on two worker processes.
pub(crate) fn on_processes(runtime: &Runtime, runs: &Path) -> chiltepin::Result<()> {
    let open = |journal| processes::open(runs, journal);
    let work = |workflow: &Workflow| processes::noops(runtime, workflow);
    let workflows = [open(false)?, open(true)?];
    figure(
        "journal_process_noop",
        processes::COUNT,
        "ratio >= 0.8",
        work,
        workflows,
    );
    Ok(())
}
