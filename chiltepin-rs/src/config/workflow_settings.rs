use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::retries::Retries;
use tracing::level_filters::LevelFilter;

/// The settings of a run: the table `workflow`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkflowSettings {
    /// The folder that holds what runs leave behind, from the working directory of the program.
    pub run_dir: PathBuf,
    /// How often a failed task is tried again.
    pub retries: Retries,
    /// Where calls without `.on()` may go; anywhere if not given. Each is configured.
    pub executors: Option<Vec<String>>,
    /// How many tasks with a label may run at once.
    pub limits: BTreeMap<String, u32>,
    /// Where results of tasks with `cache` are kept; `cache` below `run_dir` if not given.
    pub cache: Option<CacheFolder>,
    /// What makes a cached result of a function out of date.
    pub cache_mode: CacheMode,
    /// Whether a run keeps a journal in its folder.
    pub journal: bool,
    /// Of which calls the journal has the arguments, for `chiltepin rerun`.
    pub record_arguments: RecordArguments,
    /// How a run is shown on stderr while it goes on.
    pub progress: Progress,
    /// How long running tasks may go on after the first Ctrl-C.
    pub grace: Duration,
    /// What is logged; left to the program if not given.
    pub log_level: Option<LogLevel>,
}

impl Default for WorkflowSettings {
    fn default() -> Self {
        Self {
            run_dir: PathBuf::from("runs"),
            retries: Retries::default(),
            executors: None,
            limits: BTreeMap::new(),
            cache: None,
            cache_mode: CacheMode::Body,
            journal: true,
            record_arguments: RecordArguments::Failed,
            progress: Progress::Auto,
            grace: Duration::from_secs(10),
            log_level: None,
        }
    }
}

/// Where results are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheFolder {
    /// Nowhere: every task runs.
    Off,
    /// In this folder.
    At(PathBuf),
}

/// What of the program counts for the results of its functions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheMode {
    /// The function itself, as it is written: a change of what it calls is not seen, unless its
    /// `version` is changed too.
    #[default]
    Body,
    /// The whole program's file: every build may be another one.
    Binary,
}

impl CacheMode {
    pub(crate) const NAMES: [&str; 2] = ["body", "binary"];
    pub(crate) const ALL: [Self; 2] = [Self::Body, Self::Binary];
}

impl fmt::Display for CacheMode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(Self::NAMES[*self as usize])
    }
}

/// How a run is shown on stderr while it goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// On a terminal as a row for each function and executor, after a second; elsewhere as
    /// [`Lines`](Self::Lines).
    #[default]
    Auto,
    /// As a line every ten seconds, and less often the longer the run is.
    Lines,
    /// Not at all.
    Off,
}

impl Progress {
    pub(crate) const NAMES: [&str; 3] = ["auto", "lines", "off"];
    pub(crate) const ALL: [Self; 3] = [Self::Auto, Self::Lines, Self::Off];
}

impl fmt::Display for Progress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(Self::NAMES[*self as usize])
    }
}

/// Of which calls the journal has the arguments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordArguments {
    /// Of none.
    None,
    /// Of those that fail.
    #[default]
    Failed,
    /// Of each that starts.
    All,
}

impl RecordArguments {
    pub(crate) const NAMES: [&str; 3] = ["none", "failed", "all"];
    pub(crate) const ALL: [Self; 3] = [Self::None, Self::Failed, Self::All];
}

impl fmt::Display for RecordArguments {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(Self::NAMES[*self as usize])
    }
}

/// How much is logged, each level with all before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What went wrong.
    Error,
    /// What may go wrong.
    Warn,
    /// What happens to the run.
    Info,
    /// What happens to each task.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    pub(crate) const NAMES: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    const ALL: [Self; 6] = [
        Self::Off,
        Self::Error,
        Self::Warn,
        Self::Info,
        Self::Debug,
        Self::Trace,
    ];
}

impl fmt::Display for LogLevel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(Self::NAMES[*self as usize])
    }
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Off => Self::OFF,
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

/// A text that names no [`LogLevel`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no log level; they are `{names}`", names = LogLevel::NAMES.join("`, `"))]
pub struct UnknownLogLevel(String);

impl FromStr for LogLevel {
    type Err = UnknownLogLevel;

    /// Reads a level by its name in upper or lower case.
    fn from_str(text: &str) -> Result<Self, UnknownLogLevel> {
        let named = Self::NAMES
            .iter()
            .position(|name| name.eq_ignore_ascii_case(text));
        named
            .map(|index| Self::ALL[index])
            .ok_or_else(|| UnknownLogLevel(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_read_what_they_print() {
        for level in LogLevel::ALL {
            assert_eq!(level.to_string().parse(), Ok(level));
            assert_eq!(level.to_string().to_uppercase().parse(), Ok(level));
            assert_eq!(LevelFilter::from(level).to_string(), level.to_string());
        }
        assert_eq!(
            "verbose".parse::<LogLevel>().unwrap_err().to_string(),
            "`verbose` is no log level; they are `off`, `error`, `warn`, `info`, `debug`, `trace`"
        );
    }
}
