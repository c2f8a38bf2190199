//! The record of a run, begun when its workflow is opened.

use std::sync::Arc;

use chiltepin_executors::LazyFolder;

use crate::config::{Config, Provider};
use crate::driver::Driver;
use crate::report::{Journal, RunStarted};
use crate::run::RunId;

/// Begins the journal of a run, if it is to have one. One that cannot be written keeps nobody from
/// running.
pub(super) fn begin(config: &Config, run: RunId, folder: &LazyFolder) -> Option<Arc<Journal>> {
    if !config.workflow.journal {
        return None;
    }
    let folder = folder.path();
    match Journal::begin(&folder, started(config, run)) {
        Ok(journal) => Some(journal),
        Err(error) => {
            let folder = folder.display();
            tracing::warn!(%folder, %error, "cannot write a journal; the run goes on without it");
            None
        }
    }
}

/// Has the journal note how the blocks of the executors stand.
pub(super) fn watch_blocks(journal: &Journal, driver: &Arc<Driver>) {
    let driver = Arc::downgrade(driver);
    journal.watch_blocks(Box::new(move || {
        driver
            .upgrade()
            .map(|driver| driver.blocks())
            .unwrap_or_default()
    }));
}

fn started(config: &Config, run: RunId) -> RunStarted {
    let mut arguments = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    let first = arguments.next().unwrap_or_default();
    let program = std::env::current_exe().map_or(first, |path| path.display().to_string());
    let directory = std::env::current_dir().unwrap_or_default();
    let resources = config.resources.iter();
    let mut executors: Vec<_> = resources
        .map(|resource| (resource.name.clone(), resource.provider.name().to_owned()))
        .collect();
    executors.push((super::install::JOINS.to_owned(), "joins".to_owned()));
    let accounts = config.resources.iter().filter_map(|resource| {
        let (Provider::Slurm(batch) | Provider::PbsPro(batch)) = &resource.provider else {
            return None;
        };
        Some((resource.name.clone(), batch.account.clone()?))
    });
    RunStarted {
        id: run.to_string(),
        program,
        arguments: arguments.collect(),
        directory: directory.display().to_string(),
        host: rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned(),
        process: std::process::id(),
        config: config.to_string(),
        executors,
        accounts: accounts.collect(),
        limits: config.workflow.limits.clone().into_iter().collect(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        unix_time: run.began_micros(),
    }
}
