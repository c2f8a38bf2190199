//! Batch systems, as the command line asks them.

use std::future::Future;
use std::io;

use chiltepin_executors::provider::{
    BatchSettings, Commands, LedgerJob, NamedJob, Pbs, Provider, ProviderError, Slurm,
};

use crate::environment;

/// The commands that this process's environment leads to.
pub(super) fn commands() -> Commands {
    Commands::new(environment::variables(), Commands::LIMIT)
}

/// The batch system that a ledger names; none where its jobs are nothing but processes.
pub(super) fn provider(name: &str) -> Option<Box<dyn Provider>> {
    let settings = BatchSettings::default();
    match name {
        "slurm" => Some(Box::new(Slurm::new(settings, &commands()))),
        "pbspro" => Some(Box::new(Pbs::new(settings, &commands()))),
        _ => None,
    }
}

/// What is known of the jobs of a ledger that one batch system has.
pub(super) struct Found {
    pub(super) provider: Box<dyn Provider>,
    /// Those that are not known to be over, each with what the batch system says of it now.
    pub(super) jobs: Vec<(LedgerJob, Option<NamedJob>)>,
}

/// Looks for the jobs of a ledger, each under its own name and its own number: a job that has one
/// and not the other is somebody else's.
pub(super) fn find(ledger: Vec<LedgerJob>) -> Vec<Result<Found, ProviderError>> {
    let mut open: Vec<(String, Vec<LedgerJob>)> = Vec::new();
    for job in ledger.into_iter().filter(|job| !job.over) {
        match open
            .iter_mut()
            .find(|(provider, _)| *provider == job.provider)
        {
            Some((_, jobs)) => jobs.push(job),
            None => open.push((job.provider.clone(), vec![job])),
        }
    }
    let found = |(name, jobs): (String, Vec<LedgerJob>)| {
        let provider = provider(&name)?;
        let names: Vec<_> = jobs.iter().map(|job| job.name.clone()).collect();
        let named = match wait(provider.find(&names)) {
            Ok(named) => named,
            Err(error) => return Some(Err(error)),
        };
        let jobs = jobs.into_iter().map(|job| {
            let mut all = named.iter();
            let its = all.find(|other| other.name == job.name && is_same(&job, other));
            let its = its.cloned();
            (job, its)
        });
        let jobs = jobs.collect();
        Some(Ok(Found { provider, jobs }))
    };
    open.into_iter().filter_map(found).collect()
}

/// Whether the number is the one that was noted, if one was.
fn is_same(job: &LedgerJob, found: &NamedJob) -> bool {
    // `12;cluster` to Slurm, `12.server` to PBS.
    let number = |id: &str| id.split([';', '.']).next().map(ToOwned::to_owned);
    job.job
        .as_ref()
        .is_none_or(|noted| number(&noted.0) == number(&found.job.0))
}

/// Waits for what the commands of a batch system say.
pub(super) fn wait<T>(
    asked: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error: io::Error| ProviderError::System {
        action: "wait for commands".to_owned(),
        message: error.to_string(),
    })?;
    runtime.block_on(asked)
}
