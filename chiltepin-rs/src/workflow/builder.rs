use std::path::PathBuf;
use std::sync::Arc;

#[cfg(feature = "cluster")]
use chiltepin_executors::blocks::Rendezvous;
use chiltepin_executors::{panic, registry, start};
use tokio::runtime::Runtime;

use super::Workflow;
use super::install::Ground;
use super::record;
use super::session::Session;
use super::signals::Signals;
use crate::config::{Config, LogLevel, Progress, Provider};
use crate::driver::{Driver, Labels, Settings};
use crate::{Error, Result, environment};

/// How to open a workflow; see [`Workflow::builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is opened until `.open()`"]
pub struct WorkflowBuilder {
    source: Source,
    include: Option<Vec<String>>,
    run_dir: Option<PathBuf>,
    log_level: Option<LogLevel>,
    journal: Option<bool>,
    progress: Option<Progress>,
    handle_signals: bool,
}

#[derive(Clone, Debug, Default)]
enum Source {
    /// What `CHILTEPIN_CONFIG` names, else the default.
    #[default]
    Environment,
    File(PathBuf),
    Given(Box<Config>),
}

impl WorkflowBuilder {
    /// Reads the configuration file at `path`, TOML or YAML.
    pub fn config(mut self, path: impl Into<PathBuf>) -> Self {
        self.source = Source::File(path.into());
        self
    }

    /// Takes a configuration that is read already.
    pub fn config_value(mut self, config: Config) -> Self {
        self.source = Source::Given(Box::new(config));
        self
    }

    /// Takes only these resources of the configuration, and `local`.
    pub fn include<S: Into<String>>(mut self, labels: impl IntoIterator<Item = S>) -> Self {
        self.include = Some(labels.into_iter().map(Into::into).collect());
        self
    }

    /// The folder in which each run makes its own, when it needs one.
    pub fn run_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.run_dir = Some(path.into());
        self
    }

    /// Whether the run keeps a journal of what happens in its folder, `run.journal`, which
    /// `chiltepin show` and its like read; it does unless the configuration says otherwise.
    ///
    /// ```
    /// # use chiltepin::Workflow;
    /// let workflow = Workflow::builder().journal(false).open()?;
    /// # Ok::<(), chiltepin::Error>(())
    /// ```
    pub fn journal(mut self, journal: bool) -> Self {
        self.journal = Some(journal);
        self
    }

    /// How the run is shown on stderr while it goes on; [`Progress::Auto`] unless the configuration
    /// says otherwise.
    ///
    /// ```
    /// # use chiltepin::Workflow;
    /// use chiltepin::config::Progress;
    ///
    /// let workflow = Workflow::builder().progress(Progress::Off).open()?;
    /// # Ok::<(), chiltepin::Error>(())
    /// ```
    pub fn progress(mut self, progress: Progress) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Prints the workflow's own events from this level on to stderr, unless the program has set
    /// up `tracing` itself.
    pub fn log_level(mut self, level: LogLevel) -> Self {
        self.log_level = Some(level);
        self
    }

    /// Has Ctrl-C and SIGTERM end the workflow's tasks before they end the program, as
    /// `#[chiltepin::main]` does: the first lets running tasks end within the configured grace, the
    /// second kills them. Then main has two seconds to return by itself; else the program ends
    /// with exit code 130 or 143.
    ///
    /// Without it the signals end the program at once, and its commands, which are process groups
    /// of their own, go on.
    pub fn handle_signals(mut self) -> Self {
        self.handle_signals = true;
        self
    }

    /// Opens the workflow.
    ///
    /// # Errors
    /// If the configuration is wrong, two tasks of the program have one name, the system refuses
    /// the threads, or this is a worker process that [`init`](crate::init) was to let in.
    pub fn open(self) -> Result<Workflow> {
        start::check()?;
        let mut config = match self.source {
            Source::File(path) => Config::load(path)?,
            Source::Given(config) => *config,
            Source::Environment => match environment::config_path() {
                Some(path) => Config::load(path)?,
                None => Config::default(),
            },
        };
        if let Some(labels) = self.include {
            config = config.include(labels)?;
        }
        if let Some(run_dir) = self.run_dir {
            config.workflow.run_dir = run_dir;
        }
        if let Some(journal) = self.journal {
            config.workflow.journal = journal;
        }
        if let Some(progress) = self.progress {
            config.workflow.progress = progress;
        }
        let log_level = self
            .log_level
            .or(environment::log_level()?)
            .or(config.workflow.log_level);
        if let Some(level) = log_level {
            crate::log::install(level);
        }
        registry::check(registry::tasks())?;
        panic::install_hook(environment::backtrace());
        let workflow = open(config, log_level)?;
        if self.handle_signals
            && let Some(session) = workflow.session()
        {
            let listening = Arc::new(Signals::new()).listen(session);
            let action = "listen for signals".to_owned();
            listening.map_err(|error| Error::System { action, error })?;
        }
        Ok(workflow)
    }
}

fn open(config: Config, log_level: Option<LogLevel>) -> Result<Workflow> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = runtime(threads)?;
    let grace = config.workflow.grace;
    let run = crate::run::RunId::now();
    let run_folder = crate::run::folder(&config.workflow.run_dir);
    #[cfg(feature = "cluster")]
    let rendezvous = Rendezvous::new(&run_folder, runtime.handle());
    let ground = Ground {
        #[cfg(feature = "cluster")]
        rendezvous: &rendezvous,
        handle: runtime.handle(),
        threads,
        run_folder: &run_folder,
        log_level,
    };
    let mut executors: Vec<_> = config
        .resources
        .iter()
        .map(|resource| ground.install(resource))
        .collect();
    executors.push(ground.joins());
    #[cfg(feature = "records")]
    let results = super::caching::results(&config.workflow, run);
    #[cfg(not(feature = "records"))]
    let results = None;
    let has_blocks = config
        .resources
        .iter()
        .any(|resource| matches!(resource.provider, Provider::Slurm(_) | Provider::PbsPro(_)));
    let keeps_accounts = config
        .resources
        .iter()
        .any(|resource| !matches!(resource.provider, Provider::Threads(_)));
    let stream = record::begin(&config, run, &run_folder);
    #[cfg(feature = "records")]
    let recording = stream
        .as_ref()
        .and_then(|_| record::recording(&config, &run_folder));
    let settings = Settings {
        executors: config.workflow.executors,
        retries: config.workflow.retries,
        labels: Labels::new(&config.workflow.limits),
        run_folder,
        seed: run.seed(),
        results,
        #[cfg(feature = "records")]
        recording,
        recorder: stream.clone().map(|stream| stream as _),
        accounts: keeps_accounts,
    };
    let driver = Driver::new(executors, settings, runtime.handle().clone());
    if let Some(stream) = stream
        && has_blocks
    {
        record::watch_blocks(&stream, &driver);
    }
    Ok(Workflow::of_session(Session::new(driver, runtime, grace)))
}

/// How many threads of the runtime may block at once; about what a system lets a process have.
const MAX_BLOCKED: usize = 32_000;

pub(super) fn runtime(threads: usize) -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        // Whoever blocks for a future on a thread of the runtime gives his place to one of these;
        // at tokio's 512 nobody would be left to run what all of them wait for.
        .max_blocking_threads(MAX_BLOCKED)
        .thread_name("chiltepin")
        .enable_all()
        .build()
        .map_err(|error| Error::System {
            action: "start the workflow's threads".to_owned(),
            error,
        })
}
