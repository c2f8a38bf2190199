//! What resources ask of their batch systems: shown, and asked without effect.

use std::io::Write;
use std::path::{Path, PathBuf};

use chiltepin_executors::provider::{
    BatchSettings, BlockRequest, Current, Pbs, Provider as _, ProviderError, Slurm,
};

use super::exit::Exit;
use super::jobs::{commands, wait};
use crate::config::{Allocation, Batch, Config, Provider, Resource};
use crate::workflow::cluster::batch_settings;

/// The batch resources of a configuration that can be used.
fn batches(config: &Config) -> impl Iterator<Item = (&Resource, &Batch)> {
    let usable = config.resources.iter();
    let usable = usable.filter(|resource| resource.unavailable().is_none());
    usable.filter_map(|resource| match &resource.provider {
        Provider::Slurm(batch) | Provider::PbsPro(batch) => Some((resource, batch)),
        _ => None,
    })
}

/// A block of a run that is not there: capital letters stand for what a run fills in.
fn request(resource: &Resource, run: &Path) -> BlockRequest {
    let name = &resource.name;
    BlockRequest {
        name: format!("chiltepin-RUN-{name}-1"),
        block: 1,
        claim: run.join("PRIVATE").join(format!("{name}-1.claim")),
        program: run.join("PRIVATE/PROGRAM"),
        arguments: Vec::new(),
        script: run.join(format!("{name}-1.sh")),
        output: run.join(format!("{name}-1.out")),
        exclude: Vec::new(),
    }
}

fn here() -> std::io::Result<PathBuf> {
    std::env::current_dir()
}

/// Prints the batch script of each resource.
pub(super) fn scripts(
    config: &Config,
    out: &mut dyn Write,
    errors: &mut dyn Write,
) -> std::io::Result<Exit> {
    let here = here()?;
    let run = here.join(&config.workflow.run_dir).join("RUN");
    let mut exit = Exit::Success;
    let mut any = false;
    for (resource, batch) in batches(config) {
        let name = &resource.name;
        if any {
            writeln!(out)?;
        }
        any = true;
        let settings = batch_settings(resource, batch, here.clone());
        let request = request(resource, &run);
        match rendered(resource, batch, settings, &request) {
            Ok(script) => {
                writeln!(
                    out,
                    "# Resource `{name}`: RUN, PRIVATE and PROGRAM stand for what a run fills in.\n"
                )?;
                write!(out, "{script}")?;
            }
            Err(error) => {
                writeln!(errors, "resource `{name}`: {error}")?;
                exit = Exit::Failure;
            }
        }
    }
    if !any {
        writeln!(errors, "no resource has a batch script: {}", with_batches())?;
    }
    Ok(exit)
}

fn with_batches() -> &'static str {
    "those of the providers `slurm` and `pbspro` do"
}

fn rendered(
    resource: &Resource,
    batch: &Batch,
    settings: BatchSettings,
    request: &BlockRequest,
) -> Result<String, ProviderError> {
    let commands = commands();
    Ok(match (batch.allocation, &resource.provider) {
        (Allocation::Current, _) => Current::new(settings, &commands)?.render(request),
        (_, Provider::Slurm(_)) => Slurm::new(settings, &commands).render(request),
        _ => Pbs::new(settings, &commands).render(request),
    })
}

/// Asks the batch systems whether they would take a block of each resource.
pub(super) fn submit_tests(
    config: &Config,
    out: &mut dyn Write,
    errors: &mut dyn Write,
) -> std::io::Result<Exit> {
    let folder = tempfile::tempdir()?;
    let mut exit = Exit::Success;
    let mut any = false;
    for (resource, batch) in batches(config) {
        any = true;
        let name = &resource.name;
        let settings = batch_settings(resource, batch, here()?);
        let answer = match (batch.allocation, &resource.provider) {
            (Allocation::Current, _) => Current::new(settings, &commands())
                .map(|current| format!("{} has room for a block", current.name())),
            (_, Provider::Slurm(_)) => {
                let slurm = Slurm::new(settings, &commands());
                test(&slurm, batch, &request(resource, folder.path()))
            }
            _ => Ok("PBS Pro cannot be asked without submitting".to_owned()),
        };
        match answer {
            Ok(answer) => writeln!(out, "resource `{name}`: {answer}")?,
            Err(error) => {
                writeln!(errors, "resource `{name}`: {error}")?;
                exit = Exit::Failure;
            }
        }
    }
    if !any {
        writeln!(errors, "no resource has blocks: {}", with_batches())?;
    }
    Ok(exit)
}

/// Slurm's own answer, and whether the workers of a node fit on it.
fn test(slurm: &Slurm, batch: &Batch, request: &BlockRequest) -> Result<String, ProviderError> {
    let mut answer = wait(slurm.test(request))?;
    let pool = &batch.pool;
    // With `cores_per_node` given, the check of the configuration has compared them.
    if pool.cores_per_node.is_some() || pool.mpi.is_some() {
        return Ok(answer);
    }
    let workers = pool.max_workers_per_node.unwrap_or(1);
    let needed = u64::from(workers) * u64::from(pool.cores_per_worker);
    let cores = wait(slurm.cores())?;
    let (Some(&fewest), Some(&most)) = (cores.first(), cores.last()) else {
        return Ok(answer);
    };
    if needed > u64::from(most) {
        return Err(ProviderError::Refused {
            command: "check".to_owned(),
            message: format!(
                "{workers} × `cores_per_worker` {} is more than the {most} cores of the \
                 partition's largest nodes; lower `max_workers_per_node` or `cores_per_worker`",
                pool.cores_per_worker
            ),
        });
    }
    if needed > u64::from(fewest) {
        answer.push_str(&format!(
            "\n  {workers} × `cores_per_worker` {} is more than the {fewest} cores of its smallest \
             nodes; `cores_per_node` keeps blocks off them",
            pool.cores_per_worker
        ));
    }
    Ok(answer)
}
