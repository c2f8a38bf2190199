//! What a task costs: `cargo bench -p chiltepin-benches --bench overhead [-- NAME...]`.
//!
//! Each figure is the median of pairs of a baseline and of the same through a workflow, measured
//! by turns in one run, so that a busy or slow machine changes both. The figures are printed one
//! to a line and added to `target/figures/overhead.jsonl`.

mod commands;
mod measure;
mod memory;
mod threads;

use chiltepin::Workflow;

fn main() -> chiltepin::Result<()> {
    if std::env::var_os(memory::CHILD).is_some() {
        return memory::measure();
    }
    let names: Vec<_> = std::env::args()
        .skip(1)
        .filter(|name| !name.starts_with('-'))
        .collect();
    let wanted =
        |name: &str| names.is_empty() || names.iter().any(|wanted| name.contains(wanted.as_str()));
    // The baseline's runtime has as many threads as the workflow's.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads::threads())
        .enable_all()
        .build()?;
    let runs = tempfile::tempdir()?;
    let workflow = Workflow::builder().run_dir(runs.path()).open()?;
    if wanted("threads_noop") {
        threads::threads_noop(&runtime, &workflow);
    }
    if wanted("threads_noop_sync") {
        threads::threads_noop_sync(&runtime, &workflow);
    }
    if wanted("threads_round_trip") {
        spawned_round_trip();
        threads::round_trip_block_on(&runtime, &workflow);
    }
    if wanted("chain") {
        threads::chain(&runtime, &workflow);
    }
    if wanted("fan") {
        threads::fan(&runtime, &workflow);
    }
    if wanted("memory_per_task") {
        memory::memory_per_task();
    }
    if wanted("bash_true") {
        commands::bash_true(&runtime, &workflow, runs.path());
    }
    workflow.close_blocking();
    Ok(())
}

/// The round trip where a program's main function runs: as a task of the workflow's runtime.
fn spawned_round_trip() {
    #[chiltepin::main]
    async fn main(workflow: Workflow) {
        threads::round_trip_spawned(&workflow).await;
    }
    main();
}
