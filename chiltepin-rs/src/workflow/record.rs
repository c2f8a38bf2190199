//! The record of a run, begun when its workflow is opened.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Instant;

use chiltepin_executors::LazyFolder;
use chiltepin_executors::start::origin;

use crate::config::{Config, Progress, Provider};
use crate::driver::Driver;
#[cfg(feature = "records")]
use crate::driver::Recording;
use crate::environment;
#[cfg(feature = "records")]
use crate::report::Journal;
use crate::report::{Busy, Live, RunStarted, Stream, View};
use crate::run::RunId;

/// Begins to tell what happens in a run, if anybody is to look.
#[cfg_attr(
    not(feature = "records"),
    expect(unused_variables, reason = "only a journal has a folder")
)]
pub(super) fn begin(config: &Config, run: RunId, folder: &LazyFolder) -> Option<Arc<Stream>> {
    let began = Instant::now();
    let busy = Arc::default();
    let mut views: Vec<Box<dyn View>> = Vec::new();
    #[cfg(feature = "records")]
    if let Some(journal) = journal(config, folder) {
        views.push(Box::new(journal));
    }
    if let Some(live) = live(config, began, &busy) {
        views.push(Box::new(live));
    }
    if views.is_empty() {
        return None;
    }
    let stream = Stream::begin(began, started(config, run), views, busy);
    let tell = |error| tracing::warn!(%error, "cannot keep a record; the run goes on without it");
    stream.map_err(tell).ok()
}

/// Begins to show a run, if it is to be shown. One that cannot be shown runs all the same.
fn live(config: &Config, began: Instant, busy: &Arc<Busy>) -> Option<Live> {
    let has_rows = || std::io::stderr().is_terminal() && !environment::is_plain_terminal();
    let live = match config.workflow.progress {
        Progress::Off => return None,
        Progress::Auto if has_rows() => Live::on_terminal(began, Arc::clone(busy)),
        Progress::Auto | Progress::Lines => Live::in_lines(began),
    };
    let tell = |error| tracing::warn!(%error, "cannot show the run; it goes on without that");
    live.map_err(tell).ok()
}

/// Begins the journal of a run, if it is to have one. One that cannot be written keeps nobody from
/// running.
#[cfg(feature = "records")]
fn journal(config: &Config, folder: &LazyFolder) -> Option<Journal> {
    if !config.workflow.journal {
        return None;
    }
    let folder = folder.path();
    match Journal::begin(&folder) {
        Ok(journal) => Some(journal),
        Err(error) => {
            let folder = folder.display();
            tracing::warn!(%folder, %error, "cannot write a journal; the run goes on without it");
            None
        }
    }
}

/// Which arguments of calls the journal has. A program that cannot be started for one call alone
/// has no use for any.
#[cfg(feature = "records")]
pub(super) fn recording(config: &Config, folder: &LazyFolder) -> Option<Recording> {
    origin().ok()?;
    let settings = &config.workflow;
    Recording::new(settings.record_arguments, folder).filter(|_| settings.journal)
}

/// Has it told how the blocks of the executors stand.
pub(super) fn watch_blocks(stream: &Stream, driver: &Arc<Driver>) {
    let driver = Arc::downgrade(driver);
    stream.watch_blocks(Box::new(move || {
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
        restart: origin().ok().map(|origin| {
            let arguments = origin.arguments().into_iter();
            arguments
                .map(|argument| argument.to_string_lossy().into_owned())
                .collect()
        }),
        accounts: accounts.collect(),
        limits: config.workflow.limits.clone().into_iter().collect(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        unix_time: run.began_micros(),
    }
}
