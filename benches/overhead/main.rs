//! What a task costs: `cargo bench -p chiltepin-benches --bench overhead [-- NAME...]`.
//!
//! Each figure is the median of pairs of a baseline and of the same through a workflow, measured
//! by turns in one run, so that a busy or slow machine changes both. The figures are printed one
//! to a line and added to `target/figures/overhead.jsonl`.

mod agents;
mod cached;
mod commands;
mod echo;
mod journal;
mod measure;
mod memory;
mod processes;
mod simulated;
mod slurm;
mod stand_in;
mod startup;
mod threads;

use chiltepin::Workflow;
use chiltepin::config::Progress;

fn main() -> chiltepin::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    let number = |arguments: &mut dyn Iterator<Item = String>| {
        arguments.next().and_then(|number| number.parse().ok())
    };
    if first.as_deref() == Some(simulated::CHILD) {
        // It is given what real agents are, and is none.
        return Ok(simulated::serve(number(&mut arguments).unwrap_or(1))?);
    }
    chiltepin::init();
    match first.as_deref() {
        Some(agents::CHILD) => return agents::drive(number(&mut arguments).unwrap_or(1)),
        Some(slurm::CHILD) => return slurm::drive(&arguments.collect::<Vec<_>>()),
        Some(echo::CHILD) => {
            return Ok(echo::serve(number(&mut arguments).unwrap_or(echo::FRAME))?);
        }
        Some(cached::CHILD) => return cached::measure(&arguments.collect::<Vec<_>>()),
        Some(startup::CHILD_BARE) => return startup::say_ready(false),
        Some(startup::CHILD_RESULT) => return startup::say_ready(true),
        _ if std::env::var_os(memory::CHILD).is_some() => return memory::measure(),
        _ => {}
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
    let workflow = Workflow::builder()
        .run_dir(runs.path())
        .journal(false)
        .progress(Progress::Off)
        .open()?;
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
    if wanted("journal_threads_noop") {
        journal::on_threads(&runtime, runs.path())?;
    }
    if wanted("progress_threads_noop") {
        journal::shown(&runtime, runs.path())?;
    }
    if wanted("journal_process_noop") {
        journal::on_processes(&runtime, runs.path())?;
    }
    let of_cache: Vec<_> = cached::NAMES
        .into_iter()
        .filter(|name| wanted(name))
        .collect();
    if !of_cache.is_empty() {
        cached::measure_apart(&of_cache);
    }
    if wanted("process_first_result") {
        startup::process_first_result();
    }
    for (name, count) in [("agents_16", 16), ("agents_1000", 1000)] {
        if wanted(name) {
            agents::agents(count);
        }
    }
    let on_slurm = ["slurm_first_result", "slurm_noop"];
    let on_slurm: Vec<_> = on_slurm.into_iter().filter(|name| wanted(name)).collect();
    if !on_slurm.is_empty() {
        slurm::slurm(&on_slurm);
    }
    let on_workers = [
        "process_memory",
        "process_noop",
        "process_round_trip",
        "process_chain",
        "process_payload",
        "process_bash_true",
    ];
    if !on_workers.into_iter().any(wanted) {
        return Ok(());
    }
    let workflow = processes::open(runs.path(), false)?;
    // First, while the worker has done nothing else.
    if wanted("process_memory") {
        startup::process_memory(&runtime, &workflow);
    }
    if wanted("process_noop") {
        processes::process_noop(&runtime, &workflow);
    }
    if wanted("process_round_trip") || wanted("process_chain") {
        let apart = processes::open_apart(runs.path())?;
        if wanted("process_round_trip") {
            processes::process_round_trip(&runtime, &apart);
        }
        if wanted("process_chain") {
            processes::process_chain(&runtime, &apart);
        }
        apart.close_blocking();
    }
    if wanted("process_payload") {
        processes::process_payload(&runtime, &workflow);
    }
    if wanted("process_bash_true") {
        commands::process_bash_true(&runtime, &workflow, runs.path());
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
